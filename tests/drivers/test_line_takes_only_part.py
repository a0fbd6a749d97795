"""A line that takes some bytes at once and the rest later; one whose reader is called off with bytes in its hands."""

import asyncio
import os
import time
import tty

import pytest
from virtual_time import now, run_virtual

from drivers.dialogue import Step
from drivers.link import Link
from drivers.uart import Uart, uart


class Stingy:
    """Takes a few bytes at once; a write that waits takes its time."""

    def __init__(self, at_once: int) -> None:
        self.at_once = at_once
        self.taken = b""

    def offer(self, data: bytes) -> int:
        self.taken += data[: self.at_once]
        return min(len(data), self.at_once)

    async def read(self) -> bytes:
        await asyncio.sleep(3600)
        return b""

    async def write(self, data: bytes) -> None:
        for at in range(0, len(data), 2):
            await asyncio.sleep(0.05)
            self.taken += data[at : at + 2]

    def close(self) -> None:
        pass


class Talkative:
    """Says a numbered word every ten milliseconds, whatever the line does."""

    def __init__(self) -> None:
        self.said = b""
        self.due: int | None = None

    def handle_line_up(self, now: int) -> Step[str]:
        self.due = now
        return Step()

    def handle_line_lost(self, *_: object) -> Step[str]:
        self.due = None
        return Step()

    def handle_bytes(self, *_: object) -> Step[str]:
        return Step()

    def handle_tick(self, now: int) -> Step[str]:
        if self.due is None or now < self.due:
            return Step()
        self.due = now + 10 if len(self.said) < 400 else None
        word = b"%03d " % (len(self.said) // 4)
        self.said += word
        return Step(word)

    def wake_at(self) -> int | None:
        return self.due


@pytest.mark.parametrize("at_once", [0, 1, 3, 4])
def test_bytes_overtake_each_other(at_once: int) -> None:
    line, dialogue = Stingy(at_once), Talkative()

    async def main() -> None:
        async def open_stream() -> Stingy:
            return line

        link: Link[str] = Link(open_stream, now, dialogue, print)
        running = asyncio.create_task(link.run())
        await asyncio.sleep(60)
        running.cancel()

    run_virtual(main())
    assert len(dialogue.said) == 404
    assert line.taken == dialogue.said


async def test_read_is_called_off_with_bytes_in_its_hands() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    stream = await uart(os.ttyname(slave), 115_200)()
    assert isinstance(stream, Uart)
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    os.write(master, b"kept")
    deadline = time.monotonic() + 5
    while not (stream._reading and stream._reading.done()) and time.monotonic() < deadline:
        stream._readable()  # as the loop does, but without going on to whoever waits
    reading.cancel()
    await asyncio.wait((reading,))
    assert reading.cancelled()
    os.write(master, b" and more")
    async with asyncio.timeout(5):
        assert await stream.read() == b"kept"
        assert await stream.read() == b" and more"
    stream.close()
    os.close(master)
    os.close(slave)


async def test_bytes_that_nobody_reads_keep_the_processor_busy() -> None:
    master, slave = os.openpty()
    tty.setraw(slave)
    stream = await uart(os.ttyname(slave), 115_200)()
    assert isinstance(stream, Uart)
    os.write(master, b"one")
    async with asyncio.timeout(5):
        assert await stream.read() == b"one"
    os.write(master, b"two")
    began = time.process_time()
    await asyncio.sleep(0.3)
    assert time.process_time() - began < 0.2
    assert not stream._watched
    async with asyncio.timeout(5):
        assert await stream.read() == b"two"
    os.close(master)
    os.close(slave)
    stream.close()
    assert stream.offer(b"x") == 0
