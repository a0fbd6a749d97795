"""A TCP relay on loopback that can swallow a connection whole: the uplink that looks alive and carries nothing."""

import asyncio
from collections.abc import Callable
from typing import Final, Literal

Direction = Literal["up", "down"]
"""``up``: from whoever connected to the target. ``down``: back."""

Tap = Callable[[Direction, bytes], None]

CHUNK: Final = 64 * 1024  # bytes forwarded at once
CONNECTIONS_MAX: Final = 1024  # at a time; one more is closed at once


class Relay:
    """Forwards ``127.0.0.1:port`` to ``target_host:target_port``. ``tap`` sees all bytes as they are forwarded.

    ``hole`` turns the line into a black hole: connections stay up and new ones are accepted, nothing passes in either
    direction, not even their end. What was sent is held as TCP would hold it (in bounded buffers, then the sender
    waits) and arrives after ``heal``. Kernels still acknowledge on loopback, so that the sender's own
    TCP_USER_TIMEOUT does not fire here.
    """

    def __init__(self, target_host: str, target_port: int, *, tap: Tap | None = None) -> None:
        self._target: Final = (target_host, target_port)
        self._tap: Final = tap
        self._passing: Final = asyncio.Event()
        self._passing.set()
        self._server: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    @property
    def port(self) -> int:
        """Where the relay listens, on 127.0.0.1."""
        assert self._server is not None, "start the relay first"  # noqa: S101
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    async def start(self) -> None:
        """Listen on a free port of 127.0.0.1."""
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, limit=CHUNK)

    def hole(self) -> None:
        """Let nothing pass."""
        self._passing.clear()

    def heal(self) -> None:
        """Let everything pass again, what was held first."""
        self._passing.set()

    async def close(self) -> None:
        """Stop listening and drop all connections. Idempotent."""
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._connections) >= CONNECTIONS_MAX:
            writer.transport.abort()
            return
        task = asyncio.get_running_loop().create_task(self._connect(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(self._connections.pop)

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection from its first byte to its last."""
        try:
            await self._passing.wait()
            far_reader, far_writer = await asyncio.open_connection(*self._target, limit=CHUNK)
        except OSError:
            writer.transport.abort()  # the target refuses: so does the relay
            return
        except asyncio.CancelledError:
            writer.transport.abort()
            raise
        try:
            async with asyncio.TaskGroup() as pumps:
                pumps.create_task(self._pump(reader, far_writer, "up"))
                pumps.create_task(self._pump(far_reader, writer, "down"))
        except* OSError:
            pass  # one end was reset: the other learns of it by the abort below
        finally:
            far_writer.transport.abort()
            writer.transport.abort()

    async def _pump(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, direction: Direction
    ) -> None:
        while True:
            data = await reader.read(CHUNK)
            await self._passing.wait()  # in a hole this chunk is held, and no other is read
            if not data:
                await writer.drain()
                writer.write_eof()
                return
            if self._tap is not None:
                self._tap(direction, data)
            writer.write(data)
            await writer.drain()
