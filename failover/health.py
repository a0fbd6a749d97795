"""How well an uplink does: a bounded window of what became of its last probes, passive evidence, and a score."""

from collections import deque
from statistics import median_low
from typing import Final

from failover.events import Instant
from failover.sensed import SCORE_MAX, Sensed

WINDOW_MAX: Final = (
    16  # probes remembered of each uplink: 16 minutes in slow times, 4 seconds in the critical window
)
LATELY_MS: Final = 150_000  # two slow probes; after that what TCP says of the round trip is the fresher word
_LOSS_WEIGHT: Final = (
    4  # points for each lost probe in a thousand: a quarter of them lost is as bad as it gets
)
_RTT_WEIGHT_MS: Final = 2  # milliseconds of round trip for each point
_RTT_POINTS_MAX: Final = 500  # points: a slow uplink still beats one that loses everything
FALL_POINTS: Final = 100  # points that each fall costs, for a while
FALL_POINTS_MAX: Final = 500  # points that all falls together cost


class Health:
    """What became of an uplink's last ``WINDOW_MAX`` probes, and how often it fell lately.

    It outlives sessions: an uplink that flaps stays known as one that does.

    Args:
        half_life_ms: how long until half of what falls cost is forgotten, in milliseconds.

    Attributes:
        falls: how often the uplink stopped being usable, since the start.
        sensed: what devices and the kernel say of it.
        late_echoes: echoes that came after their deadline, since the start.
        stray_echoes: echoes of no probe that we wait for (of a session torn down, or twice), since the start.
    """

    def __init__(self, half_life_ms: int = 60_000) -> None:
        self._half_life_ms = half_life_ms
        self._penalty = 0
        self._fell_at: Instant = 0
        self.falls = 0
        self.sensed = Sensed()
        self._echoed_at: Instant = 0
        self._window: deque[int | None] = deque(maxlen=WINDOW_MAX)
        self.late_echoes = 0
        self.stray_echoes = 0

    def echoed(self, rtt_ms: int, now: Instant, *, late: bool) -> None:
        """A probe came back after ``rtt_ms`` (0 or more)."""
        self._echoed_at = now
        self._window.append(rtt_ms)
        self.late_echoes += late

    def lost(self, probes: int = 1) -> None:
        """So many probes will not come back."""
        self._window.extend([None] * probes)

    def strayed(self) -> None:
        """An echo came that answers nothing we wait for. It says nothing of the session that stands."""
        self.stray_echoes += 1

    def fell(self, now: Instant) -> None:
        """The uplink was usable and is no longer."""
        self._penalty = min(self.penalty(now) + FALL_POINTS, FALL_POINTS_MAX)
        self._fell_at = now
        self.falls += 1

    def penalty(self, now: Instant) -> int:
        """Points that falls cost at ``now``, 0 to ``FALL_POINTS_MAX``: half as many after each half-life."""
        halvings, rest_ms = divmod(max(0, now - self._fell_at), self._half_life_ms)
        points = self._penalty >> min(halvings, FALL_POINTS_MAX.bit_length())
        return points - points * rest_ms // (2 * self._half_life_ms)

    def score_at(self, now: Instant) -> int:
        """What the ranking goes by: probes, less the penalty for falls and what passive evidence costs."""
        return max(0, self._score(self.rtt_at(now)) - self.penalty(now) - self.sensed.points)

    def rtt_at(self, now: Instant) -> int | None:
        """The round trip as it is known at ``now``: by probes, by TCP where none came back lately; None: not known."""
        if self.sensed.tcp_rtt_ms is None or (self.rtt_ms is not None and now - self._echoed_at <= LATELY_MS):
            return self.rtt_ms
        return self.sensed.tcp_rtt_ms

    @property
    def loss_permille(self) -> int:
        """Lost probes in a thousand, 0 to 1000; 0 while nothing is known."""
        if not self._window:
            return 0
        return 1_000 * self.lost_count // len(self._window)

    @property
    def rtt_ms(self) -> int | None:
        """The median round trip in milliseconds, of those that came back; None while nothing is known."""
        came_back = [rtt for rtt in self._window if rtt is not None]
        return median_low(came_back) if came_back else None

    @property
    def slowest_ms(self) -> int:
        """The longest round trip of those in the window; 0 while nothing is known."""
        return max((rtt for rtt in self._window if rtt is not None), default=0)

    @property
    def lost_count(self) -> int:
        """Lost probes in the window."""
        return sum(rtt is None for rtt in self._window)

    @property
    def score(self) -> int:
        """By probes alone: 0 (nothing known, or useless) to ``SCORE_MAX`` (no loss, no delay)."""
        return self._score(self.rtt_ms)

    def _score(self, rtt_ms: int | None) -> int:
        if rtt_ms is None:
            return 0
        slowness = min(rtt_ms // _RTT_WEIGHT_MS, _RTT_POINTS_MAX)
        return max(0, SCORE_MAX - _LOSS_WEIGHT * self.loss_permille - slowness)
