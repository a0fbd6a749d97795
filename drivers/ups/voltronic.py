"""Voltronic Power's QS protocol: ``QS<CR>`` asks for the status line that Megatec's Q1 gives; ``(NAK`` refuses.

``M<CR>`` is answered by the protocol's letter, ``V`` for this one. A UPS rests at least a minute after a shutdown.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from drivers.errors import UpsRefusedError
from drivers.ports import UpsCommand, UpsReading
from drivers.ups.status_line import clean, parse_status

_COMMANDS: Final[Mapping[UpsCommand, bytes]] = MappingProxyType(
    {
        "beeper.toggle": b"Q\r",
        "test.battery.start.quick": b"T\r",
        "shutdown.return": b"S.5R0003\r",
        "shutdown.stop": b"C\r",
    }
)
_TAKEN: Final = ("ACK", "(ACK")
_REFUSED: Final = ("NAK", "(NAK")


class VoltronicQs:
    """Implements ``drivers.ups.protocol.SerialProtocol``. It cannot stop a test of the battery, which is short."""

    question: Final = b"QS\r"
    commands: Final = _COMMANDS

    def parse(self, line: bytes) -> UpsReading:
        """As the protocol says; an echo and ``(NAK`` are refusals."""
        text = clean(line)
        if text == "QS" or text.startswith(_REFUSED):
            raise UpsRefusedError(
                f"the UPS answers QS with {text!r}: it speaks another protocol; set protocol in [ups], megatec first"
            )
        return parse_status(line, "QS")

    def outcome(self, line: bytes, sent: bytes) -> bool | None:
        """As the protocol says: ``(NAK`` and an echo refuse."""
        text = clean(line)
        if text.startswith(_REFUSED) or text == clean(sent.removesuffix(b"\r")):
            return False
        return True if text.startswith(_TAKEN) else None


VOLTRONIC_QS: Final = VoltronicQs()
