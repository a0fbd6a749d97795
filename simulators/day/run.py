"""The script of the day: readiness, zero proof, open, voting, cuts at the moment of closing, receipts, opening."""

import asyncio
import contextlib
import os
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from crypto.statements import Endpoint
from simulators.day.headquarters import Headquarters
from simulators.day.opening_night import OpeningNight
from simulators.day.progress import Watcher
from simulators.day.site import UPLINKS, Site, UplinkTap, monotonic_ms, wall_ms
from simulators.day.workspace import Workspace
from simulators.devices.terminal_reports import Dishonesty
from simulators.election import Election, Times, commission
from simulators.loopback.broker import Broker
from simulators.results import Results, Station, load_results, select
from simulators.trustees import THRESHOLD
from simulators.verdict import judge

BRANCHES_MAX: Final = 64  # real processes; more are for `kit-sim world`
START_MS: Final = 3_000  # from commissioning to the opening of the polls, and for each branch:
START_EACH_MS: Final = 450
CLOSE_EACH_MS: Final = 150  # a little more time for voting where the machine has more to do
OPENING_MS: Final = 4_000  # from close to the earliest opening of the envelopes
STATUS_S: Final = 0.5  # between two looks at a branch
STARTING_MAX: Final = 4  # daemons that start at the same time: there are few cores


Scene = Literal["started", "closing"]
"""Everybody is ready; the polls have closed and the cuts have struck."""
Drill = Callable[[Scene, "Day"], Awaitable[None]]
"""More trouble than the script has: called at the beginning of each scene, and waited for."""


@dataclass(slots=True)
class Options:
    """What a day is made of. ``voting_ms``: how long the polls are open."""

    data: Path
    branches: int = 5
    seed: int = 1
    voting_ms: int = 8_000
    keep: Path | None = None
    dishonest: Mapping[str, Sequence[Dishonesty]] = field(default_factory=dict)
    """Which branches have a terminal that miscounts, and how."""
    tap: UplinkTap | None = None
    drill: Drill | None = None
    broker: Broker | None = None
    """None for the demo's own."""


@dataclass(slots=True)
class Measured:
    """What was broken on purpose, and what was measured on the way."""

    faults: list[dict[str, Any]] = field(default_factory=list)
    delivery_ms: dict[str, int] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    noticed_ms: int = 0
    survived: bool = False


async def run_day(options: Options, watcher: Watcher) -> dict[str, Any]:
    """Run one day and return the report of ``simulators.verdict.judge``, with faults and seconds.

    Raises:
        DataError: the input files cannot be used.
        WorkspaceError: the folder cannot be used.
        BrokerError, ProgramError: a program did not start or ended by itself.
        ImpatientError: a branch did not get on.

    A note of the exception says where everything is kept, if something was begun.
    """
    results = load_results(options.data)
    stations = select(results, options.branches, options.seed)
    workspace = Workspace(options.keep, [station.branch_id for station in stations])
    day = Day(options, results, stations, workspace.path, watcher)
    started = time.monotonic()
    try:
        try:
            report = await day.run()
        finally:
            await day.close()
            watcher.close()
    except Exception as error:
        if (kept := workspace.leave(remove=False)) is not None:
            error.add_note(f"everything is kept in {kept}")
        raise
    except BaseException:  # interrupted: whoever did it has seen enough
        workspace.leave(remove=True)
        raise
    report["seconds"] = round(time.monotonic() - started, 1)
    if (kept := workspace.leave(remove=report["verdict"] == "ok")) is not None:
        report["folder"] = str(kept)
    return report


class Day:
    """One day's cast and script."""

    def __init__(
        self,
        options: Options,
        results: Results,
        stations: tuple[Station, ...],
        folder: Path,
        watcher: Watcher,
    ) -> None:
        self._options, self._results, self._stations = options, results, stations
        self.folder, self._watcher = folder, watcher
        self._rng = Random(f"day/{options.seed}")
        self._measured = Measured()
        self.headquarters = Headquarters(folder, options.broker)
        self.sites: list[Site] = []
        self._statuses: dict[str, dict[str, Any]] = {}
        self._times = Times(0, 0, 0, 0)
        self._election: Election | None = None

    async def run(self) -> dict[str, Any]:
        """The whole day; returns the report."""
        await self._set_up()
        looking = asyncio.create_task(self._look_at_all())
        try:
            await self._drill("started")
            await self._morning()
            await self._vote()
            await self._evening()
        finally:
            looking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await looking
        return await self._open()

    async def close(self) -> None:
        """Stop everything that was started."""
        try:
            await asyncio.gather(*(site.close() for site in self.sites))
        finally:
            await self.headquarters.close()

    # --- acts ---

    async def _set_up(self) -> None:
        self._watcher.stage(f"commissioning {len(self._stations)} branches, starting broker and centre")
        port = await self.headquarters.start_broker()
        open_ms = wall_ms() + START_MS + START_EACH_MS * len(self._stations)
        close_ms = open_ms + self._options.voting_ms + CLOSE_EACH_MS * len(self._stations)
        self._times = Times(open_ms, close_ms, close_ms, close_ms + OPENING_MS)
        endpoint = Endpoint(host="127.0.0.1", port=port)
        election = commission(self._results, self._stations, self._times, os.urandom, endpoint)
        self._election = election
        election.write(self.folder, os.urandom)
        await self.headquarters.start_center(election)
        self._watcher.stage("starting a kitd at every branch")
        self.sites = [self._site(election, station, port) for station in self._stations]
        gate = asyncio.Semaphore(STARTING_MAX)

        async def start(site: Site) -> None:
            async with gate:
                await site.start()

        await self._all(start)

    async def _morning(self) -> None:
        self._watcher.stage("readiness: every branch checks terminal, UPS and uplinks")
        await self._all(lambda site: site.officials.readiness())
        self._watcher.stage(
            "zero proof: ordered by two officials of different bodies, signed by each terminal"
        )
        await self._all(lambda site: site.officials.order("zero"))
        await _sleep_until(self._times.open_ms)
        self._watcher.stage("the polls open")
        await self._all(lambda site: site.officials.order("open"))

    async def _vote(self) -> None:
        self._watcher.stage("voting: the ballots of real stations are cast")
        rebooter = self._rng.choice(self.sites)
        until = self._times.close_ms - 500

        async def reboot() -> None:
            await asyncio.sleep(max(0.5, (until - wall_ms()) / 2000))
            self._fault(rebooter, "terminal-reboot", "the voting terminal reboots in the middle of voting")
            rebooter.terminal.reboot(2)

        await asyncio.gather(reboot(), *(site.vote(until) for site in self.sites))
        await _sleep_until(self._times.close_ms)

    async def _evening(self) -> None:
        victim = self._rng.choice(self.sites)
        self._watcher.stage("closing time: mains cut and fibre holed everywhere, at this moment")
        for site in self.sites:
            site.ups.set_mains(on=False, now_ms=monotonic_ms())
            site.relays["fibre"].hole()
            self._fault(site, "mains-cut", "the mains fail")
            self._fault(site, "fibre-hole", "the fibre swallows everything")
        victim.relays["4g"].hole()
        self._fault(victim, "4g-hole", "the 4G uplink swallows everything too")
        await self._drill("closing")
        await self._all(lambda site: self._finish(site, killed=site is victim))
        self._watcher.stage("power and fibre come back; the kits notice by themselves")
        for site in self.sites:
            site.ups.set_mains(on=True, now_ms=monotonic_ms())
            for relay in site.relays.values():
                relay.heal()
        await self._all(lambda site: site.officials.until("everything restored", _all_is_well))
        self._watcher.stage("the branches archive their day")
        await self._all(lambda site: site.officials.order("archive"))

    async def _finish(self, site: Site, *, killed: bool) -> None:
        """Close, account, and wait for the receipt; the victim is killed between seal and receipt."""
        officials = site.officials
        began = time.monotonic()
        if killed:  # with no uplink left, it stays sealed until it is killed
            await officials.until("no uplink is usable", lambda status: not status["uplinks"]["usable"])
            self._measured.noticed_ms = round(1000 * (time.monotonic() - began))
            self._watcher.note(site.branch, f"noticed after {self._measured.noticed_ms} ms: no uplink left")
        await officials.order("close")
        voters = {contest: row.signed_for for contest, row in site.station.contests.items()}
        await officials.order("account", voters)
        await officials.until_phase("sealed")
        sealed_at = time.monotonic()
        if killed:
            sealed_at = await self._kill_and_heal(site)
        status = await officials.until_phase("delivered")
        self._measured.delivery_ms[site.branch] = round(1000 * (time.monotonic() - sealed_at))
        link = list(status["outbox"]["receipts"].values())[-1]["uplink"]
        self._measured.links[site.branch] = link
        self._watcher.note(site.branch, f"the receipt came over {link} and was verified offline")
        await officials.until("the power cut and the dead fibre were noticed", _in_the_dark)

    async def _kill_and_heal(self, site: Site) -> float:
        """Kill the sealed kit, start it again, heal its 4G uplink; returns when that was (monotonic seconds)."""
        before = await site.officials.status()
        site.kitd.kill()
        self._fault(site, "sigkill", "kitd is killed between seal and receipt (SIGKILL)")
        await asyncio.sleep(0.5)
        await site.restart()
        after = await site.officials.until_phase("sealed")
        self._watcher.note(site.branch, "kitd is back; the sealed tally was in its journal")
        self._measured.survived = (
            before is not None
            and before["phase"] == after["phase"] == "sealed"
            and before["outbox"]["hashes"] == after["outbox"]["hashes"]
        )
        site.relays["4g"].heal()
        self._watcher.note(site.branch, "the 4G uplink works again")
        return time.monotonic()

    async def _open(self) -> dict[str, Any]:
        for site in self.sites:
            await self._look_at(site)
        await _sleep_until(self._times.opening_ms)
        assert self._election is not None  # noqa: S101 - the day begins with it
        night = OpeningNight(self._election, self.folder, self.headquarters.config, self._watcher.stage)
        received = self.headquarters.received()
        opening = await night.open()
        self._watcher.stage(
            "a stranger audits what is published, from the folder and the manifest keys alone"
        )
        audit = await night.audit()
        self._watcher.stage("comparing with the input files")
        report = judge(self._options.data, self._stations, self._statuses, opening, received)
        checks = {
            "two trustees opened, on a witnessed order; none could alone": _by_trustees(opening),
            "a stranger recomputed the published result and found no fault": not audit["faults"],
            "every tally went over the fallback, 4G": set(self._measured.links.values()) == {"4g"},
            "the killed kit was sealed and unsent, and came back with the same bytes": self._measured.survived,
        }
        report["checks"] |= checks
        if not all(checks.values()):
            report["verdict"] = "failed"
        report |= {"opening": opening["opening"], "faults": self._measured.faults}
        report["delivery_ms"] = self._measured.delivery_ms
        report["noticed_ms"] = self._measured.noticed_ms
        return report

    # --- small parts ---

    def _site(self, election: Election, station: Station, port: int) -> Site:
        return Site(
            election,
            station,
            self.folder,
            port,
            self._options.seed,
            dishonest=self._options.dishonest.get(station.branch_id, ()),
            tap=self._options.tap,
        )

    async def _drill(self, scene: Scene) -> None:
        if self._options.drill is not None:
            await self._options.drill(scene, self)

    async def _all(self, act: Callable[[Site], Awaitable[object]]) -> None:
        """Do the same at every branch at the same time; the first failure ends the day."""
        tasks = [asyncio.ensure_future(act(site)) for site in self.sites]
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()

    def _fault(self, site: Site, kind: str, text: str) -> None:
        self._measured.faults.append({"branch": site.branch, "fault": kind})
        self._watcher.fault(site.branch, text)

    async def _look_at_all(self) -> None:
        while True:
            for site in self.sites:
                await self._look_at(site)
            await asyncio.sleep(STATUS_S)

    async def _look_at(self, site: Site) -> None:
        status = await site.officials.status()
        if status is not None:
            self._statuses[site.branch] = status
            self._watcher.status(site.branch, status, site.terminal.cast_progress)


def _by_trustees(opening: Mapping[str, Any]) -> bool:
    return bool(
        opening["opening"] == "trustees"
        and all(len(one["trustees"]) >= THRESHOLD for one in opening["orders"])
    )


def _in_the_dark(status: Mapping[str, Any]) -> bool:
    return bool(status["power"]["state"] == "battery" and status["uplinks"]["usable"] == ["4g"])


def _all_is_well(status: Mapping[str, Any]) -> bool:
    return bool(status["power"]["state"] == "mains" and set(status["uplinks"]["usable"]) == set(UPLINKS))


async def _sleep_until(at_ms: int) -> None:
    """By the wall clock: schedules are wall time."""
    while (left := at_ms - wall_ms()) > 0:  # noqa: ASYNC110 - nor does a clock
        await asyncio.sleep(left / 1000)
