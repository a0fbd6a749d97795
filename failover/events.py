"""What the failover core hears, and what it wants done. It yields no facts: probe samples spare the flash."""

from dataclasses import dataclass

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
    | Tick
)


@dataclass(frozen=True, slots=True)
class Connect:
    """Make a session on this uplink; give up after ``deadline_ms``. The outcome is Connected or Lost."""

    uplink: str
    deadline_ms: int


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
