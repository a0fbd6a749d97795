"""How well an uplink carries probes: a bounded window of what became of the last ones, and a score from it."""

from collections import deque
from statistics import median_low
from typing import Final

WINDOW_MAX: Final = (
    16  # probes remembered of each uplink: 4 minutes in slow times, 4 seconds in the critical window
)
SCORE_MAX: Final = 1_000
_LOSS_WEIGHT: Final = (
    4  # points for each lost probe in a thousand: a quarter of them lost is as bad as it gets
)
_RTT_WEIGHT_MS: Final = 2  # milliseconds of round trip for each point
_RTT_POINTS_MAX: Final = 500  # points: a slow uplink still beats one that loses everything


class Health:
    """What became of an uplink's last ``WINDOW_MAX`` probes.

    It outlives sessions: an uplink that flaps stays known as one that does.

    Attributes:
        late_echoes: echoes that came after their deadline, since the start.
        stray_echoes: echoes of no probe that we wait for (of a session torn down, or twice), since the start.
    """

    def __init__(self) -> None:
        self._window: deque[int | None] = deque(maxlen=WINDOW_MAX)
        self.late_echoes = 0
        self.stray_echoes = 0

    def echoed(self, rtt_ms: int, *, late: bool) -> None:
        """A probe came back after ``rtt_ms`` (0 or more)."""
        self._window.append(rtt_ms)
        self.late_echoes += late

    def lost(self) -> None:
        """A probe will not come back."""
        self._window.append(None)

    def strayed(self) -> None:
        """An echo came that answers nothing we wait for. It says nothing of the session that stands."""
        self.stray_echoes += 1

    @property
    def loss_permille(self) -> int:
        """Lost probes in a thousand, 0 to 1000; 0 while nothing is known."""
        if not self._window:
            return 0
        return 1_000 * sum(rtt is None for rtt in self._window) // len(self._window)

    @property
    def rtt_ms(self) -> int | None:
        """The median round trip in milliseconds, of those that came back; None while nothing is known."""
        came_back = [rtt for rtt in self._window if rtt is not None]
        return median_low(came_back) if came_back else None

    @property
    def score(self) -> int:
        """0 (nothing known, or useless) to ``SCORE_MAX`` (no loss, no delay)."""
        rtt_ms = self.rtt_ms
        if rtt_ms is None:
            return 0
        slowness = min(rtt_ms // _RTT_WEIGHT_MS, _RTT_POINTS_MAX)
        return max(0, SCORE_MAX - _LOSS_WEIGHT * self.loss_permille - slowness)
