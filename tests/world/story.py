"""Short days that a test tells by itself: what breaks, what people do about it, and what everybody has at the end."""

import asyncio
import gc
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from center.opening.types import OpenedUnit, Opening
from crypto.codec import unb64
from crypto.submissions import check_submission
from drivers.ports import TerminalPhase
from kit.facts import EnvelopeSealed
from simulators.election import spare_of, terminal_of
from simulators.results import Station
from simulators.virtual.net import install
from simulators.world.branch import Branch
from simulators.world.checks import evidence_findings, receipt_findings, secrecy_findings
from simulators.world.commission import CommissionAtWork
from simulators.world.world import Hours, World
from tests.world.short_day import sample

HOURS: Final = Hours(open_s=300, close_s=2_400, heal_s=2_400, deadline_s=4_800)
NOON_S: Final = 1_200
T = TypeVar("T")
Votes = dict[str, dict[str, int]]
"""By contest and candidate."""


class Story(World):
    """A world with spares and a spool; ``play`` runs a script in it and holds the ends against each other."""

    def __init__(self, folder: Path, *, branches: int = 1, seed: int = 1) -> None:
        (folder / "centre").mkdir()
        results, stations = sample(branches, seed)
        super().__init__(
            results, stations, f"story/{seed}", hours=HOURS, spares=True, spool=folder / "centre"
        )
        self.branch = self.branches[0]
        self.commission = CommissionAtWork(self.election, self.centre, folder / "public")
        self.statuses: dict[str, dict[str, Any]] = {}
        """The last of each kit that ran to the end, by device."""

    def play(self, script: Callable[[], Coroutine[Any, Any, T]]) -> T:
        with self.loop, install(self.loop, self.network):
            told = self.loop.run_until_complete(script())
            for kit in self.kits:
                status = kit.end()
                if status is not None:
                    self.statuses[kit.device] = status
            self.centre.cut()
            broken = self._broken()
            assert not broken, "\n".join(broken)
        self.close()
        return told

    # --- what people do

    async def until_open(self, kit: Branch) -> None:
        """Centre and kit are switched on; the poll begins."""
        self.centre.start()
        kit.start()
        await kit.officials.readiness()
        await kit.officials.order("zero")
        await self.sleep_until(self.hours.open_s)
        await kit.officials.order("open")

    async def vote(self, kit: Branch, share: float = 1.0) -> None:
        """Voters come, in a quarter of an hour, until this share of all has voted on this terminal."""
        _, voters = kit.terminal.cast_progress
        begin, end = self.loop.time(), self.loop.time() + 900
        while kit.terminal.cast_progress[0] < round(share * voters):
            wanted = round(share * voters * min(1.0, (self.loop.time() - begin) / (end - begin)))
            while kit.terminal.cast_progress[0] < wanted:
                assert kit.terminal.cast(kit.rng)
            await asyncio.sleep(60)

    async def close_and_account(self, kit: Branch) -> None:
        await self.sleep_until(self.hours.close_s)
        await kit.officials.order("close")
        voters = {contest: row.signed_for for contest, row in kit.station.contests.items()}
        await kit.officials.order("account", voters)

    async def finish(self, kit: Branch) -> None:
        """Until everything was receipted."""
        await self.close_and_account(kit)
        await kit.officials.until_phase("delivered")

    async def take_over(self, kit: Branch) -> None:
        """The standby kit is plugged into the terminal and switched on, and both officials order it to go on."""
        kit.plug(terminal_of(kit.name))
        kit.start()
        await kit.officials.until("the terminal is there", lambda status: status["terminals"][0]["connected"])
        await kit.officials.order_besides(
            "reissue",
            lambda status: status["phase"] != "commissioned",
            standby=kit.device,
            reason="the kit is lost",
        )

    async def replace_terminal(self, kit: Branch, reason: str) -> None:
        """The standby terminal is carried in, plugged in, and ordered into the place of the first."""
        first = terminal_of(kit.name)
        kit.unplug(first)
        kit.plug(spare_of(first))
        await kit.officials.order_besides(
            "replace-terminal",
            lambda status: bool(status["replaced"]),
            terminal=first,
            standby=spare_of(first),
            reason=reason,
        )

    async def spare_is(self, kit: Branch, phase: TerminalPhase) -> None:
        def there(status: dict[str, Any]) -> bool:
            return any(
                (one["id"], one["at"]) == (spare_of(terminal_of(kit.name)), phase)
                for one in status["terminals"]
            )

        await kit.officials.until(f"the standby terminal is {phase}", there)

    async def open_all(self) -> Opening:
        """Order the opening after the opening time; trustees answer when witnesses have seen the order."""
        await self.sleep_until(self.hours.deadline_s + 60)
        await self.commission.order()
        return await self.commission.opening()

    # --- what there is at the end

    def tallies(self) -> list[dict[str, Any]]:
        """What the envelopes with tallies say of themselves, in the order of the log."""
        with self.centre.reader() as ledger:
            return [
                {
                    "sha256": entry.sha256,
                    "flags": entry.flags,
                    "device": (
                        statement := check_submission(entry.data, self.election.trusted).statement
                    ).device,
                    "cause": statement.cause,
                    "seq": statement.seq,
                    "terminal": statement.terminal,
                }
                for entry in ledger.entries()
                if entry.kind == "sealed-tally"
            ]

    def sealed_in(self, kit: Branch) -> list[bytes]:
        """All envelopes in the journal of a kit that is down."""
        facts, _ = kit.read_journal()
        return [unb64(fact.envelope) for fact in facts if isinstance(fact, EnvelopeSealed)]

    def _broken(self) -> list[str]:
        """What must hold whatever the story is."""
        manifest, entries = self.election.trusted, self.centre.entries()
        broken = self.commission.audit()
        broken += ["a witness was shown two logs"] * self.centre.witnesses.accusations
        gc.collect()
        broken += [*self.loop.complaints, *secrecy_findings(self.kits, self.tap, manifest)]
        logged = {entry.sha256 for entry in entries}
        if len(logged) != len(entries):
            broken.append("something is in the log twice")
        for kit in self.kits:
            broken += kit.broken
            if not kit.lives:
                continue
            facts, _ = kit.read_journal()
            sealed = [fact.sha256 for fact in facts if isinstance(fact, EnvelopeSealed)]
            broken += receipt_findings(kit.device, facts, entries, manifest)
            if not logged.isdisjoint(sealed):
                broken += evidence_findings(kit, entries, manifest)
        for device, status in self.statuses.items():
            broken += [
                f"{device}: {one['code']}: {one['detail']}"
                for one in status["incidents"]
                if one["code"] != "terminal-lost"
            ]
        return broken


def votes_in(opening: Opening) -> Votes:
    return {
        contest: dict(total.votes) for contest, total in opening.contests.items() if any(total.votes.values())
    }


def rows_of(*stations: Station) -> Votes:
    """What the input files say of some stations together."""
    votes: Votes = {}
    for station in stations:
        for contest, row in station.contests.items():
            sums = votes.setdefault(contest, {})
            for code, count in row.votes.items():
                sums[code] = sums.get(code, 0) + count
    return votes


def units(opening: Opening) -> dict[str, tuple[str, str | None]]:
    """By terminal: what became of it, and why in one word."""
    return {unit.terminal: (unit.status, unit.code) for unit in opening.units}


def unit_of(opening: Opening, terminal: str) -> OpenedUnit:
    (unit,) = (unit for unit in opening.units if unit.terminal == terminal)
    return unit
