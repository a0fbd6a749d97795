"""What a serial UPS protocol is to the dialogue: a question, its answer, and commands that are done in silence."""

from collections.abc import Mapping
from typing import Protocol

from drivers.ports import UpsCommand, UpsReading


class SerialProtocol(Protocol):
    """One dialect. All instances are constants: they remember nothing."""

    @property
    def question(self) -> bytes:
        """Asks for the status, CR included."""

    @property
    def commands(self) -> Mapping[UpsCommand, bytes]:
        """What to send for an instant command, CR included. A command that is not in it does not exist here."""

    def parse(self, line: bytes) -> UpsReading:
        """The reading in an answer to ``question``, without its CR.

        Raises:
            UpsRefusedError: the UPS's way of saying that it does not know the question.
            UpsLineError: anything else that is not an answer.
        """

    def outcome(self, line: bytes, sent: bytes) -> bool | None:
        """Whether a line says that the UPS took the command ``sent`` or refuses it; None: it says neither."""
