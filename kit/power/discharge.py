"""How much longer something falls until it is empty: the charge, or the voltage, of a battery that is being used.

Use is counted in load-seconds, so that a load that changes changes the forecast and not the measurement.
"""

from collections import deque
from math import inf
from statistics import median
from typing import Final

MEDIAN_OF: Final = 3  # readings: one wild value moves nothing
STEP_SHARE: Final = 0.015  # of the whole range: a fall by less is not told from noise
EVIDENCE_STEPS: Final = 2  # after the first: before, no slope is believed
RECENT_STEPS: Final = 4  # a battery that gives out falls faster at its end than it did on the whole


class Fall:
    """One discharge, or several with the mains between them.

    What falls is smoothed to a curve that never rises, and looked at where it takes a step: that is told exactly,
    however coarse the steps. The steeper of two slopes counts: of the whole discharge, or of its last steps. The
    steepest of an earlier discharge counts too: batteries do not get better.
    """

    def __init__(self) -> None:
        self._recent: deque[float] = deque(maxlen=MEDIAN_OF)
        self._first: float | None = None
        self._value = 0.0
        self._edge: tuple[float, float] | None = None  # use and value at the first step
        self._points: deque[tuple[float, float]] = deque(maxlen=RECENT_STEPS + 1)  # at the last steps
        self._steps = 0  # after the first
        self._known_slope = 0.0

    def rest(self) -> None:
        """The discharge is over: what it taught is kept."""
        if self._edge is not None and self._steps >= RECENT_STEPS:
            self._known_slope = max(self._known_slope, _slope(self._edge, self._points[-1]))
        self._recent.clear()
        self._points.clear()
        self._first = self._edge = None
        self._steps = 0

    def fed(self, value: float, use: float, empty: float) -> None:
        """One reading after so much use (load-seconds, never falling)."""
        self._recent.append(value)
        smooth = float(median(self._recent))
        if self._first is None:
            self._first = self._value = smooth
            return
        self._value = min(self._value, smooth)
        last = self._points[-1][1] if self._points else self._first
        if last - self._value < STEP_SHARE * (self._first - empty) or last == self._value:
            return
        self._points.append((use, self._value))
        if self._edge is None:
            self._edge = self._points[0]
        else:
            self._steps += 1

    def used_share(self, empty: float) -> float | None:
        """How much of the way from the first value to ``empty`` is gone, from 0.0 on; None before there is a value."""
        if self._first is None or self._first <= empty:
            return None
        return (self._first - self._value) / (self._first - empty)

    def use_left(self, use: float, empty: float) -> float | None:
        """Load-seconds until ``empty``; None while nothing is known of the slope."""
        if self._first is None:
            return None
        if self._value <= empty:
            return 0.0
        slope = max(self._known_slope, self._present_slope(use))
        return (self._value - empty) / slope if slope > 0 else None

    def _present_slope(self, use: float) -> float:
        """What falls in a load-second; 0.0 while that cannot be told."""
        if self._edge is None or self._steps < EVIDENCE_STEPS:
            return 0.0
        newest = self._points[-1]
        slope = max(_slope(self._edge, newest), _slope(self._points[0], newest))
        # Where the next step is overdue, the slope is less than the steps told.
        step = self._points[-2][1] - newest[1]
        return min(slope, _slope(self._points[0], (use, newest[1] - step)))


def _slope(earlier: tuple[float, float], later: tuple[float, float]) -> float:
    """What fell in a load-second; endless where there was no use."""
    use = later[0] - earlier[0]
    return (earlier[1] - later[1]) / use if use > 0 else inf
