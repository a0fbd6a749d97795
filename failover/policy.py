"""Which usable uplink comes first, and why that doesn't change every few seconds.

Rules, all of them:
1. An uplink that is no longer usable leaves the ranking at once; whoever was next moves up at once.
2. One that becomes usable (again) joins at the end. Several that join together stand in order of merit.
3. Merit is the grade (a tenth of the score's range), and within a grade the configured order: fibre before 4G. A score
   must leave its grade by ``HYSTERESIS`` before the grade follows.
4. An uplink passes the one above it only when it has had more merit without a break for the whole hold-down.
5. A working uplink is left for a better one at most so often in an hour.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import combinations, pairwise
from typing import Final

from failover.events import Instant
from failover.sensed import SCORE_MAX

HOUR_MS: Final = 3_600_000

GRADE: Final = SCORE_MAX // 10
"""Points of score. Differences within a grade are noise and don't move anyone."""
HYSTERESIS: Final = GRADE // 4
"""Points by which a score must be outside its grade: one that sways over a border moves nobody."""


class Ranking:
    """The usable uplinks, best first. Starts empty.

    Args:
        uplinks: all uplink names, in the configured order.
        hold_down_ms: how long more merit must last before it counts, in milliseconds.
        switches_per_hour: how often in an hour the first place may change though its holder works; at least 1.
    """

    def __init__(self, uplinks: Sequence[str], hold_down_ms: int, switches_per_hour: int = 6) -> None:
        self._grades: dict[str, int] = {}
        self.left: str | None = None
        """Who held the first place and worked when a better one came past it, in the last update."""
        self._switches: deque[Instant] = deque(maxlen=switches_per_hour)
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
        for uplink, score in scores.items():
            self._grades[uplink] = _grade(score, self._grades.get(uplink))
        merit = {uplink: (self._grades[uplink], -self._place[uplink]) for uplink in scores}
        stayed = [uplink for uplink in self._order if uplink in merit]
        joined = sorted(merit.keys() - set(stayed), key=merit.__getitem__, reverse=True)
        self._order = stayed + joined
        self._ahead_since = {
            (lower, upper): self._ahead_since.get((lower, upper), now)
            for upper, lower in combinations(self._order, 2)
            if merit[lower] > merit[upper]
        }
        self.left = None
        while self._pass_one(now):
            pass  # each pass undoes one inversion of merit, so this ends

    def wake_at(self) -> Instant | None:
        """When the next uplink may pass the one above it, if nothing changes until then."""
        return min(
            (
                self._pass_at(place, self._ahead_since[lower, upper])
                for place, (upper, lower) in enumerate(pairwise(self._order))
                if (lower, upper) in self._ahead_since
            ),
            default=None,
        )

    def _pass_at(self, place: int, since: Instant) -> Instant:
        """When the lower one, that has had more merit since then, may pass the one at ``place``."""
        due = since + self._hold_down_ms
        if place == 0 and len(self._switches) == self._switches.maxlen:
            return max(due, self._switches[0] + HOUR_MS)
        return due

    def _pass_one(self, now: Instant) -> bool:
        for place, (upper, lower) in enumerate(pairwise(self._order)):
            since = self._ahead_since.get((lower, upper))
            if since is not None and now >= self._pass_at(place, since):
                if place == 0:
                    self._switches.append(now)
                    self.left = self.left or upper
                self._order[place : place + 2] = [lower, upper]
                del self._ahead_since[lower, upper]
                return True
        return False


def _grade(score: int, before: int | None) -> int:
    if before is None or not before * GRADE - HYSTERESIS <= score < (before + 1) * GRADE + HYSTERESIS:
        return score // GRADE
    return before
