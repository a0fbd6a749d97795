"""A network of uplinks on virtual time, for the failover core to fail over in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import count
from random import Random

from failover.events import (
    Connect,
    Disconnect,
    FailoverEffect,
    FailoverEvent,
    PathChanged,
    Probe,
    ProbeEchoed,
    Tick,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.machine import Failover
from failover.path import Path
from failover.timing import Timing

_Outcome = UplinkConnected | UplinkLost | ProbeEchoed

OFTEN = Timing(probe_ms=15_000, switches_per_hour=60)
"""Slow times that pass quickly."""
RTO_MS = 200  # the least retransmission timeout of Linux
SYN_RTO_MS = 1_000  # RFC 6298 §2


def path_of(
    name: str = "wwan0", index: int = 3, *sources: str, table: int | None = 7_101, mtu: int = 1_500
) -> Path:
    """A path that can carry packets."""
    return Path(name, index, sources or ("10.0.0.2",), mtu, table)


@dataclass
class Link:
    """What one uplink is like right now."""

    carries: bool = True
    refuses: bool = False  # an unreachable network says so at once; a blackhole says nothing
    rtt_ms: int = 40
    connect_ms: int = 120
    loss: float = 0.0  # share of packets that is lost, each way: TCP sends them again, later and later
    one_way: bool = False  # packets arrive, and no answer comes back
    mute: bool = False  # sessions stand, and probes are not echoed
    path: Path | None = None  # None: none, or bound to no interface
    echo_free_at: int = 0  # nothing overtakes on a TCP session
    taken: list[Path | None] = field(default_factory=list)
    session: int = 0  # 0: none; else which
    connecting: bool = False
    last_echo_at: int = -1
    connects: list[int] = field(default_factory=list)
    disconnects: list[int] = field(default_factory=list)


class Net:
    """Carries out the core's effects, brings the outcomes back, and checks the core at every step."""

    def __init__(
        self,
        uplinks: Sequence[str] = ("fibre", "4g-a"),
        timing: Timing | None = None,
        bound: frozenset[str] = frozenset(),
    ) -> None:
        self.core = Failover(uplinks, "device-1", timing or OFTEN, bound=bound)
        self._random = Random(1)
        self.links = {name: Link() for name in uplinks}
        self.now = 1_000
        self.probes: list[tuple[int, str]] = []
        self.preferences: list[tuple[int, str | None]] = []
        self.after_step: Callable[[], None] = lambda: None
        self._sessions = count(1)
        self._order = count()
        self._coming: list[tuple[int, int, int, _Outcome]] = []  # when, order, session, what

    def tell(self, event: FailoverEvent) -> tuple[FailoverEffect, ...]:
        """Hand the core one event now."""
        if isinstance(event, ProbeEchoed):
            self.links[event.uplink].last_echo_at = self.now
        if isinstance(event, UplinkConnected | UplinkLost):
            self.links[event.uplink].connecting = False
        effects = self.core.handle(event, self.now)
        for effect in effects:
            self._carry_out(effect)
        wake_at = self.core.wake_at()
        assert wake_at is None or wake_at > self.now, "the core asks to be woken in the past"
        preferred = self.core.preferred()
        if not self.preferences or self.preferences[-1][1] != preferred:
            self.preferences.append((self.now, preferred))
        self.after_step()
        return effects

    def run(self, duration_ms: int) -> None:
        """Let time pass, with the core woken exactly when it asks to be."""
        until = self.now + duration_ms
        while True:
            wake_at = self.core.wake_at()
            if wake_at is None:
                wake_at = until + 1  # no uplink has a path
            if self._coming and self._coming[0][0] <= wake_at:
                when, _, session, event = heappop(self._coming)
                if when > until:
                    heappush(self._coming, (when, next(self._order), session, event))
                    break
                self.now = when
                if self.links[event.uplink].session == session:
                    self.tell(event)
            elif wake_at > until:
                break
            else:
                self.now = max(self.now, wake_at)
                self.tell(Tick())
        self.now = until

    def open_window(self) -> None:
        self.tell(WindowChanged(critical=True))

    def close_window(self) -> None:
        self.tell(WindowChanged(critical=False))

    def cut(self, name: str) -> None:
        """The uplink becomes a blackhole: nothing in flight arrives, and nobody says so."""
        self.links[name].carries = False
        self._coming = [entry for entry in self._coming if not self._is_echo_on(entry[3], name)]
        self._coming.sort()

    def set_path(
        self, name: str, path: Path | None, reason: str = "no carrier"
    ) -> tuple[FailoverEffect, ...]:
        """The kernel says so; without a path nothing in flight arrives."""
        if path is None:
            self.cut(name)
            self.links[name].carries = True
        self.links[name].path = path
        return self.tell(PathChanged(name, path, "" if path is not None else f"{name}: {reason}"))

    def mend(self, name: str) -> None:
        self.links[name].carries = True

    def _is_echo_on(self, event: FailoverEvent, name: str) -> bool:
        return isinstance(event, ProbeEchoed) and event.uplink == name

    def _carry_out(self, effect: FailoverEffect) -> None:
        link = self.links[effect.uplink]
        match effect:
            case Connect(uplink=name, deadline_ms=deadline_ms, path=path):
                assert path == link.path, "bound to another path than the present one"
                link.taken.append(path)
                assert not link.connecting, f"a second Connect on {name} while one is outstanding"
                link.connecting = True
                link.session = next(self._sessions)
                link.connects.append(self.now)
                link.echo_free_at = 0
                connect_ms = (
                    link.connect_ms + self._late_ms(link, SYN_RTO_MS) + 2 * self._late_ms(link, RTO_MS)
                )
                if link.refuses:
                    self._later(1, UplinkLost(name, "network is unreachable"))
                elif link.carries and not link.one_way and connect_ms <= deadline_ms:
                    self._later(connect_ms, UplinkConnected(name))
                else:
                    self._later(deadline_ms, UplinkLost(name, "timed out"))
            case Disconnect():
                link.connecting = False
                link.session = 0
                link.disconnects.append(self.now)
            case Probe(uplink=name, nonce=nonce):
                assert link.session != 0, f"a probe on {name} without a session"
                self.probes.append((self.now, name))
                if link.carries and not link.one_way and not link.mute:
                    echo_at = (
                        self.now + link.rtt_ms + self._late_ms(link, RTO_MS) + self._late_ms(link, RTO_MS)
                    )
                    link.echo_free_at = max(link.echo_free_at, echo_at)
                    self._later(link.echo_free_at - self.now, ProbeEchoed(name, nonce))

    def _late_ms(self, link: Link, rto_ms: int) -> int:
        """How much later a packet arrives that is sent again until it does."""
        late_ms = 0
        while link.loss and self._random.random() < link.loss:
            late_ms, rto_ms = late_ms + rto_ms, 2 * rto_ms
        return late_ms

    def _later(self, delay_ms: int, event: _Outcome) -> None:
        session = self.links[event.uplink].session
        heappush(self._coming, (self.now + delay_ms, next(self._order), session, event))
