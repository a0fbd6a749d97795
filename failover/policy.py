"""Which usable uplink comes first, and why that doesn't change every few seconds.

Rules, all of them:
1. An uplink that is no longer usable leaves the ranking at once; whoever was next moves up at once.
2. One that becomes usable (again) joins at the end. Several that join together stand in order of merit.
3. Merit is the grade (a tenth of the score's range), and within a grade the configured order: fibre before 4G.
4. An uplink passes the one above it only when it has had more merit without a break for the whole hold-down.
"""

from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final

from failover.events import Instant
from failover.health import SCORE_MAX

GRADE: Final = SCORE_MAX // 10
"""Points of score. Differences within a grade are noise and don't move anyone."""


class Ranking:
    """The usable uplinks, best first. Starts empty.

    Args:
        uplinks: all uplink names, in the configured order.
        hold_down_ms: how long more merit must last before it counts, in milliseconds.
    """

    def __init__(self, uplinks: Sequence[str], hold_down_ms: int) -> None:
        self._place = {uplink: place for place, uplink in enumerate(uplinks)}
        self._hold_down_ms = hold_down_ms
        self._order: list[str] = []
        self._ahead_since: dict[tuple[str, str], Instant] = {}
        """(lower, upper) in the order -> since when the lower one has had more merit. At most one entry a pair."""

    @property
    def order(self) -> tuple[str, ...]:
        """The usable uplinks, best first."""
        return tuple(self._order)

    def update(self, scores: Mapping[str, int], now: Instant) -> None:
        """Take in the scores of the uplinks that are usable now (all others are not)."""
        merit = {uplink: (score // GRADE, -self._place[uplink]) for uplink, score in scores.items()}
        stayed = [uplink for uplink in self._order if uplink in merit]
        joined = sorted(merit.keys() - set(stayed), key=merit.__getitem__, reverse=True)
        self._order = stayed + joined
        self._ahead_since = {
            (lower, upper): self._ahead_since.get((lower, upper), now)
            for upper, lower in combinations(self._order, 2)
            if merit[lower] > merit[upper]
        }
        while self._pass_one(now):
            pass  # each pass undoes one inversion of merit, so this ends

    def wake_at(self) -> Instant | None:
        """When the next uplink may pass the one above it, if nothing changes until then."""
        return min(
            (
                self._ahead_since[lower, upper] + self._hold_down_ms
                for upper, lower in pairwise(self._order)
                if (lower, upper) in self._ahead_since
            ),
            default=None,
        )

    def _pass_one(self, now: Instant) -> bool:
        for place, (upper, lower) in enumerate(pairwise(self._order)):
            since = self._ahead_since.get((lower, upper))
            if since is not None and now - since >= self._hold_down_ms:
                self._order[place : place + 2] = [lower, upper]
                del self._ahead_since[lower, upper]
                return True
        return False
