"""What the kit needs from outside. The world in ``simulators/`` replaces exactly these, and nothing above them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from crypto.courier_bundle import CourierBundle
from drivers.ports import Baudrate, OpenStream
from failover.path import Path
from kit.effects import SealTally, SignAccount
from kit.events import EnvelopeReady, Event

if TYPE_CHECKING:
    from failover.routing.ports import OpenKernel

Post = Callable[[Event], None]
"""How an edge hands an event to the runner. Never blocks."""


class Clock(Protocol):
    """The two clocks. Only edges read them."""

    def monotonic_ms(self) -> int:
        """Whole milliseconds that only go up."""

    def wall_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC, as the machine believes."""


Entropy = Callable[[int], bytes]
"""``entropy(n)``: n bytes that nobody can guess (a CSPRNG; seeded only in simulators)."""


class Sealer(Protocol):
    """Where the device's keys live; one day a process of its own."""

    def make(self, order: SignAccount | SealTally) -> EnvelopeReady:
        """Sign or seal. The bytes are new at every call: the caller journals them before anyone sees them."""

    def bundle(self, bundle: CourierBundle) -> bytes:
        """Sign the list of what a courier gets."""


class SeedStore(Protocol):
    """Where the seeds of the journal's evolving keys rest. What returned is durable.

    All methods raise JournalUnavailableError.
    """

    def seeds(self) -> dict[int, bytes]:
        """Every seed that is there whole, by epoch."""

    def put(self, epoch: int, seed: bytes) -> None:
        """Keep a seed (32 bytes) beside at most one other, of the epoch before; it was read back."""

    def erase(self, epoch: int) -> None:
        """Overwrite the place where the seed of this epoch stands or would stand; that of its neighbours stays."""

    def close(self) -> None:
        """Let go of it."""


class Uplinks(Protocol):
    """The MQTT sessions, one per uplink. Outcomes come back as events."""

    def connect(self, uplink: str, deadline_ms: int, path: Path | None = None) -> None:
        """Begin a session, bound to ``path`` where there is one; UplinkConnected or UplinkLost follows."""

    def disconnect(self, uplink: str, reason: str) -> None:
        """Drop the session at once, without a word to the other side."""

    def probe(self, uplink: str, nonce: int) -> None:
        """Send a probe; ProbeEchoed may follow."""

    def publish(self, uplink: str, data: bytes) -> None:
        """Send an envelope. Nothing but a receipt says that it arrived."""

    async def close(self) -> None:
        """End all sessions politely."""


@dataclass(frozen=True, slots=True)
class Ports:
    """Everything that differs between a branch and a world."""

    clock: Clock
    entropy: Entropy
    open_stream: Callable[[str, Baudrate], OpenStream]
    """``open_stream(port, baud)``: how to open a serial line."""
    vfs: str | None = None
    """Name of the SQLite VFS that the journal lives on; None: the operating system's."""
    notify: Callable[[str], None] = lambda _: None
    """sd_notify(3)."""
    open_kernel: "OpenKernel | None" = None
    """The way to the routing of this machine, for uplinks that are bound to interfaces; None: netlink."""
