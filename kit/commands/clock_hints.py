"""Is the kit's clock right? What the times in the centre's commands tell about it. Nothing here moves a clock.

Whoever holds a command that says "signed at 10:00" knows that it is 10:00 or later, by the centre's clock: a clock that
says 9:30 is behind by half an hour at least. The other way round a command proves nothing, for it may have been held
back; but a hint that was heard for the first time over a data link is most likely fresh.
"""

from typing import Any, Final

from crypto import rfc3339
from crypto.command import Command

TOLERATED_MS: Final = 120_000  # by so much the clock may be off before people are asked to look
BLOCKS_MS: Final = 900_000  # for so long a clock that is behind keeps a kit from being ready
_STEP_MS: Final = 60_000  # a bound that grows by less is no news


class ClockHints:
    """Volatile, and about this life alone: between two lives the clock may have been set."""

    def __init__(self) -> None:
        self.behind_ms = 0
        """By so much the clock is behind, at least."""
        self.ahead_ms = 0
        """By so much it may be ahead, by the newest hint."""
        self._words: str | None = None
        self._told_ms = 0
        self._first_told_ms: int | None = None

    def heard(self, one: Command, wall_ms: int, *, at_once: bool) -> str | None:
        """Learn from a checked command. ``wall_ms``: what this kit reckons; ``at_once``: it is new, over a data link.

        Returns the detail of an incident, where the clock turns out to be further behind than was known.
        """
        difference_ms = 1000 * one.issued_s - wall_ms
        if one.kind == "clock" and at_once:
            self.ahead_ms = max(0, -difference_ms)
        self.behind_ms = max(self.behind_ms, difference_ms)
        if self.behind_ms <= TOLERATED_MS or self.behind_ms < self._told_ms + _STEP_MS:
            return None
        self._told_ms = self.behind_ms
        self._first_told_ms = wall_ms if self._first_told_ms is None else self._first_told_ms
        self._words = (
            f"the clock is behind by at least {self.behind_ms // 60_000} min: it said {rfc3339.to_text(wall_ms)} when "
            f"{one.kind} {one.number} of {one.issued_at} came from the centre; compare it with a watch, set it right "
            "(timedatectl set-time), then restart kitd"
        )
        return self._words

    @property
    def objection(self) -> str | None:
        """Why the clock is not right, and what to do; None where nothing is known against it."""
        return self._words

    def blocks(self, wall_ms: int) -> bool:
        """Whether a kit is not ready for it: once people had time to look, it is told and keeps no polls shut.

        Else whoever stole the log's key would, with times of his own making.
        """
        return self._first_told_ms is not None and wall_ms < self._first_told_ms + BLOCKS_MS

    def picture(self) -> dict[str, Any]:
        """For the status, whole seconds."""
        return {
            "behind_s": self.behind_ms // 1000 if self.behind_ms > TOLERATED_MS else 0,
            "ahead_s": self.ahead_ms // 1000 if self.ahead_ms > TOLERATED_MS else 0,
        }
