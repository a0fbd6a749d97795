"""Tells of an uplink's path whenever it changes; a carrier that flaps is told as bad until it has stood for a while.

Bad news goes out at once, always. Good news too, as long as there is not much of it.
"""

from collections import deque
from typing import Final

from failover.events import Instant, PathChanged
from failover.path import Path
from failover.routing.paths import Standing

FREE_MAX: Final = 6  # changes within FREE_MS that are told at once
FREE_MS: Final = 10_000
SETTLE_MS: Final = 2_000  # how long good news must stand after that many


class Teller:
    """Sans-I/O; one uplink's. ``uplink``: its name."""

    def __init__(self, uplink: str) -> None:
        self._uplink: Final = uplink
        self._told: Standing | None = None
        self._told_at: deque[Instant] = deque(maxlen=FREE_MAX)
        self._waits: tuple[Standing, Instant] | None = None
        self.last: Path | None = None
        """The last path that was told, for the words; it may be gone."""

    @property
    def is_silent(self) -> bool:
        """Whether nothing was told yet."""
        return self._told is None

    def hear(self, standing: Standing, now: Instant) -> PathChanged | None:
        """What is so now; what is to be told of it now."""
        told = self._told
        if told is not None and standing.path == told.path:
            self._waits = None
            # The words may change while there is no path: why there is none is news, too, and harmless. So is another
            # gateway: sessions go on, and one that could not be made may be made by it.
            is_news = standing.reason != told.reason if standing.path is None else standing.hops != told.hops
            return self._tell(standing, now) if is_news and not self._many(now) else None
        if standing.path is None or not self._many(now):
            return self._tell(standing, now)
        if self._waits is None or self._waits[0].path != standing.path:
            self._waits = (standing, now + SETTLE_MS)
            if told is not None and told.path is not None:
                name = standing.path.interface
                words = f"{name} changes all the time; it has to stand for {SETTLE_MS / 1000:.0f} s first"
                return self._tell(Standing(None, words), now, keep=True)
        return self.tick(now)

    def tick(self, now: Instant) -> PathChanged | None:
        """What is to be told when nothing new was seen."""
        if self._waits is not None and now >= self._waits[1]:
            return self._tell(self._waits[0], now)
        return None

    def wake_at(self) -> Instant | None:
        """When good news will have stood long enough."""
        return None if self._waits is None else self._waits[1]

    def _many(self, now: Instant) -> bool:
        return len(self._told_at) == FREE_MAX and now - self._told_at[0] < FREE_MS

    def _tell(self, standing: Standing, now: Instant, *, keep: bool = False) -> PathChanged:
        self._told = standing
        self._told_at.append(now)
        if not keep:
            self._waits = None
        if standing.path is not None:
            self.last = standing.path
        return PathChanged(self._uplink, standing.path, standing.reason)
