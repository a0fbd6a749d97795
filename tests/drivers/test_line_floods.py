"""A device that never stops talking, far faster than any serial line: the kit's processor is not its own to spend."""

import asyncio

from drivers.dialogue import Step
from drivers.link import FLOOD_BURST, FLOOD_RATE, Link
from drivers.ports import ByteStream
from tests.drivers.virtual_time import now, run_virtual

SECONDS = 20


class Ears:
    """A dialogue that only listens."""

    heard = 0

    def handle_line_up(self, _now: int) -> Step[int]:
        return Step()

    def handle_line_lost(self, _reason: str, _now: int) -> Step[int]:
        return Step()

    def handle_bytes(self, data: bytes, _now: int) -> Step[int]:
        self.heard += len(data)
        return Step()

    def handle_tick(self, _now: int) -> Step[int]:
        return Step()

    def wake_at(self) -> int | None:
        return None


class Talker:
    """Has ``size`` bytes more every ``pause_s``."""

    def __init__(self, size: int, pause_s: float) -> None:
        self._size, self._pause_s = size, pause_s

    async def read(self) -> bytes:
        await asyncio.sleep(self._pause_s)
        return bytes(self._size)

    async def write(self, data: bytes) -> None:
        del data

    def close(self) -> None:
        pass


def _heard(talker: Talker) -> int:
    ears = Ears()

    async def main() -> None:
        async def open_stream() -> ByteStream:
            return talker

        task = asyncio.ensure_future(Link(open_stream, now, ears, lambda _: None).run())
        await asyncio.sleep(SECONDS)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    run_virtual(main())
    return ears.heard


def test_flood_is_heard_to_the_last_byte() -> None:
    assert _heard(Talker(4096, 0.0005)) <= FLOOD_BURST + (SECONDS + 1) * FLOOD_RATE


def test_fastest_serial_line_is_slowed_down() -> None:
    assert _heard(Talker(115, 0.01)) >= 115 * (100 * SECONDS - 2)
