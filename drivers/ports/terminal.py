"""A voting terminal, as the kit sees it."""

from dataclasses import dataclass
from typing import Literal, Protocol

TerminalAction = Literal["self-test", "zero", "open", "suspend", "resume", "close", "account", "tally"]
"""Commands of the terminal protocol. All are idempotent: asking again gives the same answer."""

TerminalPhase = Literal["idle", "zeroed", "open", "suspended", "closed", "tallied", "fault"]


@dataclass(frozen=True, slots=True)
class TerminalIdentity:
    """What a terminal says of itself at the start of a session."""

    terminal_id: str
    firmware: str
    boot_id: int
    """Changes at each boot of the terminal, 0 to 2**32-1."""
    definition_sha256: str
    """Of the ballot definition that it counts by: 64 lower-case hexadecimal digits."""
    firmware_sha256: str
    """Of the program that it runs, by its own word: 64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class TerminalUp:
    """A session stands: the terminal answered HELLO."""

    identity: TerminalIdentity


@dataclass(frozen=True, slots=True)
class TerminalLost:
    """The session is gone; the driver goes on trying by itself."""

    reason: str


@dataclass(frozen=True, slots=True)
class TerminalStatus:
    """Periodic status.

    ``public_counter``: ballots cast since zero, *coarse*: while the poll is open the terminal renews it every 15
    minutes at most; from close on it is exact. ``cover_open``: right now. ``tampered``: at any time since its maker
    sealed it.
    """

    phase: TerminalPhase
    close_no: int
    public_counter: int
    cover_open: bool = False
    tampered: bool = False


@dataclass(frozen=True, slots=True)
class TerminalDone:
    """The terminal carried an action out (or had done so before). Zero, account and tally carry the signed report."""

    action: TerminalAction
    close_no: int
    report: bytes | None


@dataclass(frozen=True, slots=True)
class TerminalRefused:
    """The terminal will not: ``wrong-phase``, ``too-early``, ``self-test-failed``, ``unknown``."""

    action: TerminalAction
    reason: Literal["wrong-phase", "too-early", "self-test-failed", "unknown"]


TerminalEvent = TerminalUp | TerminalLost | TerminalStatus | TerminalDone | TerminalRefused


class Terminal(Protocol):
    """A voting terminal, as the kit sees it."""

    async def run(self) -> None:
        """Hold the session up until cancelled; never returns by itself."""

    def request(self, action: TerminalAction) -> None:
        """Queue an action; the outcome comes as an event. A second request for a queued action is dropped."""
