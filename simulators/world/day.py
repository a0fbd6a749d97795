"""One polling day of a world, from a seed: build, run with the swarm, heal, demand that everything arrived, judge."""

import asyncio
import contextlib
import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from crypto.statements import Endpoint
from simulators.election import Times, commission
from simulators.officials import ImpatientError
from simulators.results import Results, Station
from simulators.verdict import judge
from simulators.virtual.clock import SeededEntropy
from simulators.virtual.loop import START_S, VirtualLoop
from simulators.virtual.mqtt_broker import SimBroker
from simulators.virtual.mqtt_packets import Message
from simulators.virtual.net import Network, install
from simulators.virtual.trace import Trace
from simulators.world.branch import BROKER_PORT, UPLINKS, Branch
from simulators.world.centre import HOST, PORT, Centre
from simulators.world.checks import (
    Wiretap,
    evidence_findings,
    journal_findings,
    log_findings,
    receipt_findings,
    secrecy_findings,
)
from simulators.world.swarm import Swarm

HOUR: Final = 3_600
DAY_BEGINS_MS: Final = 1_813_289_400_000  # 2027-06-18T03:30:00Z, a morning in Tehran
STORM_S: Final = 300  # so long before closing time faults get thick


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of a day, in seconds after it began, one after another."""

    open_s: int = 1 * HOUR
    close_s: int = 11 * HOUR
    heal_s: int = 12 * HOUR
    """When the faults end."""
    deadline_s: int = 13 * HOUR
    """By then everything must have arrived; the envelopes may be opened."""


FULL_DAY: Final = Hours()


@dataclass(slots=True)
class Outcome:
    """What a day came to. ``trace`` is the same in every run of the seed."""

    report: dict[str, Any]
    trace: str
    virtual_s: float
    faults: dict[str, int]
    lives: int


class WorldDay:
    """One day. ``faults`` False: a day on which nothing breaks."""

    def __init__(
        self,
        results: Results,
        stations: Sequence[Station],
        seed: str,
        *,
        faults: bool,
        verbose: bool = False,
        hours: Hours = FULL_DAY,
    ) -> None:
        self._data: Path = results.directory
        self._stations = stations
        self._faults, self._hours = faults, hours
        self.loop = VirtualLoop(seed=seed, trace=Trace(tail=200))
        self.network = Network(self.loop)
        self.broker = SimBroker(self.network)
        self.tap = Wiretap()
        self.broker.on_publish.append(self._published)
        self.network.tap(self.tap.sent)
        for name in UPLINKS:
            self.broker.listen(name, BROKER_PORT)
        self.broker.listen(HOST, PORT)
        schedule = (hours.open_s, hours.close_s, hours.close_s, hours.deadline_s)
        times = Times(*(DAY_BEGINS_MS + 1000 * at_s for at_s in schedule))
        entropy = SeededEntropy(seed, "commissioning")
        endpoint = Endpoint(host=HOST, port=PORT)
        self.election = commission(results, stations, times, entropy, endpoint)
        self.centre = Centre(self.loop, self.network, self.election, wall_start_ms=DAY_BEGINS_MS)
        self.branches = [
            Branch(
                self.loop,
                self.network,
                self.election,
                station,
                wall_start_ms=DAY_BEGINS_MS,
                verbose=verbose,
            )
            for station in stations
        ]
        self.swarm = Swarm(self.loop, self.branches, self.centre, self.broker)

    def run(self) -> Outcome:
        """The day and the judgement."""
        with self.loop, install(self.loop, self.network):
            findings = self.loop.run_until_complete(self._day())
            virtual_s = self.loop.time() - START_S
            statuses = {branch.name: branch.end() for branch in self.branches}
            self.centre.cut()
            report = self._judge(findings, {name: status for name, status in statuses.items() if status})
            trace = self.loop.trace.hexdigest()
            lives = sum(branch.lives for branch in self.branches) + self.centre.lives
        for disk in (self.centre.disk, *(branch.disk for branch in self.branches)):
            disk.close()
        return Outcome(report, trace, virtual_s, dict(sorted(self.swarm.struck.items())), lives)

    # --- script ---

    async def _day(self) -> list[str]:
        self.centre.start()
        for branch in self.branches:
            branch.start()
        if self._faults:
            self.swarm.start()
        tasks = [self.loop.create_task(self._branch_day(branch)) for branch in self.branches]
        await self._sleep_until(self._hours.close_s - STORM_S)
        self.swarm.storm = True
        await self._sleep_until(self._hours.heal_s)
        self.swarm.heal()
        await self._sleep_until(self._hours.deadline_s)
        findings = []
        for branch, task in zip(self.branches, tasks, strict=True):
            if not task.done():
                status = await branch.officials.status()
                phase = status["phase"] if status else "silent"
                since_s = self._hours.deadline_s - self._hours.heal_s
                findings.append(
                    f"{branch.name}: not archived {since_s} s after everything healed (it is {phase})"
                )
                task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                try:
                    await task
                except ImpatientError as error:
                    findings.append(str(error))
        return findings

    async def _branch_day(self, branch: Branch) -> None:
        officials = branch.officials
        await officials.readiness()
        await officials.order("zero")
        await self._sleep_until(self._hours.open_s)
        await officials.order("open")
        begin = self.loop.time()
        await branch.vote(begin, START_S + self._hours.close_s)
        await self._sleep_until(self._hours.close_s)
        await officials.order("close")
        voters = {contest: row.signed_for for contest, row in branch.station.contests.items()}
        await officials.order("account", voters)
        await officials.until_phase("delivered")
        await officials.order("archive")

    async def _sleep_until(self, at_s: float) -> None:
        await asyncio.sleep(max(0.0, START_S + at_s - self.loop.time()))

    def _published(self, client: str, message: Message) -> None:
        del client
        self.tap.published(message.topic, message.payload)

    # --- judgement ---

    def _judge(self, findings: list[str], statuses: dict[str, dict[str, Any]]) -> dict[str, Any]:
        entries = self.centre.entries()
        manifest = self.election.trusted
        broken = ["a witness was shown two logs"] * self.centre.witnesses.accusations
        broken += [*findings, *log_findings(entries), *secrecy_findings(self.branches, self.tap, manifest)]
        gc.collect()  # what nobody held or asked for is complained about when it is collected
        broken += self.loop.complaints
        for branch in self.branches:
            facts, leaves = branch.read_journal()
            broken += branch.broken
            broken += journal_findings(branch, facts, leaves, self.tap)
            broken += receipt_findings(branch.name, facts, entries, manifest)
            broken += evidence_findings(branch, entries, manifest)
        opening = self.centre.open(DAY_BEGINS_MS + 1000 * self._hours.deadline_s)
        tallies = [entry.branch for entry in entries if entry.kind == "sealed-tally"]
        opened = msgspec.to_builtins(opening)
        report = judge(self._data, self._stations, statuses, opened, tallies)
        report["broken"] = broken
        if broken:
            report["verdict"] = "failed"
        return report
