"""A relay with a hole looks alive and carries nothing; healed, it carries everything, in order and once."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from simulators.loopback import relay
from simulators.loopback.relay import Direction, Relay

SHORT = 0.05  # seconds in which nothing must come


class Upstream:
    """An echo server that counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        self.server: asyncio.Server | None = None
        self._writers: list[asyncio.StreamWriter] = []

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._echo, "127.0.0.1", 0)
        port: int = self.server.sockets[0].getsockname()[1]
        return port

    async def stop(self) -> None:
        if self.server is not None:
            self.server.close()
            for writer in self._writers:
                writer.transport.abort()
            await self.server.wait_closed()
            self.server = None

    async def _echo(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._writers.append(writer)
        try:
            while data := await reader.read(65536):
                writer.write(data)
                await writer.drain()
            writer.close()
        except ConnectionError:
            pass


@pytest.fixture
async def upstream() -> AsyncIterator[Upstream]:
    echo = Upstream()
    yield echo
    await echo.stop()


Connect = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@pytest.fixture
def tapped() -> list[tuple[Direction, bytes]]:
    return []


@pytest.fixture
async def line(upstream: Upstream, tapped: list[tuple[Direction, bytes]]) -> AsyncIterator[Relay]:
    one = Relay("127.0.0.1", await upstream.start(), tap=lambda *passed: tapped.append(passed))
    await one.start()
    yield one
    await one.close()


@pytest.fixture
async def connect(line: Relay) -> AsyncIterator[Connect]:
    writers = []

    async def one() -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        reader, writer = await asyncio.open_connection("127.0.0.1", line.port)
        writers.append(writer)
        return reader, writer

    yield one
    for writer in writers:
        writer.transport.abort()


async def silent(reader: asyncio.StreamReader) -> bool:
    try:
        await asyncio.wait_for(reader.read(1), SHORT)
    except TimeoutError:
        return True
    return False


async def test_bytes_pass_both_ways_and_taps_see_them_all(
    connect: Connect, tapped: list[tuple[Direction, bytes]]
) -> None:
    reader, writer = await connect()
    everything = bytes(range(256)) * 2000
    writer.write(everything)
    assert await reader.readexactly(len(everything)) == everything
    for direction in ("up", "down"):
        assert b"".join(data for way, data in tapped if way == direction) == everything


async def test_nothing_passes_a_hole_and_all_of_it_comes_after(line: Relay, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"before ")
    assert await reader.readexactly(7) == b"before "
    line.hole()
    writer.write(b"in the hole ")
    assert await silent(reader)
    writer.write(b"and on")
    line.heal()
    assert await reader.readexactly(18) == b"in the hole and on"


async def test_answer_that_meets_a_hole_is_held(upstream: Upstream) -> None:
    def hole_after_request(direction: Direction, _: bytes) -> None:
        if direction == "up":
            between.hole()

    between = Relay("127.0.0.1", await upstream.start(), tap=hole_after_request)
    await between.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", between.port)
    writer.write(b"request")
    assert await silent(reader)
    between.heal()
    assert await reader.readexactly(7) == b"request"
    writer.transport.abort()
    await between.close()


async def test_new_connection_into_a_hole_is_accepted_and_waits(
    line: Relay, connect: Connect, upstream: Upstream
) -> None:
    line.hole()
    reader, writer = await connect()
    writer.write(b"hello")
    assert await silent(reader)
    assert upstream.connections == 0
    line.heal()
    assert await reader.readexactly(5) == b"hello"
    assert upstream.connections == 1


async def test_end_of_a_connection_does_not_pass_a_hole_either(line: Relay, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    line.hole()
    writer.write_eof()
    assert await silent(reader)
    line.heal()
    assert await asyncio.wait_for(reader.read(), 5) == b""


async def test_hole_holds_a_bounded_amount_and_then_stops_the_sender(line: Relay, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    line.hole()
    sent = 64 * 1024 * 1024
    writer.write(bytes(sent))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(writer.drain(), 0.5)
    assert writer.transport.get_write_buffer_size() > sent // 2
    line.heal()
    received = 0
    while received < 1_000_000:
        received += len(await asyncio.wait_for(reader.read(65536), 5))


async def test_half_closed_connection_still_gets_its_answer(connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"last words")
    writer.write_eof()
    assert await asyncio.wait_for(reader.read(), 5) == b"last words"


async def test_dead_target_ends_connections_old_and_new(upstream: Upstream, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    await upstream.stop()
    assert await ended(reader)
    reader, _ = await connect()
    assert await ended(reader)


async def ended(reader: asyncio.StreamReader) -> bool:
    try:
        return await asyncio.wait_for(reader.read(), 5) == b""
    except ConnectionError:
        return True


async def test_closing_ends_everything_even_in_a_hole(line: Relay, connect: Connect) -> None:
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    line.hole()
    waiting, _ = await connect()
    port = line.port
    await line.close()
    await line.close()
    assert await ended(reader)
    assert await ended(waiting)
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_too_many_connections_are_turned_away(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "CONNECTIONS_MAX", 1)
    reader, writer = await connect()
    writer.write(b"x")
    await reader.readexactly(1)
    second, _ = await connect()
    assert await ended(second)
    writer.write(b"y")
    assert await reader.readexactly(1) == b"y"
