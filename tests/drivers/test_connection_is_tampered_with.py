"""TCP connections to upsd whose far end closes, hangs, floods, or slips something in before TLS."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from drivers import tcp
from drivers.ports import StreamClosedError
from drivers.ups.nut.line import open_line
from drivers.ups.nut.target import NutTarget, NutTrust, TrustAnyone

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
LONG = "x" * 64


@contextlib.asynccontextmanager
async def server(serve: Serve) -> AsyncIterator[int]:
    """A far end on a free port; its conversations end with it."""
    tasks: set[asyncio.Task[None]] = set()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        with contextlib.suppress(ConnectionError, asyncio.CancelledError):
            await serve(reader, writer)
        writer.transport.abort()

    listener = await asyncio.start_server(talk, "127.0.0.1", 0)
    try:
        yield listener.sockets[0].getsockname()[1]
    finally:
        listener.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await listener.wait_closed()


def opener(port: int, trust: NutTrust | None = None) -> Callable[[], Awaitable[object]]:
    return open_line(NutTarget("127.0.0.1", "u", trust, port=port))


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (b"ERR FEATURE-NOT-CONFIGURED\n", "offers no TLS"),
        (b"OK STARTTLS\nOK\n", "offers no TLS"),
        (b"OK STARTTLS", "closed the connection"),
        (b"", "closed the connection"),
        (b"x" * 5_000, "offers no TLS"),
        (b"OK STARTTLS\n", "no TLS with 127.0.0.1 port"),
    ],
)
async def test_words_in_the_clear_are_taken_for_those_in_tls(answer: bytes, reason: str) -> None:
    heard = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.extend(await reader.readline())
        writer.write(answer)
        await writer.drain()

    async with server(serve) as port:
        with pytest.raises(StreamClosedError, match=reason):
            await opener(port, TrustAnyone())()
    assert heard == b"STARTTLS\n"


async def test_nobody_listens() -> None:
    async def serve(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None: ...

    async with server(serve) as port:
        pass
    with pytest.raises(StreamClosedError, match="cannot connect to 127"):
        await opener(port)()


async def test_name_that_is_no_name() -> None:
    with pytest.raises(StreamClosedError, match="cannot connect"):
        await tcp.connect(f"{LONG}.{LONG}", 1)


async def test_handshake_that_is_given_up_leaves_no_connection() -> None:
    gone = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.readline()
        assert await reader.read() == b""
        gone.set()

    async with server(serve) as port:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(opener(port, TrustAnyone())(), 0.2)
        await asyncio.wait_for(gone.wait(), 20)


async def test_one_who_leaves_says_so() -> None:
    heard = asyncio.get_running_loop().create_future()

    async def serve(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        heard.set_result(await reader.readline())

    async with server(serve) as port:
        stream = await open_line(NutTarget("127.0.0.1", "u", None, port=port))()
        stream.close()
        stream.close()
        assert await asyncio.wait_for(heard, 20) == b"LOGOUT\n"
        with pytest.raises(StreamClosedError, match="the connection was closed"):
            await stream.read()
        with pytest.raises(StreamClosedError, match="the connection was closed"):
            await stream.write(b"x")


async def test_flood_waits_at_the_sender() -> None:
    sent = 0

    async def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        while True:
            writer.write(b"x" * 65_536)
            await writer.drain()
            sent += 65_536

    async with server(serve) as port:
        stream = await tcp.connect("127.0.0.1", port)
        before = -1
        while before != sent:  # until the sender is held up
            before = sent
            await asyncio.sleep(0.2)
        assert len(stream._unread) <= tcp.UNREAD_MAX + 256 * 1024
        got = 0
        while got <= before:
            got += len(await stream.read())
        stream.close()


async def _write_for_ever(stream: tcp.TcpStream) -> None:
    while True:
        await stream.write(b"x" * 1_000_000)


async def test_peer_that_takes_nothing_holds_nothing_up() -> None:
    async def serve(_: asyncio.StreamReader, __: asyncio.StreamWriter) -> None:
        await asyncio.sleep(3_600)

    async with server(serve) as port:
        stream = await tcp.connect("127.0.0.1", port)
        stream.farewell = b"LOGOUT\n"
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(_write_for_ever(stream), 1)
        stream.close()
        with pytest.raises(StreamClosedError):
            await stream.write(b"x")
