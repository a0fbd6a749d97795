"""The broker dies and comes back: fifty branches must not knock at the same moment, or they would fell it again."""

from collections import Counter
from math import sqrt
from typing import Any

import pytest

from failover import backoff
from failover.timing import Timing
from simulators.virtual.net import Link, install
from simulators.virtual.timed_loop import START_S
from simulators.world.world import Hours, World
from tests.world.short_day import sample

BRANCHES = 50
SETTLED_S = 30.0
GONE_S = 60.0
HOURS = Hours(open_s=3_600, close_s=7_200, heal_s=7_200, deadline_s=9_000)
TIMING = Timing()


class Fleet(World):
    """All kits run, and nothing happens but the death of the broker. ``knocks``: attempts, by second since then."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        super().__init__(*sample(BRANCHES, 1), "fleet/1", hours=HOURS)
        self.knocks: Counter[int] = Counter()
        self.back: Counter[int] = Counter()
        self.sessions = 0
        connect = Link.connect

        def knock(link: Link, timeout_s: float) -> Any:
            since_s = int(self.loop.time() - START_S - SETTLED_S)
            self.knocks[since_s] += since_s >= 0 and link is not self.centre.link
            return connect(link, timeout_s)

        patch.setattr(Link, "connect", knock)
        with self.loop, install(self.loop, self.network):
            self.loop.run_until_complete(self._tell())
            for branch in self.branches:
                branch.end()
        self.close()

    async def _tell(self) -> None:
        self.centre.start()
        for branch in self.branches:
            branch.start()
        await self.sleep_until(SETTLED_S)
        self.sessions = len(self.broker.clients())
        self.broker.crash(restart_after_s=GONE_S)
        for second in range(int(GONE_S + 2 * TIMING.backoff_max_ms / 1_000)):
            await self.sleep_until(SETTLED_S + second)
            self.back[second] = len(self.broker.clients())


def _most(sessions: int, ceiling_ms: int) -> float:
    """Knocks in one second where each session waits evenly spread up to this ceiling; four deviations are no chance."""
    chance = min(1.0, 1_000 / (ceiling_ms - TIMING.backoff_min_ms))
    return sessions * chance + 4 * sqrt(sessions * chance * (1 - chance))


def _ceiling_ms_after(gone_s: float) -> int:
    """The least ceiling that can be reached by then: all waits before lasted as long as they could."""
    failures, waited_ms = 1, TIMING.backoff_base_ms
    while waited_ms <= 1_000 * gone_s:
        failures += 1
        waited_ms += min(TIMING.backoff_base_ms << failures - 1, TIMING.backoff_max_ms)
    return min(TIMING.backoff_base_ms << failures - 1, TIMING.backoff_max_ms)


def test_broker_dies_under_a_fleet() -> None:
    with pytest.MonkeyPatch.context() as patch:
        fleet = Fleet(patch)
    sessions = 2 * BRANCHES
    assert fleet.sessions == sessions + 1, "the centre's is one, too"
    assert max(fleet.knocks.values()) <= _most(sessions, TIMING.backoff_base_ms)
    coming_back = [fleet.knocks[second] for second in range(int(GONE_S), max(fleet.knocks) + 1)]
    assert max(coming_back) <= _most(sessions, _ceiling_ms_after(GONE_S)) < sessions / 8
    whole_s = int(GONE_S + (TIMING.backoff_max_ms + TIMING.connect_ms) / 1_000)
    assert fleet.back[whole_s] == fleet.sessions


def test_fleet_whose_waits_are_not_spread_would_be_noticed() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(backoff, "_fraction", lambda *_: 2**32 - 1)
        fleet = Fleet(patch)
    sessions = 2 * BRANCHES
    assert max(fleet.knocks.values()) > _most(sessions, TIMING.backoff_base_ms)
    assert max(fleet.knocks[second] for second in range(int(GONE_S), 180)) > _most(
        sessions, _ceiling_ms_after(GONE_S)
    )
