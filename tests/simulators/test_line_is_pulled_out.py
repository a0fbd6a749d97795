"""Lines to simulated devices: bytes arrive whole and in order, and whoever holds a dead line is told."""

import asyncio
import contextlib
import os
import random
from collections.abc import Iterator

import pytest
import serial

from drivers.ports import StreamClosedError
from simulators.devices import pipe, pty
from simulators.devices.pipe import PipeLine
from simulators.devices.pty import PtyLine
from simulators.devices.terminal_wire import Frame, FrameReader, Kind, encode_frame, encode_text
from simulators.devices.ups import UpsModel
from simulators.virtual.loop import VirtualLoop
from tests.simulators.terminal_asker import EVENING, TERMINAL, make_terminal

STATUS = encode_frame(Frame(Kind.STATUS, 1))


@contextlib.contextmanager
def opened(path: str) -> Iterator[int]:
    fd = os.open(path, os.O_RDWR | os.O_NOCTTY)
    try:
        yield fd
    finally:
        os.close(fd)


async def read_until(fd: int, end: bytes) -> bytes:
    """Read in a thread, so that the model on this loop can answer meanwhile."""
    data = b""
    while not data.endswith(end):
        data += await asyncio.wait_for(asyncio.to_thread(os.read, fd, 4096), 5)
    return data


async def test_pty_carries_every_byte_as_it_is() -> None:
    line = PtyLine(lambda data: data)
    line.start()
    try:
        every = bytes(range(256)) * 8  # control characters and line ends included
        with opened(line.path) as fd:
            os.write(fd, every)
            assert await read_until(fd, every) == every
    finally:
        line.close()


async def test_pty_serves_a_program_that_opens_it_again_and_again() -> None:
    model = make_terminal()
    line = PtyLine(lambda data: model.feed(data, EVENING))
    line.start()
    try:
        for _ in range(3):
            with opened(line.path) as fd:
                os.write(fd, STATUS)
                (frame,) = FrameReader().feed(await read_until(fd, b"\0"))
                assert frame.kind == Kind.STATUS | 0x80
    finally:
        line.close()


async def test_pty_is_a_serial_device_to_pyserial() -> None:
    ups = UpsModel(load_w=84, now_ms=0)
    line = PtyLine(lambda data: ups.feed(data, 0))
    line.start()
    try:
        for _ in range(2):
            device = serial.Serial(line.path, 2400, timeout=5, exclusive=True)
            try:
                device.write(b"Q1\r")
                answer = await asyncio.to_thread(device.read_until, b"\r")
            finally:
                device.close()
            assert answer.startswith(b"(230.0")
    finally:
        line.close()


async def test_unplugged_pty_is_an_error_for_whoever_has_it_open() -> None:
    line = PtyLine(lambda data: data)
    line.start()
    with opened(line.path) as fd:
        line.close()
        line.close()
        with pytest.raises(OSError, match="Input/output error"):
            os.write(fd, b"x")
    with pytest.raises(OSError, match="No such file"):
        os.open(line.path, os.O_RDWR | os.O_NOCTTY)


async def test_answers_that_nobody_reads_are_bounded_and_counted() -> None:
    line = PtyLine(lambda data: data * 1000)
    line.start()
    try:
        with opened(line.path) as fd:
            for _ in range(200):
                os.write(fd, b"x" * 10)
                await asyncio.sleep(0)
            await asyncio.sleep(0.05)
            assert len(line._pending) <= pty.PENDING_MAX
            assert line.lost_bytes > 0
            os.set_blocking(fd, False)
            drained = 0
            while drained < pty.PENDING_MAX:  # the line takes the rest as soon as somebody reads
                with contextlib.suppress(BlockingIOError):
                    drained += len(os.read(fd, 65536))
                await asyncio.sleep(0)
    finally:
        line.close()


async def test_pipe_without_latency_answers_at_once() -> None:
    model = make_terminal()
    stream = await PipeLine(lambda data: model.feed(data, EVENING)).open()
    await stream.write(STATUS)
    (frame,) = FrameReader().feed(await stream.read())
    assert frame.kind == Kind.STATUS | 0x80


def test_pipe_with_latency_keeps_the_order_and_costs_two_ways() -> None:
    async def talk() -> tuple[bytes, float]:
        loop = asyncio.get_running_loop()
        stream = await PipeLine(bytes.upper, latency_ms=40).open()
        before = loop.time()
        for letter in b"abcdefghijklmnopqrstuvwxyz":
            await stream.write(bytes((letter,)))
        received = b""
        while len(received) < 26:
            received += await stream.read()
        return received, loop.time() - before

    for seed in range(20):  # the loop's jitter fires simultaneous timers in any order
        with VirtualLoop(seed=seed, jitter_s=0.001) as loop:
            received, took = loop.run_until_complete(talk())
        assert received == b"ABCDEFGHIJKLMNOPQRSTUVWXYZ"
        assert 0.08 <= took < 0.083


def test_bytes_on_their_way_arrive_though_their_sender_died() -> None:
    model = make_terminal()

    async def zero_and_die(loop: VirtualLoop, line: PipeLine) -> None:
        stream = await line.open()
        await stream.write(encode_frame(Frame(Kind.ZERO, 1, encode_text(TERMINAL))))
        loop.kill("kit")
        await stream.read()

    async def watch(loop: VirtualLoop) -> None:
        line = PipeLine(lambda data: model.feed(data, EVENING), latency_ms=10)
        loop.spawn("kit", zero_and_die(loop, line))
        await asyncio.sleep(1)

    with VirtualLoop() as loop:
        loop.run_until_complete(watch(loop))
    assert model.phase == "zeroed"


async def test_unplugged_pipe_fails_reader_writer_and_opener() -> None:
    line = PipeLine(bytes.upper)
    stream = await line.open()
    waiting = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    line.unplug()
    for attempt in (waiting, stream.read(), stream.write(b"x"), line.open()):
        with pytest.raises(StreamClosedError):
            await attempt
    line.plug()
    stream = await line.open()
    await stream.write(b"x")
    assert await stream.read() == b"X"


async def test_opening_again_takes_the_line_away() -> None:
    line = PipeLine(bytes.upper)
    old = await line.open()
    new = await line.open()
    with pytest.raises(StreamClosedError):
        await old.write(b"x")
    await new.write(b"y")
    assert await new.read() == b"Y"
    new.close()
    new.close()
    with pytest.raises(StreamClosedError):
        await new.read()


async def test_pipe_that_nobody_reads_is_bounded_and_counted() -> None:
    line = PipeLine(lambda data: data * 1000)
    stream = await line.open()
    for _ in range(10):
        await stream.write(b"0123456789")
    assert line.lost_bytes == 100_000 - pipe.ARRIVED_MAX
    assert len(await stream.read()) == pipe.ARRIVED_MAX


async def test_noise_on_the_wire_loses_no_later_frame() -> None:
    model = make_terminal()
    model.noise.chance = 0.02
    rng = random.Random(1)
    line = PipeLine(lambda data: model.feed(data, EVENING))
    stream = await line.open()
    for _ in range(200):
        await stream.write(bytes(rng.randrange(256) for _ in range(rng.randrange(30))))
    model.noise.chance = 0.0
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(stream.read(), 0.01)  # what was answered so far
    await stream.write(b"\0" + STATUS)
    (frame,) = FrameReader().feed(await asyncio.wait_for(stream.read(), 1))
    assert frame.kind == Kind.STATUS | 0x80
