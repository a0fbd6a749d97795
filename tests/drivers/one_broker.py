"""A broker of one connection at a time that says what a test tells it to: MQTT 3.1.1 by hand."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import psutil

HOST = "127.0.0.1"
CONNACK = b"\x20\x02\x00\x00"
CONNECT, PUBLISH, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT = 1, 3, 8, 10, 12, 14

Behaviour = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def one_broker(behaviour: Behaviour) -> AsyncIterator[int]:
    """Its port."""
    taken: list[tuple[asyncio.Task[None], asyncio.StreamWriter]] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
            await behaviour(reader, writer)
        writer.close()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        taken.append((asyncio.create_task(serve(reader, writer), name="broker"), writer))

    server = await asyncio.start_server(accept, HOST, 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for task, writer in taken:
            task.cancel()
            writer.transport.abort()
        await asyncio.gather(*(task for task, _ in taken), return_exceptions=True)


async def packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    """The next one: its type, its body."""
    kind, size, shift = (await reader.readexactly(1))[0] >> 4, 0, 0
    while True:
        byte = (await reader.readexactly(1))[0]
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return kind, await reader.readexactly(size)


async def willing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Grants everything, sends nothing on."""
    while True:
        kind, body = await packet(reader)
        if kind == CONNECT:
            writer.write(CONNACK)
        elif kind == SUBSCRIBE:
            writer.write(b"\x90\x03" + body[:2] + b"\x01")
        elif kind == UNSUBSCRIBE:
            writer.write(b"\xb0\x02" + body[:2])
        elif kind == PUBLISH:
            at = 2 + int.from_bytes(body[:2], "big")
            writer.write(b"\x40\x02" + body[at : at + 2])
        elif kind == DISCONNECT:
            return


async def silent(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    """Says nothing."""
    await asyncio.Event().wait()


async def breathless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Takes a client, and hangs up in one breath."""
    await packet(reader)
    writer.write(CONNACK)


def connections(port: int) -> int:
    """Ours to it that are open."""
    return len([one for one in psutil.Process().net_connections() if one.raddr and one.raddr[1] == port])
