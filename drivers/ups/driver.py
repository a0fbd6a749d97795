"""A UPS on a serial line: the dialogue of ``dialogue.py``, held up by ``drivers.link``."""

from collections.abc import Callable

from drivers.link import Link
from drivers.ports import OpenStream, UpsCommand, UpsEvent
from drivers.ups.dialogue import UpsDialogue
from drivers.ups.megatec import MEGATEC
from drivers.ups.protocol import SerialProtocol


class SerialUps:
    """Implements ``drivers.ports.Ups``.

    Args:
        open_stream: opens the line anew, 2400 8N1.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every reading, UpsLost once when three polls in a row were missed, and what became of commands.
        poll_interval_ms: from one question to the next, at least 1.
        protocols: those to try; the first that gets a believable answer is kept.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[UpsEvent], None],
        poll_interval_ms: int,
        protocols: tuple[SerialProtocol, ...],
    ) -> None:
        self._now = now
        self._dialogue = UpsDialogue(poll_interval_ms, protocols)
        self._link = Link(open_stream, now, self._dialogue, emit)

    async def run(self) -> None:
        """Poll until cancelled; never returns by itself."""
        await self._link.run()

    def command(self, command: UpsCommand) -> None:
        """Queue an instant command; UpsCommandEnded follows. A second request for a queued one is dropped."""
        self._link.take(self._dialogue.handle_command(command, self._now()))


class MegatecUps(SerialUps):
    """A UPS that speaks Megatec/Q1."""

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[UpsEvent], None],
        poll_interval_ms: int,
    ) -> None:
        super().__init__(open_stream, now, emit, poll_interval_ms, (MEGATEC,))
