"""How long the critical window bears with an uplink that stays silent, before its session is torn down."""

from failover.events import Instant
from failover.health import FALL_POINTS, Health
from failover.retries import Retries
from failover.timing import Timing


def patience_ms(health: Health, retries: Retries, timing: Timing, now: Instant) -> int:
    """How old the oldest probe may become, in milliseconds. Meanwhile the uplink is suspect, and not offered.

    One miss, at first. But an uplink that is slow or loses much, rather than dead, would then never stand long enough
    to deliver anything: one whose echoes are known to come late, one that lost probes or fell lately, and one that was
    torn down in vain is given longer.
    """
    falls_before = max(0, health.penalty(now) - 1) // FALL_POINTS
    shortest_ms = timing.critical_echo_ms << retries.doublings(health.lost_count + falls_before)
    return min(max(shortest_ms, 2 * health.slowest_ms), 2 * timing.echo_ms)
