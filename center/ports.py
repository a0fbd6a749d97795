"""What the daemon needs from the world: a wall clock, a disk, a lock, a supervisor and a session with the broker."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from center.broker_door import IN_THE_CLEAR, Door
from center.commands.store import CommandStore
from center.intake.spool import Spool
from center.witness.address import Answer
from center.witness.witness import Request


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message from the broker, not acknowledged yet, or one file from the spool, not laid aside yet.

    ``session`` and ``mid`` name it towards the broker: a message id means nothing outside its own session. ``file`` is
    its name in the spool, and then ``topic`` is admission.SPOOL.
    """

    topic: str
    payload: bytes
    session: int
    mid: int
    qos: int
    file: str | None = None


@dataclass(frozen=True, slots=True)
class SessionSettings:
    """Where the broker is, who we are there, and what we want to hear. ``port`` is 1-65535."""

    host: str
    port: int
    client_id: str
    topic: str
    probe_topic: str | None
    """A topic of our own, to send ourselves one message of the greatest size; None to trust the broker."""
    door: Door = IN_THE_CLEAR
    """What the broker wants to see beside that."""


class Session(Protocol):
    """A session with the broker that comes back by itself."""

    async def run(self) -> None:
        """Hold the session up until cancelled; never returns by itself."""

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker that the message is durable here; nothing happens if its session is gone."""

    async def send(self, topic: str, payload: bytes) -> bool:
        """Hand one QoS 0 message to the broker; False when there is no session (the kit will ask again)."""


Sink = Callable[[Delivery], bool]
"""Takes a delivery in; False when there is no room, and then the message stays with the broker."""

Ask = Callable[[str, Request], Awaitable[Answer]]
"""Asks the witness at a URL to vouch for a checkpoint; raises OSError or TimeoutError."""

SessionFactory = Callable[[SessionSettings, Sink], Session]


@dataclass(frozen=True, slots=True)
class CenterPorts:
    """The world, as the daemon sees it. ``edges.real_ports`` makes the real one."""

    wall_ms: Callable[[], int]
    """Wall clock, milliseconds since 1970-01-01 UTC. Only recorded, never decided by."""
    lock: Callable[[Path], Callable[[], None]]
    """Claims a state directory and returns how to let go; raises AlreadyRunningError or LedgerError."""
    notify: Callable[[str], None]
    """sd_notify: one assignment such as ``READY=1``."""
    session: SessionFactory
    vfs: str | None = None
    """SQLite VFS; None for the operating system's."""
    exclusive_locking: bool = False
    """SQLite's exclusive locking mode: needed where the VFS has no shared memory; shuts readers out."""
    probe_payload_limit: bool = True
    """Whether to check at the start that the broker carries messages of wire.MQTT_PAYLOAD_MAX."""
    ask_witness: Ask | None = None
    """How to reach witnesses; None for never."""
    spool: Callable[[Path], Spool] | None = None
    """The spool of a state directory; None for no spool."""
    commands: Callable[[Path], CommandStore] | None = None
    """Where commands of a state directory are asked for and kept; None for none."""
    watchdog_ms: int | None = None
    """The supervisor wants to hear ``WATCHDOG=1`` at least this often; None for never."""
