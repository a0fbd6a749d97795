"""One polling day of a world, from a seed: build, run with the swarm, heal, demand that everything arrived, judge."""

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import msgspec

from simulators.officials import complaints_of
from simulators.results import Results, Station
from simulators.verdict import judge
from simulators.virtual.net import install
from simulators.virtual.timed_loop import START_S
from simulators.world.branch import Branch
from simulators.world.checks import (
    evidence_findings,
    flap_findings,
    journal_findings,
    log_findings,
    receipt_findings,
    secrecy_findings,
    unexplained_findings,
)
from simulators.world.swarm import Swarm
from simulators.world.world import DAY_BEGINS_MS, FULL_DAY, Hours, World

STORM_S: Final = 300  # so long before closing time faults get thick


@dataclass(slots=True)
class Outcome:
    """What a day came to. ``trace`` is the same in every run of the seed."""

    report: dict[str, Any]
    trace: str
    virtual_s: float
    faults: dict[str, int]
    lives: int


class WorldDay(World):
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
        super().__init__(results, stations, seed, hours=hours, verbose=verbose)
        self._data: Path = results.directory
        self._stations = stations
        self._faults = faults
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
        self.close()
        return Outcome(report, trace, virtual_s, dict(sorted(self.swarm.struck.items())), lives)

    # --- script ---

    async def _day(self) -> list[str]:
        self.centre.start()
        for branch in self.branches:
            branch.start()
        if self._faults:
            self.swarm.start()
        tasks = [self.loop.create_task(self._branch_day(branch)) for branch in self.branches]
        await self.sleep_until(self.hours.close_s - STORM_S)
        self.swarm.storm = True
        await self.sleep_until(self.hours.heal_s)
        self.swarm.heal()
        await self.sleep_until(self.hours.deadline_s)
        findings = []
        for branch, task in zip(self.branches, tasks, strict=True):
            if not task.done():
                status = await branch.officials.status()
                phase = status["phase"] if status else "silent"
                since_s = self.hours.deadline_s - self.hours.heal_s
                findings.append(
                    f"{branch.name}: not archived {since_s} s after everything healed (it is {phase})"
                )
                task.cancel()
            findings += await complaints_of(task)
        return findings

    async def _branch_day(self, branch: Branch) -> None:
        officials = branch.officials
        await officials.readiness()
        await officials.order("zero")
        await self.sleep_until(self.hours.open_s)
        await officials.order("open")
        begin = self.loop.time()
        await branch.vote(begin, START_S + self.hours.close_s)
        await self.sleep_until(self.hours.close_s)
        await officials.order("close")
        voters = {contest: row.signed_for for contest, row in branch.station.contests.items()}
        await officials.order("account", voters)
        await officials.until_phase("delivered")
        await officials.order("archive")

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
            broken += flap_findings(branch.name, facts)
            broken += unexplained_findings(branch.name, facts)
            broken += receipt_findings(branch.name, facts, entries, manifest)
            broken += evidence_findings(branch, entries, manifest)
        opening = self.centre.open(DAY_BEGINS_MS + 1000 * self.hours.deadline_s)
        tallies = [entry.branch for entry in entries if entry.kind == "sealed-tally"]
        opened = msgspec.to_builtins(opening)
        report = judge(self._data, self._stations, statuses, opened, tallies)
        report["broken"] = broken
        if broken:
            report["verdict"] = "failed"
        return report
