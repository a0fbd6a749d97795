"""The serial edge over real pseudo-terminals: raw bytes, back-pressure, hang-up, closing, a line in use."""

import asyncio
import os
import time
import tty
from collections.abc import Iterator
from pathlib import Path

import pytest
from terminal_far_end import FarTerminal

from drivers.ports import (
    StreamClosedError,
    TerminalDone,
    TerminalEvent,
    TerminalLost,
    TerminalStatus,
    TerminalUp,
)
from drivers.terminal.driver import SerialTerminal
from drivers.uart import Baudrate, uart

PATIENCE_S = 5


def open_descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


class Pty:
    """The far end of a line whose near end is a path."""

    def __init__(self) -> None:
        self.master, slave = os.openpty()
        tty.setraw(self.master)
        self.path = os.ttyname(slave)
        self._slave: int | None = slave
        os.set_blocking(self.master, False)

    def hang_up(self) -> None:
        """The device leaves: on Linux a slave whose master is closed is hung up."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
        if self._slave is not None:
            os.close(self._slave)
            self._slave = None

    async def take(self, size: int) -> bytes:
        data = b""
        while len(data) < size:
            try:
                data += os.read(self.master, size - len(data))
            except BlockingIOError:
                await asyncio.sleep(0.005)
        return data


@pytest.fixture
def pty() -> Iterator[Pty]:
    one = Pty()
    yield one
    one.hang_up()


@pytest.mark.parametrize("baudrate", [115200, 2400])
async def test_every_byte_value_passes_both_ways(pty: Pty, baudrate: Baudrate) -> None:
    stream = await uart(pty.path, baudrate)()
    everything = bytes(range(256))
    async with asyncio.timeout(PATIENCE_S):
        await stream.write(everything)
        assert await pty.take(256) == everything
        os.write(pty.master, everything)
        got = b""
        while len(got) < 256:
            got += await stream.read()
        assert got == everything
    stream.close()


async def test_read_waits_for_a_byte(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0.05)
    assert not reading.done()
    os.write(pty.master, b"!")
    async with asyncio.timeout(PATIENCE_S):
        assert await reading == b"!"
    stream.close()


async def test_cancelled_read_loses_nothing(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0.02)
    os.write(pty.master, b"kept")
    reading.cancel()
    await asyncio.wait((reading,))
    async with asyncio.timeout(PATIENCE_S):
        assert await stream.read() == b"kept"
    stream.close()


async def test_full_line_holds_the_writer_back(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    data = os.urandom(300_000)
    writing = asyncio.create_task(stream.write(data))
    began = time.process_time()
    await asyncio.sleep(0.3)
    assert not writing.done(), "the kernel's buffer is smaller than this"
    assert time.process_time() - began < 0.2, "a full line is waited for, not spun on"
    async with asyncio.timeout(PATIENCE_S):
        assert await pty.take(len(data)) == data
        await writing
    stream.close()


async def test_reader_hears_the_hang_up(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0.02)
    pty.hang_up()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StreamClosedError, match="is gone"):
            await reading
        with pytest.raises(StreamClosedError, match="is gone"):
            await stream.write(b"anyone?")
    stream.close()


async def test_waiting_writer_hears_the_hang_up(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    writing = asyncio.create_task(stream.write(bytes(300_000)))
    await asyncio.sleep(0.02)
    pty.hang_up()
    async with asyncio.timeout(PATIENCE_S):
        with pytest.raises(StreamClosedError, match="is gone"):
            await writing
    stream.close()


async def test_close_frees_whoever_waits_and_can_be_repeated(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    waiting = [asyncio.create_task(stream.read()), asyncio.create_task(stream.write(bytes(300_000)))]
    await asyncio.sleep(0.02)
    stream.close()
    stream.close()
    async with asyncio.timeout(PATIENCE_S):
        for task in waiting:
            with pytest.raises(StreamClosedError, match="was closed"):
                await task
        with pytest.raises(StreamClosedError, match="was closed"):
            await stream.read()
        with pytest.raises(StreamClosedError, match="was closed"):
            await stream.write(b"x")


async def test_line_closed_under_a_reader_can_be_opened_and_read_again(pty: Pty) -> None:
    opener = uart(pty.path, 115200)
    for _ in range(3):
        stream = await opener()
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0.02)
        stream.close()
        # The descriptor's number is the same again before the old reader has noticed.
        again = await opener()
        os.write(pty.master, b"!")
        async with asyncio.timeout(PATIENCE_S):
            assert await again.read() == b"!"
        with pytest.raises(StreamClosedError, match="was closed"):
            await reading
        again.close()


async def test_line_closed_under_a_writer_can_be_opened_and_written_again(pty: Pty) -> None:
    opener = uart(pty.path, 115200)
    stream = await opener()
    writing = asyncio.create_task(stream.write(bytes(300_000)))
    await asyncio.sleep(0.02)
    stream.close()
    again = await opener()
    writing_again = asyncio.create_task(again.write(b"\xff" * 100_000))
    async with asyncio.timeout(PATIENCE_S):
        seen = 0
        while seen < 50_000:  # more than the kernel takes at once: the new writer has waited and was woken
            seen += (await pty.take(1_000)).count(b"\xff")
        with pytest.raises(StreamClosedError, match="was closed"):
            await writing
    again.close()
    await asyncio.wait((writing_again,))
    assert isinstance(writing_again.exception(), StreamClosedError)


async def test_closed_line_can_be_opened_again_and_leaks_no_descriptor(pty: Pty) -> None:
    before = open_descriptors()
    for _ in range(20):
        stream = await uart(pty.path, 2400)()
        await stream.write(b"Q1\r")
        stream.close()
    assert open_descriptors() == before


async def test_line_that_belongs_to_another_program(pty: Pty) -> None:
    stream = await uart(pty.path, 115200)()
    with pytest.raises(StreamClosedError, match=r"cannot open .* lock"):
        await uart(pty.path, 115200)()
    stream.close()
    (await uart(pty.path, 115200)()).close()


async def test_path_that_is_not_there_or_no_line(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    before = open_descriptors()
    for path in (str(tmp_path / "missing"), str(file), "/dev/null", str(tmp_path)):
        with pytest.raises(StreamClosedError, match=f"cannot open {path}"):
            await uart(path, 115200)()
    assert open_descriptors() == before


async def test_driver_over_a_real_line_that_hangs_up(pty: Pty) -> None:
    far = FarTerminal()
    loop = asyncio.get_running_loop()
    loop.add_reader(pty.master, lambda: os.write(pty.master, far.hear(os.read(pty.master, 4096))))
    events: asyncio.Queue[TerminalEvent] = asyncio.Queue()
    driver = SerialTerminal(
        uart(pty.path, 115200),
        lambda: int(loop.time() * 1000),
        events.put_nowait,
        terminal_id="T-1",
        session=1,
        status_interval_ms=5_000,
    )
    running = asyncio.create_task(driver.run())
    driver.request("tally")
    async with asyncio.timeout(PATIENCE_S):
        assert isinstance(await events.get(), TerminalUp)
        assert isinstance(await events.get(), TerminalStatus)
        assert await events.get() == TerminalDone("tally", 1, bytes(range(256)) * 10)
        loop.remove_reader(pty.master)
        pty.hang_up()
        lost = await events.get()
        assert isinstance(lost, TerminalLost)
        assert "is gone" in lost.reason
    running.cancel()
    await asyncio.wait((running,))
