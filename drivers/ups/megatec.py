"""The Megatec protocol, Q1 for short, as Megatec's "UPS Communication Protocol" V2.06 has it.

``Q1<CR>`` asks for the status line. A command that the UPS does not know it echoes; one that it carries out it does not
answer, except that some say ACK.
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
        "test.battery.stop": b"CT\r",
        # Off in half a minute, and on again after three with mains. Early firmware never returns from a shorter rest.
        "shutdown.return": b"S.5R0003\r",
        "shutdown.stop": b"C\r",
    }
)
_TAKEN: Final = ("ACK", "(ACK")


class Megatec:
    """Implements ``drivers.ups.protocol.SerialProtocol``."""

    question: Final = b"Q1\r"
    commands: Final = _COMMANDS

    def parse(self, line: bytes) -> UpsReading:
        """As the protocol says; the echoed question is a refusal."""
        if clean(line) == "Q1":
            raise UpsRefusedError(
                "the UPS does not know Q1: set it to the Megatec protocol, set protocol in [ups], or use its own "
                "software"
            )
        return parse_status(line, "Q1")

    def outcome(self, line: bytes, sent: bytes) -> bool | None:
        """As the protocol says: an echo refuses."""
        text = clean(line)
        if text == clean(sent.removesuffix(b"\r")):
            return False
        return True if text.startswith(_TAKEN) else None


MEGATEC: Final = Megatec()
