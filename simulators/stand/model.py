"""What the stand asks of a device model. Models are sans-I/O: bytes and time in, bytes out."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class CommandError(Exception):
    """The model does not know a command, or cannot do it; the message says what it knows."""


class DeviceModel(Protocol):
    """A device at the far end of a line. ``now_ms`` is monotonic, in whole milliseconds, and never falls."""

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the line, split and merged in any way; return what the device sends at once."""

    def tick(self, now_ms: int) -> bytes:
        """Act on every deadline up to ``now_ms``; return what the device sends unasked."""

    def wake_at(self) -> int | None:
        """The next deadline, or None where only the line or a command can bring news."""

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """Do what a script says, as in ``mains off``; return one sentence about it. What it sends comes with ``tick``.

        Raises:
            CommandError: the command is not known, or cannot be done.
        """

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """What is true of the device right now, for scripts: plain JSON."""

    @property
    def commands(self) -> Mapping[str, str]:
        """Every command as it is typed, with one line on what it does: for ``help`` and for errors."""
