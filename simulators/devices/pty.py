"""A device model behind a pseudo-terminal, for programs that open a serial device by its path."""

import asyncio
import os
import tty
from collections.abc import Callable
from typing import Final

CHUNK: Final = 4096  # bytes read from the line at once
PENDING_MAX: Final = 64 * 1024  # bytes that wait for the line to take them; more is lost, as on a real UART


class PtyLine:
    """Opens a pseudo-terminal at once; ``start`` begins to answer. ``path`` is what the other program opens.

    ``answer`` is the model: it gets the bytes that arrived and returns those to send. The device end is kept open
    here too, so that the other program can close and open it again without hanging up the line.
    """

    def __init__(self, answer: Callable[[bytes], bytes]) -> None:
        self._answer: Final = answer
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path: Final = os.ttyname(self._slave)
        self.lost_bytes = 0
        self._pending = bytearray()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def start(self) -> None:
        """Answer from now on, on the running event loop."""
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._master, self._on_bytes)

    def babble(self, data: bytes) -> None:
        """Send bytes that nobody asked for, as interference would."""
        self._send(data)

    def close(self) -> None:
        """Unplug the line: whoever has it open gets an error. Idempotent."""
        if self._closed:
            return
        self._closed = True
        if self._loop is not None:
            self._loop.remove_reader(self._master)
            self._loop.remove_writer(self._master)
        os.close(self._slave)
        os.close(self._master)

    def _on_bytes(self) -> None:
        try:
            data = os.read(self._master, CHUNK)
        except BlockingIOError:
            return
        self._send(self._answer(data))

    def _send(self, data: bytes) -> None:
        if self._closed:
            return
        room = PENDING_MAX - len(self._pending)
        self.lost_bytes += max(0, len(data) - room)
        self._pending += data[:room]
        self._flush()

    def _flush(self) -> None:
        assert self._loop is not None  # noqa: S101 - only the loop calls this
        while self._pending:
            try:
                written = os.write(self._master, self._pending)
            except BlockingIOError:
                self._loop.add_writer(self._master, self._flush)
                return
            del self._pending[:written]
        self._loop.remove_writer(self._master)
