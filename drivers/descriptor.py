"""An open character device that never blocks, by its descriptor: writing to it, and waiting until it is ready."""

import asyncio
import os

from drivers.ports import StreamClosedError


class Descriptor:
    """One open descriptor (O_NONBLOCK). Nothing is buffered: ``write`` waits while the kernel takes nothing.

    Closing the descriptor itself is for whoever opened it, after ``let_go``.
    """

    def __init__(self, fd: int, path: str) -> None:
        self.fd, self.path = fd, path
        self.closed = False
        self.loop = asyncio.get_running_loop()
        self._waiters: list[asyncio.Future[None]] = []

    def check_open(self) -> None:
        """Raise StreamClosedError after ``let_go``."""
        if self.closed:
            raise StreamClosedError(f"{self.path} was closed")

    async def write(self, data: bytes) -> None:
        """Hand all bytes to the kernel, waiting while it takes none; raises StreamClosedError when it is gone."""
        rest = memoryview(data)
        while rest:
            self.check_open()
            try:
                rest = rest[os.write(self.fd, rest) :]
            except BlockingIOError:
                await self.ready(writing=True)
            except OSError as wrong:
                raise StreamClosedError(f"{self.path} is gone: {wrong.strerror}") from wrong

    async def ready(self, *, writing: bool) -> None:
        """Wait until the device takes or has bytes; watched only meanwhile.

        One at a time each way. Raises StreamClosedError when it is let go of meanwhile.
        """
        self.check_open()
        waiter: asyncio.Future[None] = self.loop.create_future()
        self._waiters.append(waiter)
        (self.loop.add_writer if writing else self.loop.add_reader)(self.fd, _set, waiter)
        try:
            await waiter
        finally:
            self._waiters.remove(waiter)
            if not self.closed:  # let_go() has unwatched already, and the number may be another file's by now
                (self.loop.remove_writer if writing else self.loop.remove_reader)(self.fd)

    def let_go(self) -> None:
        """Watch it no more, and wake whoever waits with StreamClosedError. Once."""
        self.closed = True
        self.loop.remove_reader(self.fd)
        self.loop.remove_writer(self.fd)
        for waiter in self._waiters:
            if not waiter.done():
                waiter.set_exception(StreamClosedError(f"{self.path} was closed"))


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
