"""Serial lines of this machine, pseudo-terminals included, as byte streams. The only file that knows pyserial."""

import asyncio
import contextlib
import errno
import os
import termios
from typing import Final

import serial

from drivers.descriptor import Descriptor
from drivers.ports import Baudrate, ByteStream, OpenStream, StreamClosedError

READ_MAX: Final = 4096  # bytes taken from the line at once: the size of the kernel's own line buffer

_NO_LOCKS: Final = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)


def uart(path: str, baudrate: Baudrate, *, rts: bool = True) -> OpenStream:
    """Returns what opens the line at ``path``, locked against other programs where the system knows locks.

    Args:
        path: a tty or pseudo-terminal, best a stable name such as ``/dev/serial/by-path/...``.
        baudrate: bits per second.
        rts: level of RTS while the line is open. Cables of Megatec UPSes draw their power from DTR high and RTS low.

    Returns:
        An opener that raises StreamClosedError when the line is not there or belongs to another program.
    """

    async def open_stream() -> ByteStream:
        try:
            port = _open(path, baudrate, rts=rts)
        except (OSError, ValueError, termios.error) as wrong:  # ValueError: what no path can be
            raise StreamClosedError(
                f"cannot open {path}: {wrong}; check the cable, the name and the rights"
            ) from wrong
        return Uart(port, path)

    return open_stream


def _open(path: str, baudrate: Baudrate, *, rts: bool) -> serial.Serial:
    """Open and configure; raises OSError (pyserial's SerialException is one) or termios.error."""
    port = serial.Serial(baudrate=baudrate, timeout=0, write_timeout=0, exclusive=True)
    port.rts = rts
    port.port = path
    try:
        port.open()
    except OSError as wrong:
        if wrong.errno not in _NO_LOCKS:
            raise
        port.exclusive = None
        port.open()
    return port


class Uart:
    """An open serial line. One task may read while another writes.

    Reads and writes go to the descriptor itself: pyserial's non-blocking write spins while the line is full. Nothing is
    buffered here but one read that was cancelled with its bytes in hand: the kernel's line buffer is the bound, and
    ``write`` waits while it is full. The descriptor stays watched from one read to the next, and is let go of when it
    has news that nobody waits for, so that a hung-up line costs no idle cycles.
    """

    def __init__(self, port: serial.Serial, path: str) -> None:
        self._port = port
        self._line = Descriptor(port.fileno(), path)
        self._reading: asyncio.Future[bytes] | None = None
        self._watched = False
        self._kept = b""  # of a read that was cancelled in the very moment

    async def read(self) -> bytes:
        """Wait for at least one byte, at most READ_MAX; raises StreamClosedError when the line is gone.

        One read at a time.
        """
        self._line.check_open()
        if self._kept:
            kept, self._kept = self._kept, b""
            return kept
        reading: asyncio.Future[bytes] = self._line.loop.create_future()
        self._reading = reading
        if not self._watched:
            self._watched = True
            self._line.loop.add_reader(self._line.fd, self._readable)
        try:
            return await reading
        except asyncio.CancelledError:
            if reading.done() and not reading.cancelled() and reading.exception() is None:
                self._kept = reading.result()
            raise

    def offer(self, data: bytes) -> int:
        """Hand the kernel what it takes at once; returns how many bytes. None are taken when the line is gone."""
        try:
            return 0 if self._line.closed else os.write(self._line.fd, data)
        except OSError:
            return 0  # whoever writes the rest hears why

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the kernel, waiting while it takes none; raises StreamClosedError when the line is gone."""
        await self._line.write(data)

    def close(self) -> None:
        """Let go of the line and of whoever waits for it. Idempotent."""
        if self._line.closed:
            return
        self._line.let_go()
        if self._reading is not None and not self._reading.done():
            self._reading.set_exception(StreamClosedError(f"{self._line.path} was closed"))
        # Closing a tty waits, up to 30 s on Linux, for unsent bytes to drain to a device that may be dead: drop them.
        with contextlib.suppress(OSError, termios.error):
            self._port.reset_output_buffer()
        with contextlib.suppress(OSError):
            self._port.close()

    def _readable(self) -> None:
        """The descriptor has bytes, or an end: hand it to whoever reads, or stop watching."""
        reading = self._reading
        if reading is None or reading.done():
            self._watched = False
            self._line.loop.remove_reader(self._line.fd)
            return
        try:
            data = os.read(self._line.fd, READ_MAX)
        except BlockingIOError:
            return
        except OSError as wrong:
            reading.set_exception(StreamClosedError(f"{self._line.path} is gone: {wrong.strerror}"))
            return
        if data:
            reading.set_result(data)
        else:  # a tty that calls itself readable and yields nothing has been hung up
            reading.set_exception(StreamClosedError(f"{self._line.path} is gone: hung up"))
