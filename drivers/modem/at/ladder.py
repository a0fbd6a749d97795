"""The ladder of resets: each rung costs more than the one before, so that the gentle ones come first."""

from typing import Final, Literal

Rung = Literal["echo-and-abort", "radio-off-on", "full-reset", "power-cycle"]

PAUSE_MIN_MS: Final = 60_000  # from the top of the ladder to the next climb
PAUSE_MAX_MS: Final = 15 * 60_000  # the pause doubles up to this: a dead modem is not worn out
MEMORY_MS: Final = 5 * 60_000  # a modem that stays well for so long begins at the foot again

# How long a modem may take to answer after a rung: a full reset is a boot, and boots take 20 to 40 s.
ANSWER_WITHIN_MS: Final[dict[Rung, int]] = {
    "echo-and-abort": 3_000,
    "radio-off-on": 6_000,
    "full-reset": 45_000,
    "power-cycle": 60_000,
}


class Ladder:
    """Where on the ladder the driver stands. ``can_power_cycle``: somebody switches the modem's power."""

    def __init__(self, *, can_power_cycle: bool) -> None:
        rungs: tuple[Rung, ...] = ("echo-and-abort", "radio-off-on", "full-reset")
        self._rungs: Final = (*rungs, "power-cycle") if can_power_cycle else rungs
        self._next = 0
        self._climbed_at: int | None = None
        self._pause_ms = PAUSE_MIN_MS

    @property
    def climbed(self) -> tuple[Rung, ...]:
        """The rungs behind us, since the foot."""
        return tuple(rung for rung in self._rungs[: self._next] if rung)

    def climb(self, now: int, *, at_least: Rung = "echo-and-abort") -> Rung:
        """Take the next rung, from the foot again after the top; ``at_least`` skips gentler ones."""
        if self._next >= len(self._rungs):
            self._next = 0
            self._pause_ms = min(2 * self._pause_ms, PAUSE_MAX_MS)
        self._next = max(self._next, self._rungs.index(at_least))
        rung: Rung = self._rungs[self._next]
        self._next += 1
        self._climbed_at = now
        return rung

    def pause_ms(self) -> int:
        """How long to wait before the next climb: nothing on the way up, and longer each time at the top."""
        return self._pause_ms if self._next >= len(self._rungs) else 0

    def note_well(self, now: int) -> None:
        """The modem answered as it should."""
        if self._climbed_at is not None and now - self._climbed_at >= MEMORY_MS:
            self._next = 0
            self._climbed_at = None
            self._pause_ms = PAUSE_MIN_MS
