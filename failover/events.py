"""What the failover core hears, and what it wants done. It yields no facts: probe samples spare the flash."""

from dataclasses import dataclass
from typing import Literal

from failover.path import Path

Instant = int
"""Monotonic time in whole milliseconds; only differences mean anything."""


@dataclass(frozen=True, slots=True)
class UplinkConnected:
    """The MQTT session on this uplink stands and its subscriptions are acknowledged."""

    uplink: str


@dataclass(frozen=True, slots=True)
class UplinkLost:
    """The session on this uplink ended, or could not be made."""

    uplink: str
    reason: str


@dataclass(frozen=True, slots=True)
class ProbeEchoed:
    """The broker sent our own probe back on the same session."""

    uplink: str
    nonce: int


@dataclass(frozen=True, slots=True)
class WindowChanged:
    """The critical window (sealed, not yet receipted) opens or closes."""

    critical: bool


@dataclass(frozen=True, slots=True)
class PollsChanged:
    """Voting begins, or is over and delivered: outside the critical window that says how often to probe."""

    open: bool


@dataclass(frozen=True, slots=True)
class UplinkPinned:
    """A technician wants this uplink preferred for ``for_ms`` wherever it is usable; None: the pin is taken away."""

    uplink: str | None
    for_ms: int = 0


@dataclass(frozen=True, slots=True)
class UplinkTested:
    """A technician wants a probe of this uplink now; where no session stands, nothing is sent."""

    uplink: str


@dataclass(frozen=True, slots=True)
class PathChanged:
    """The interface of this uplink can carry packets by ``path`` from now on; None: it cannot, ``reason`` says why.

    Only uplinks that are bound to an interface have paths. They make no session before they heard of one, and one that
    stands on another path than the present one is of no use any more.
    """

    uplink: str
    path: Path | None
    reason: str


LineGrade = Literal["good", "fair", "poor", "none"]


@dataclass(frozen=True, slots=True)
class LineSensed:
    """What a device says of the line under this uplink: its modem of the radio, its ONT of the light.

    ``grade`` "none": by the device's word nothing can pass. It may be wrong: it is a reason to probe at once and to
    rank the uplink last, not to end a session that answers. ``words``: such as "searching for the network".
    """

    uplink: str
    grade: LineGrade
    words: str


@dataclass(frozen=True, slots=True)
class TcpSensed:
    """What the kernel says of this uplink's session (tcp(7), TCP_INFO), told when it says something new.

    ``rtt_ms``: smoothed round trip, 0 or more. ``stalled``: bytes were sent again and are still not acknowledged.
    """

    uplink: str
    rtt_ms: int
    stalled: bool


@dataclass(frozen=True, slots=True)
class TrafficCounted:
    """What the kernel counted of this uplink's traffic since it said so last: bytes of IP, both ways, 0 or more.

    Told of sessions and of attempts, the last time when they have ended; before UplinkConnected and UplinkLost, so that
    the price of an attempt is known.
    """

    uplink: str
    size: int


@dataclass(frozen=True, slots=True)
class SimUsed:
    """The modem under this uplink uses the SIM in ``slot`` (counted from 1): another SIM is another budget."""

    uplink: str
    slot: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline came."""


FailoverEvent = (
    UplinkConnected
    | UplinkLost
    | ProbeEchoed
    | WindowChanged
    | PollsChanged
    | UplinkPinned
    | UplinkTested
    | PathChanged
    | LineSensed
    | TcpSensed
    | TrafficCounted
    | SimUsed
    | Tick
)


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a session on this uplink; give up after ``deadline_ms``. The outcome is Connected or Lost.

    ``path``: what to bind it to; None for an uplink that is bound to no interface.
    """

    uplink: str
    deadline_ms: int
    path: Path | None = None


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Tear this uplink's session down without waiting for it. Yields no event."""

    uplink: str
    reason: str


@dataclass(frozen=True, slots=True)
class Probe:
    """Publish this nonce to the uplink's own probe topic."""

    uplink: str
    nonce: int


FailoverEffect = Connect | Disconnect | Probe
