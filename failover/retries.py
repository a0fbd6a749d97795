"""When one uplink is tried again: after failures, after paths that come and go, and sooner where that can help."""

from dataclasses import dataclass
from typing import Final

from failover.backoff import backoff_ms
from failover.events import Instant
from failover.timing import Timing

FAILURES_MAX: Final = 1_000_000  # counted in a row; after that the count stays
_DOUBLINGS_MAX: Final = 16  # of a deadline; its cap is reached long before


@dataclass(slots=True)
class Retries:
    """``due``: when the next attempt is due; from the start, so the first look at the clock connects.

    ``failures``: in a row. ``critical``: whether the critical window is open.
    """

    device: str
    uplink: str
    timing: Timing
    due: Instant = 0
    failures: int = 0
    critical: bool = False
    tried_at: Instant | None = None

    def fail(self, now: Instant) -> None:
        """An attempt failed, or a session ended."""
        self.failures = min(self.failures + 1, FAILURES_MAX)
        self.due = now + self._wait_ms()

    def hurry(self, now: Instant) -> None:
        """The critical window opens: what failed before it is forgiven."""
        self.critical, self.failures = True, 0
        self.due = min(self.due, now + self._wait_ms())

    def doublings(self, more: int = 0) -> int:
        """How often a deadline is to be doubled, for failures and ``more``."""
        return min(self.failures + more, _DOUBLINGS_MAX)

    def find_path(self, now: Instant) -> None:
        """A path is there. It is tried at once, unless paths come and go."""
        if self.failures == 0:
            self.due = now
        self._hasten(now)

    def end_path(self, flaps: int, now: Instant) -> None:
        """A path ended. What failed on it is forgiven; in place of failures stands how often paths come and go."""
        self.failures = min(flaps, FAILURES_MAX)
        if self.failures == 0:
            self.due = now
        elif self.due <= now:  # else it waits already, and flaps neither shorten nor lengthen that
            self.due = now + self._wait_ms()

    def move_path(self, flaps: int, now: Instant) -> None:
        """A path ended, and another one is there."""
        self.end_path(flaps, now)
        self._hasten(now)

    def not_before(self, at: Instant) -> None:
        """What was still said of the session before must have been heard by then."""
        self.due = max(self.due, at)

    def try_sooner(self, now: Instant) -> None:
        """A modem found its network again, the light is back, there is another gateway: the wait was for that."""
        self.due = min(self.due, self._after_last_try(self.timing.steady_ms, now))
        self._hasten(now)

    def _hasten(self, now: Instant) -> None:
        """In the critical window a path that is there is tried, however often it went; only not all the time."""
        if self.critical:
            self.due = min(self.due, self._after_last_try(self.timing.critical_path_ms, now))

    def _after_last_try(self, pause_ms: int, now: Instant) -> Instant:
        return now if self.tried_at is None else max(now, self.tried_at + pause_ms)

    def _wait_ms(self) -> int:
        return backoff_ms(self.device, self.uplink, self.failures, self.timing, critical=self.critical)
