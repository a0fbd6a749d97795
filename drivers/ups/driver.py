"""A Megatec/Q1 UPS on a serial line: the dialogue of ``dialogue.py``, held up by ``drivers.link``."""

from collections.abc import Callable

from drivers.link import Link
from drivers.ports import OpenStream, UpsEvent
from drivers.ups.dialogue import UpsDialogue


class MegatecUps:
    """Implements ``drivers.ports.Ups``.

    Args:
        open_stream: opens the line anew, 2400 8N1.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every reading, and UpsLost once when three polls in a row were missed.
        poll_interval_ms: from one question to the next, at least 1.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[UpsEvent], None],
        poll_interval_ms: int,
    ) -> None:
        self._link = Link(open_stream, now, UpsDialogue(poll_interval_ms), emit)

    async def run(self) -> None:
        """Poll until cancelled; never returns by itself."""
        await self._link.run()
