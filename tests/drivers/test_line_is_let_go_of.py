"""A dialogue that no longer knows what an answer belongs to: its line is let go of, and opened anew."""

import asyncio

from drivers.dialogue import Step
from drivers.link import BACKOFF_MIN_MS, Link
from drivers.ports import ByteStream
from tests.drivers.virtual_time import Line, now, run_virtual
from tests.running import end


class Doubter:
    """Asks ``?``; hangs up at any answer but ``ok``, with ``bye`` as its last word."""

    def handle_line_up(self, now: int) -> Step[str]:
        return Step(b"?", (f"up {now}",))

    def handle_line_lost(self, reason: str, now: int) -> Step[str]:
        return Step(events=(f"lost {now}: {reason}",))

    def handle_bytes(self, data: bytes, now: int) -> Step[str]:
        return Step() if data == b"ok" else Step(b"bye", hang_up=f"{data!r} is no answer at {now}")

    def handle_tick(self, now: int) -> Step[str]:
        raise AssertionError(now)

    def wake_at(self) -> int | None:
        return None


def test_doubt_ends_the_line_once_and_not_the_next_one() -> None:
    answers = {b"?": [b"ok", b"what"], b"bye": [b""]}
    heard: list[bytes] = []
    lines: list[Line] = []
    events: list[str] = []

    def hear(data: bytes) -> bytes:
        heard.append(data)
        return answers[data].pop() if answers[data] else b""

    async def open_line() -> ByteStream:
        lines.append(Line(hear))
        return lines[-1]

    async def main() -> None:
        task = asyncio.create_task(Link(open_line, now, Doubter(), events.append).run())
        await asyncio.sleep(60)
        await end(task)

    run_virtual(main())
    back = 5 + BACKOFF_MIN_MS
    assert events == ["up 0", "lost 5: b'what' is no answer at 5", f"up {back}"]
    assert heard == [b"?", b"bye", b"?"]
    assert [line.closed for line in lines] == [True, True]
