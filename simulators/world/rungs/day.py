"""One links-only day, from a seed: the polls are about to close, links break as they please, then one of each lives."""

import asyncio
import gc
from collections.abc import Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Final

from simulators.election import Election
from simulators.officials import complaints_of
from simulators.results import Results, Station
from simulators.virtual.net import install
from simulators.virtual.timed_loop import START_S
from simulators.world.branch import KINDS, UPLINKS, Branch
from simulators.world.checks import (
    flap_findings,
    journal_findings,
    log_findings,
    receipt_findings,
    unexplained_findings,
)
from simulators.world.machine import dialled_in
from simulators.world.rungs.bounds import DELIVERED_MAX_S
from simulators.world.rungs.findings import Waits, late_findings, restless_findings, unique_findings
from simulators.world.rungs.swarm import LinkSwarm, virtual
from simulators.world.rungs.watch import HedgeWatch, NoticeWatch
from simulators.world.world import Hours, World, commissioned

HOURS: Final = Hours(open_s=110, close_s=170, heal_s=600, deadline_s=3_600)
SWAYING_CHANCE: Final = 0.04  # of a long day on which links sway
SWAYING_CLOSE_S: Final = 1_300
THIRD_CHANCE: Final = 0.3  # of a third uplink
BOUND_CHANCE: Final = 0.5  # of uplinks that are bound to network cards, with the routing that this takes
SETTLED_S: Final = 20.0  # readiness is over and no link was broken yet
SEALED_AFTER_S: Final = 10.0  # about so long after closing time envelopes are sealed


@dataclass(slots=True)
class LinksOutcome:
    """What a links-only day came to. ``trace`` is the same in every run of the seed."""

    broken: list[str]
    trace: str
    virtual_s: float
    faults: dict[str, int]
    envelopes: int
    waits: Waits
    noticed: dict[str, int]
    notice_worst_s: dict[str, float]


def links_election(results: Results, stations: Sequence[Station], hours: Hours = HOURS) -> Election:
    """For as many days of these stations as one likes, whatever their seeds."""
    return commissioned(results, stations, "links-only", hours)


class LinksDay(World):
    """One day of a few branches, of which each has two or three uplinks, by the seed."""

    def __init__(
        self,
        results: Results,
        stations: Sequence[Station],
        seed: str,
        election: Election,
        *,
        hours: Hours = HOURS,
        verbose: bool = False,
    ) -> None:
        kind = Random(f"{seed}/kind of day")
        swaying = kind.random() < SWAYING_CHANCE
        uplinks = tuple(KINDS) if not swaying and kind.random() < THIRD_CHANCE else UPLINKS
        if swaying:
            hours = replace(hours, close_s=SWAYING_CLOSE_S)
        super().__init__(
            results,
            stations,
            seed,
            hours=hours,
            verbose=verbose,
            uplinks=uplinks,
            bound=kind.random() < BOUND_CHANCE,
            election=election,
        )
        self.swarm = LinkSwarm(
            self.loop,
            self.network,
            self.branches,
            self.broker,
            calm_s=virtual(SETTLED_S),
            seal_s=virtual(hours.close_s + SEALED_AFTER_S),
            swaying=swaying,
        )
        self.notice = NoticeWatch(self.loop, self.network, self.branches)
        self.hedge = HedgeWatch(self.loop, self.network, self.branches, self.swarm.lives)

    def run(self) -> LinksOutcome:
        """The day and the judgement."""
        with self.loop, install(self.loop, self.network), dialled_in(self.loop, self.network):
            broken = self.loop.run_until_complete(self._day())
            virtual_s = self.loop.time() - START_S
            self.swarm.lives.close()
            for branch in self.branches:
                branch.end()
            self.centre.cut()
            waits = Waits()
            broken += self._judge(waits)
            trace = self.loop.trace.hexdigest()
        self.close()
        return LinksOutcome(
            broken=broken,
            trace=trace,
            virtual_s=virtual_s,
            faults=dict(sorted(self.swarm.struck.items())),
            envelopes=sum(len(digests) for digests in self.tap.envelopes.values()),
            waits=waits,
            noticed=self.notice.noticed,
            notice_worst_s=self.notice.worst_s,
        )

    # --- script ---

    async def _day(self) -> list[str]:
        self.centre.start()
        for branch in self.branches:
            branch.start()
        self.swarm.start()
        days = [asyncio.ensure_future(self._branch_day(branch)) for branch in self.branches]
        last = max(self.swarm.heal_at.values()) - START_S
        enough_s = last + DELIVERED_MAX_S + SEALED_AFTER_S
        _, late = await asyncio.wait(days, timeout=enough_s - (self.loop.time() - START_S))
        findings = []
        for branch, day in zip(self.branches, days, strict=True):
            if day in late:
                day.cancel()
                findings.append(f"{branch.name}: not delivered when the day ended")
            findings += await complaints_of(day)
        return findings

    async def _branch_day(self, branch: Branch) -> None:
        officials = branch.officials
        await officials.readiness()
        await officials.order("zero")
        await self.sleep_until(self.hours.open_s)
        await officials.order("open")
        while branch.terminal.cast(branch.rng):
            pass
        await self.sleep_until(self.hours.close_s)
        await officials.order("close")
        voters = {contest: row.signed_for for contest, row in branch.station.contests.items()}
        await officials.order("account", voters)
        await officials.until_phase("delivered")

    # --- judgement ---

    def _judge(self, waits: Waits) -> list[str]:
        entries, manifest = self.centre.entries(), self.election.trusted
        broken = [*self.notice.findings, *self.hedge.findings, *log_findings(entries)]
        gc.collect()  # what nobody held or asked for is complained about when it is collected
        broken += self.loop.complaints
        for branch in self.branches:
            facts, leaves = branch.read_journal()
            broken += branch.broken
            broken += late_findings(branch.name, facts, self.swarm.lives, waits)
            broken += journal_findings(branch, facts, leaves, self.tap)
            broken += unique_findings(branch.name, facts, entries)
            broken += receipt_findings(branch.name, facts, entries, manifest)
            broken += flap_findings(branch.name, facts)
            broken += restless_findings(branch.name, facts, uplinks=len(branch.links))
            broken += unexplained_findings(branch.name, facts)
        return broken
