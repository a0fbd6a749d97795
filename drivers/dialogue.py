"""The shape of a conversation with a device: bytes and time in, bytes and events out, no I/O."""

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

E_co = TypeVar("E_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Step(Generic[E_co]):
    """What a dialogue wants done: first hand ``send`` to the line, then tell the world the ``events`` in order.

    ``hang_up``: let go of the line for this reason and open it anew; ``handle_line_lost`` follows. For protocols whose
    answers carry no number: after a missing or a wrong one, nobody could say what the next one belongs to.
    """

    send: bytes = b""
    events: tuple[E_co, ...] = ()
    hang_up: str | None = None


class Dialogue(Protocol[E_co]):
    """A conversation over a line that comes and goes. ``now`` is monotonic, in milliseconds, and never falls."""

    def handle_line_up(self, now: int) -> Step[E_co]:
        """The line was opened; nothing of what was sent before counts any more."""

    def handle_line_lost(self, reason: str, now: int) -> Step[E_co]:
        """The line is gone, or could not be opened. ``send`` of the returned step is empty."""

    def handle_bytes(self, data: bytes, now: int) -> Step[E_co]:
        """Bytes from the line, split and merged in any way."""

    def handle_tick(self, now: int) -> Step[E_co]:
        """Act on every deadline up to ``now``; afterwards ``wake_at()`` lies in the future. Early ticks do no harm."""

    def wake_at(self) -> int | None:
        """The next deadline, or None where only the line or a request can bring news."""
