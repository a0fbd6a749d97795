"""Lines to devices, as streams of bytes."""

from collections.abc import Awaitable, Callable
from typing import Literal, Protocol


class StreamClosedError(Exception):
    """The line is gone: unplugged, hung up, or the other side left."""


class ByteStream(Protocol):
    """A serial line, or what stands in for one."""

    async def read(self) -> bytes:
        """Wait for at least one byte; raises StreamClosedError when the line is gone."""

    async def write(self, data: bytes) -> None:
        """Hand bytes to the line; raises StreamClosedError when the line is gone."""

    def close(self) -> None:
        """Let go of the line. Idempotent."""


OpenStream = Callable[[], Awaitable[ByteStream]]
"""Opens the line anew; raises StreamClosedError when it is not there."""


Baudrate = Literal[2400, 9600, 19200, 38400, 57600, 115200]
"""Bits per second of a serial line; always eight data bits, no parity, one stop bit, no flow control."""
