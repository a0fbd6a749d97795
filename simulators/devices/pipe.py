"""A device model behind an in-memory line: the ``ByteStream`` of simulated worlds. No socket, no thread, no clock."""

import asyncio
import contextvars
from collections import deque
from collections.abc import Callable
from typing import Final

from drivers.ports import ByteStream, StreamClosedError

ARRIVED_MAX: Final = 64 * 1024  # bytes that wait to be read; more is lost, as on a real UART


class PipeLine:
    """A line with the model ``answer`` at its far end: bytes that arrived in, bytes to send out.

    ``open`` is a ``drivers.ports.OpenStream``. As on a serial device, opening again takes the line away from whoever
    had it, who may have died without a word. ``latency_ms`` is each way; bytes never overtake each other.
    """

    def __init__(self, answer: Callable[[bytes], bytes], *, latency_ms: int = 0) -> None:
        self.latency_ms: Final = latency_ms
        self.lost_bytes = 0
        self._answer: Final = answer
        self._plugged = True
        self._stream: _PipeStream | None = None
        # Bytes on their way belong to the line: they arrive even if their sender is cut off meanwhile.
        self._context: Final = contextvars.copy_context()

    @property
    def plugged(self) -> bool:
        """Whether anything is at the far end."""
        return self._plugged

    async def open(self) -> ByteStream:
        """Open the line anew; raises StreamClosedError while it is unplugged."""
        if not self._plugged:
            raise StreamClosedError("the line is unplugged: plug it in")
        if self._stream is not None:
            self._stream.close()
        self._stream = _PipeStream(self)
        return self._stream

    def unplug(self) -> None:
        """Take the line away: reads and writes fail from now on, and so does opening it."""
        self._plugged = False
        if self._stream is not None:
            self._stream.close()
            self._stream = None

    def plug(self) -> None:
        """Put the line back: it can be opened again."""
        self._plugged = True

    def say(self, data: bytes) -> None:
        """The model says something unasked; nobody hears it while nobody has the line open."""
        if data and self._stream is not None:
            self._stream.hear(data)

    def later(self, callback: Callable[[], None]) -> None:
        """Call back after the latency of one way: at once where there is none."""
        if self.latency_ms == 0:
            callback()
        else:
            loop = asyncio.get_running_loop()
            loop.call_later(self.latency_ms / 1000, callback, context=self._context)

    def answer(self, data: bytes) -> bytes:
        """What the model says to these bytes."""
        return self._answer(data)


class _PipeStream:
    """One opening of a line. Only one reader at a time."""

    def __init__(self, line: PipeLine) -> None:
        self._line: Final = line
        # Timers may fire out of order within one instant, so that each takes what is oldest.
        self._outward: Final[deque[bytes]] = deque()
        self._inward: Final[deque[bytes]] = deque()
        self._arrived = bytearray()
        self._changed: Final = asyncio.Event()
        self._closed = False

    async def read(self) -> bytes:
        while not self._arrived and not self._closed:
            self._changed.clear()
            await self._changed.wait()
        if self._closed:
            raise StreamClosedError("the line was closed: open it again")
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def write(self, data: bytes) -> None:
        if self._closed:
            raise StreamClosedError("the line was closed: open it again")
        self._outward.append(data)
        self._line.later(self._reach_model)

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    def _reach_model(self) -> None:
        self.hear(self._line.answer(self._outward.popleft()))

    def hear(self, data: bytes) -> None:
        """Bytes leave the model."""
        if data:
            self._inward.append(data)
            self._line.later(self._reach_reader)

    def _reach_reader(self) -> None:
        answer = self._inward.popleft()
        room = ARRIVED_MAX - len(self._arrived)
        self._line.lost_bytes += max(0, len(answer) - room)
        self._arrived += answer[:room]
        self._changed.set()
