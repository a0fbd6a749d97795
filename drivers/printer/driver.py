"""An ESC/POS printer on any line: the dialogue of ``dialogue.py``, held up by ``drivers.link``."""

from collections.abc import Callable

from drivers.link import Link
from drivers.ports import OpenStream, PrinterEvent, Tape
from drivers.printer import encode
from drivers.printer.dialogue import POLL_MS, PrinterDialogue


class EscposPrinter:
    """Implements ``drivers.ports.Printer``. Loads python-escpos (0.4 s).

    Args:
        open_stream: opens the line anew: ``drivers.uart.uart``, ``drivers.printer.lines.usb`` or ``network``.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears every event.
        width_dots: dots in a row: 576 (80 mm paper) or 384 (58 mm).
        answers: whether the printer answers DLE EOT and GS r; else tapes count as printed unconfirmed.
        poll_ms: from one look at the printer to the next while nothing is printed, at least 1.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        emit: Callable[[PrinterEvent], None],
        *,
        width_dots: int = 576,
        answers: bool = True,
        poll_ms: int = POLL_MS,
    ) -> None:
        encode.load()
        self._width_dots, self._now = width_dots, now
        self._dialogue = PrinterDialogue(answers=answers, poll_ms=poll_ms)
        self._link = Link(open_stream, now, self._dialogue, emit)

    @property
    def width_dots(self) -> int:
        """Dots in a row."""
        return self._width_dots

    async def run(self) -> None:
        """Watch and print until cancelled; never returns by itself."""
        await self._link.run()

    def print(self, tape: Tape) -> None:
        """Queue a tape; TapePrinted or TapeBroken follows. Raises encode.BandError for one that no printer takes."""
        self._link.take(self._dialogue.print(tape, self._now()))
