"""The failover core: keeps a session up on every uplink, and says which of them to use.

All uplinks are kept connected all the time, so a switch is a choice and not a connect. Sans-I/O: time is an argument,
the outcomes of effects come back as events.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from failover.budget import DataBudget
from failover.events import (
    FailoverEffect,
    FailoverEvent,
    Instant,
    LineSensed,
    PathChanged,
    PollsChanged,
    ProbeEchoed,
    SimUsed,
    TcpSensed,
    Tick,
    TrafficCounted,
    UplinkConnected,
    UplinkLost,
    UplinkPinned,
    UplinkTested,
    WindowChanged,
)
from failover.health import Health
from failover.policy import Ranking
from failover.switch import Cause, Switch, reason_of
from failover.table import TABLE
from failover.timing import Timing
from failover.uplink import MachineError, Uplink

__all__ = ["TABLE", "UPLINKS_MAX", "Failover", "MachineError", "Timing"]

UPLINKS_MAX: Final = 8  # uplinks of one kit
SWITCHES_MAX: Final = 64  # that nobody took yet; older ones are forgotten


class Failover:
    """Which channel, when.

    Args:
        uplinks: names in the configured order, the preferred one first; 1 to ``UPLINKS_MAX``, all different.
        device: this device's id, so that no two devices reconnect in step.
        timing: all durations.
        budgets: what may go over the air, by uplink and SIM; the others have a default.
        bound: those that are bound to an interface, and have no session before their first PathChanged.

    Raises:
        ValueError: no uplinks, too many, the same one twice, or one bound that there is not.

    Attributes:
        critical: whether the critical window (sealed, not yet receipted) is open.
        polls_open: whether polls are open, or what they counted is on its way.
        pinned: the uplink that a technician wants preferred, and until when. Volatile: a restart forgets it, so that
            no test of a technician who left outlives the next start.
    """

    def __init__(
        self,
        uplinks: Sequence[str],
        device: str,
        timing: Timing,
        budgets: Mapping[str, Sequence[DataBudget]] | None = None,
        bound: frozenset[str] = frozenset(),
    ) -> None:
        if not 1 <= len(uplinks) <= UPLINKS_MAX:
            raise ValueError(f"{len(uplinks)} uplinks configured: give 1 to {UPLINKS_MAX}")
        budgets = budgets or {}
        self._uplinks = {
            name: Uplink(name, device, timing, budgets.get(name), bound=name in bound) for name in uplinks
        }
        if len(self._uplinks) != len(uplinks):
            raise ValueError(f"an uplink is configured twice in {', '.join(uplinks)}: name each once")
        if not bound <= self._uplinks.keys():
            raise ValueError(
                f"no uplinks {', '.join(sorted(bound - self._uplinks.keys()))} that could be bound"
            )
        self._ranking = Ranking(uplinks, timing.hold_down_ms, timing.switches_per_hour)
        self._preferred: str | None = None
        self._switches: deque[Switch] = deque(maxlen=SWITCHES_MAX)
        self.pinned: tuple[str, Instant] | None = None
        self.polls_open = False
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
        if self.pinned is not None and now >= self.pinned[1]:
            self.pinned = None
        scores = {
            name: uplink.health.score_at(now)
            for name, uplink in self._uplinks.items()
            if uplink.state == "up"
        }
        self._ranking.update(scores, now)
        self._look_who_is_preferred(now)
        return tuple(effects)

    def wake_at(self) -> Instant | None:
        """The next deadline; after ``handle`` later than its ``now``. At once (0) before the first ``handle``.

        None where no uplink has a path, and nothing else is due: only an event can change that.
        """
        deadlines = [uplink.wake_at() for uplink in self._uplinks.values()]
        deadlines.append(self._ranking.wake_at())
        if self.pinned is not None:
            deadlines.append(self.pinned[1])
        return min((deadline for deadline in deadlines if deadline is not None), default=None)

    def usable(self) -> tuple[str, ...]:
        """The healthy uplinks (connected, no overdue probe), best first; before them the pinned one, if it is one."""
        order = self._ranking.order
        if self.pinned is None or self.pinned[0] not in order:
            return order
        return (self.pinned[0], *(name for name in order if name != self.pinned[0]))

    def preferred(self) -> str | None:
        """The first usable uplink, or None."""
        return next(iter(self.usable()), None)

    def take_switches(self) -> tuple[Switch, ...]:
        """The switches of the preferred uplink since this was asked last, oldest first."""
        switches = tuple(self._switches)
        self._switches.clear()
        return switches

    def connected(self) -> tuple[str, ...]:
        """The uplinks whose session stands: the usable ones first, then the suspects in the configured order.

        For what must go out somewhere even when nothing is healthy: a slow uplink is suspect most of the time.
        """
        suspects = (name for name, uplink in self._uplinks.items() if uplink.state == "suspect")
        return (*self.usable(), *suspects)

    def states(self) -> dict[str, str]:
        """Each uplink's state in ``TABLE``, in the configured order."""
        return {name: uplink.state for name, uplink in self._uplinks.items()}

    def health(self, uplink: str) -> Health:
        """What the probes say of this uplink. To read, not to write.

        Raises:
            MachineError: there is no such uplink.
        """
        return self._find(uplink).health

    def uplink(self, name: str) -> Uplink:
        """One uplink with all that is known of it. To read, not to write.

        Raises:
            MachineError: there is no such uplink.
        """
        return self._find(name)

    def _take(self, event: FailoverEvent, now: Instant) -> tuple[FailoverEffect, ...]:
        match event:
            case UplinkConnected(uplink=name):
                return self._find(name).connect(now)
            case UplinkLost(uplink=name, reason=reason):
                return self._find(name).lose(reason, now)
            case ProbeEchoed(uplink=name, nonce=nonce):
                return self._find(name).hear_echo(nonce, now)
            case PathChanged() | LineSensed() | TcpSensed() | TrafficCounted() | SimUsed():
                return self._take_passive(event, now)
            case WindowChanged(critical=critical):
                return self._change_window(critical, now)
            case PollsChanged(open=polls_open):
                self.polls_open = polls_open
                return self._change_pace(now)
            case UplinkPinned(uplink=name, for_ms=for_ms):
                self.pinned = None if name is None else (self._find(name).name, now + for_ms)
            case UplinkTested(uplink=name):
                return self._find(name).probe_now(now)
            case Tick():
                pass
        return ()

    def _take_passive(
        self, event: PathChanged | LineSensed | TcpSensed | TrafficCounted | SimUsed, now: Instant
    ) -> tuple[FailoverEffect, ...]:
        uplink = self._find(event.uplink)
        match event:
            case PathChanged(path=path, reason=reason):
                return uplink.hear_path(path, reason, now)
            case LineSensed(grade=grade, words=words):
                return uplink.hear_line(grade, words, now)
            case TcpSensed(rtt_ms=rtt_ms, stalled=stalled):
                return uplink.hear_tcp(rtt_ms, now, stalled=stalled)
            case TrafficCounted(size=size):
                uplink.spending.count(size, now)
            case SimUsed(slot=slot):
                uplink.spending.use(slot)
        return uplink.happen("pace-changed", now)  # data may have become enough

    def _change_window(self, critical: bool, now: Instant) -> tuple[FailoverEffect, ...]:
        if critical == self.critical:
            return ()  # said again after a restart: not a second opening
        self.critical = critical
        effects: list[FailoverEffect] = []
        for uplink in self._uplinks.values():
            effects += uplink.happen("window-opened" if critical else "window-closed", now)
        return tuple(effects)

    def _change_pace(self, now: Instant) -> tuple[FailoverEffect, ...]:
        effects: list[FailoverEffect] = []
        for uplink in self._uplinks.values():
            uplink.polls_open = self.polls_open
            effects += uplink.happen("pace-changed", now)
        return tuple(effects)

    def _look_who_is_preferred(self, now: Instant) -> None:
        left, to = self._preferred, self.preferred()
        if left == to:
            return
        self._preferred = to
        cause = self._cause(left, to)
        old, new = (None if name is None else self._uplinks[name] for name in (left, to))
        self._switches.append(Switch(now, left, to, cause, reason_of(old, new, cause, now)))

    def _cause(self, left: str | None, to: str | None) -> Cause:
        if left is None:
            return "found"
        if left not in self._ranking.order:
            return "failed"
        if self.pinned is not None and self.pinned[0] == to:
            return "pinned"
        return "better" if self._ranking.left == left else "pin-ended"

    def _find(self, name: str) -> Uplink:
        uplink = self._uplinks.get(name)
        if uplink is None:
            raise MachineError(f"no uplink {name!r} is configured; there are {', '.join(self._uplinks)}")
        return uplink
