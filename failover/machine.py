"""The failover core: keeps a session up on every uplink, and says which of them to use.

All uplinks are kept connected all the time, so a switch is a choice and not a connect. Sans-I/O: time is an argument,
the outcomes of effects come back as events.
"""

from collections.abc import Sequence
from typing import Final

from failover.events import (
    FailoverEffect,
    FailoverEvent,
    Instant,
    ProbeEchoed,
    Tick,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.health import Health
from failover.policy import Ranking
from failover.timing import Timing
from failover.uplink import TABLE, MachineError, Uplink

__all__ = ["TABLE", "UPLINKS_MAX", "Failover", "MachineError", "Timing"]

UPLINKS_MAX: Final = 8  # uplinks of one kit


class Failover:
    """Which channel, when.

    Args:
        uplinks: names in the configured order, the preferred one first; 1 to ``UPLINKS_MAX``, all different.
        device: this device's id, so that no two devices reconnect in step.
        timing: all durations.

    Raises:
        ValueError: no uplinks, too many, or the same one twice.

    Attributes:
        critical: whether the critical window (sealed, not yet receipted) is open.
    """

    def __init__(self, uplinks: Sequence[str], device: str, timing: Timing) -> None:
        if not 1 <= len(uplinks) <= UPLINKS_MAX:
            raise ValueError(f"{len(uplinks)} uplinks configured: give 1 to {UPLINKS_MAX}")
        self._uplinks = {name: Uplink(name, device, timing) for name in uplinks}
        if len(self._uplinks) != len(uplinks):
            raise ValueError(f"an uplink is configured twice in {', '.join(uplinks)}: name each once")
        self._ranking = Ranking(uplinks, timing.hold_down_ms)
        self._now: Instant | None = None
        self.critical = False

    def handle(self, event: FailoverEvent, now: Instant) -> tuple[FailoverEffect, ...]:
        """Take one event in, then let every deadline of ours that came happen.

        The event goes first: an echo or a connection that was queued while we were held up still counts. A ``now``
        earlier than the one before is taken as that one.

        Raises:
            MachineError: the event cannot happen now, or names an uplink that we don't have; nothing was changed.
        """
        now = now if self._now is None else max(now, self._now)
        effects = list(self._take(event, now))
        self._now = now
        for uplink in self._uplinks.values():
            effects += uplink.catch_up(now)
        scores = {name: uplink.health.score for name, uplink in self._uplinks.items() if uplink.state == "up"}
        self._ranking.update(scores, now)
        return tuple(effects)

    def wake_at(self) -> Instant | None:
        """The next deadline; after ``handle`` later than its ``now``. At once (0) before the first ``handle``."""
        deadlines = [uplink.wake_at() for uplink in self._uplinks.values()]
        hold_down = self._ranking.wake_at()
        return min(deadlines if hold_down is None else [*deadlines, hold_down])

    def usable(self) -> tuple[str, ...]:
        """The healthy uplinks (connected, no overdue probe), best first."""
        return self._ranking.order

    def preferred(self) -> str | None:
        """The best usable uplink, or None."""
        return next(iter(self._ranking.order), None)

    def connected(self) -> tuple[str, ...]:
        """The uplinks whose session stands: the usable ones first, then the suspects in the configured order.

        For what must go out somewhere even when nothing is healthy: a slow uplink is suspect most of the time.
        """
        suspects = (name for name, uplink in self._uplinks.items() if uplink.state == "suspect")
        return (*self._ranking.order, *suspects)

    def states(self) -> dict[str, str]:
        """Each uplink's state in ``TABLE``, in the configured order."""
        return {name: uplink.state for name, uplink in self._uplinks.items()}

    def health(self, uplink: str) -> Health:
        """What the probes say of this uplink. To read, not to write.

        Raises:
            MachineError: there is no such uplink.
        """
        return self._find(uplink).health

    def _take(self, event: FailoverEvent, now: Instant) -> tuple[FailoverEffect, ...]:
        match event:
            case UplinkConnected(uplink=name):
                return self._find(name).happen("connected", now)
            case UplinkLost(uplink=name):
                return self._find(name).happen("lost", now)
            case ProbeEchoed(uplink=name, nonce=nonce):
                return self._find(name).hear_echo(nonce, now)
            case WindowChanged(critical=critical):
                return self._change_window(critical, now)
            case Tick():
                return ()

    def _change_window(self, critical: bool, now: Instant) -> tuple[FailoverEffect, ...]:
        if critical == self.critical:
            return ()  # said again after a restart: not a second opening
        self.critical = critical
        effects: list[FailoverEffect] = []
        for uplink in self._uplinks.values():
            effects += uplink.happen("window-opened" if critical else "window-closed", now)
        return tuple(effects)

    def _find(self, name: str) -> Uplink:
        uplink = self._uplinks.get(name)
        if uplink is None:
            raise MachineError(f"no uplink {name!r} is configured; there are {', '.join(self._uplinks)}")
        return uplink
