"""Wall time reckoned from one reading at boot and the monotonic clock since: a jump of the clock changes nothing."""

from dataclasses import dataclass

from crypto import rfc3339
from failover.events import Instant


@dataclass(slots=True)
class Wall:
    """Set once by ``Booted``; before that, asking is a bug."""

    boot_wall_ms: int = -1
    boot_now: Instant = 0

    def set(self, wall_ms: int, now: Instant) -> None:
        """Remember what the wall clock said at this instant."""
        self.boot_wall_ms, self.boot_now = wall_ms, now

    def at_ms(self, now: Instant) -> int:
        """Wall time at an instant, milliseconds since 1970-01-01 UTC."""
        assert self.boot_wall_ms >= 0, "no event before Booted"  # noqa: S101 - a bug must crash, not drift
        return self.boot_wall_ms + now - self.boot_now

    def text(self, now: Instant) -> str:
        """RFC 3339 text of the wall time at an instant."""
        return rfc3339.to_text(self.at_ms(now))

    def instant_of(self, text: str) -> Instant:
        """The instant at which the wall clock will say ``text``."""
        return self.boot_now + rfc3339.to_ms(text) - self.boot_wall_ms
