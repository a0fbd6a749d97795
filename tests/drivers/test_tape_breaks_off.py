"""Paper ends, covers open, knives jam, power goes, lines break: the kit hears how much is surely on paper, and why."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from drivers.ports import (
    Band,
    PrinterEvent,
    PrinterLost,
    PrinterStatus,
    Tape,
    TapeBroken,
    TapePrinted,
    TapeProgress,
)
from drivers.printer import encode
from drivers.printer.dialogue import QUEUE_MAX
from drivers.printer.driver import EscposPrinter
from simulators.devices.pipe import PipeLine
from simulators.devices.printer import PrinterModel, make_printer
from simulators.stand.faults import FaultyLine
from tests.drivers.virtual_time import now, run_virtual

WIDTH = 64
FINE = PrinterStatus(online=True, paper="ok", cover_open=False, error=False)


def tape(bands: int, name: str = "tally:t1", height: int = 24) -> Tape:
    """Every row differs from the one above."""
    return Tape(
        name,
        tuple(
            Band(WIDTH, height, b"".join(bytes([number, row]) * (WIDTH // 16) for row in range(height)))
            for number in range(bands)
        ),
    )


class Bench:
    """A printer on a pipe, with its driver."""

    def __init__(self, model: PrinterModel, *, answers: bool = True, latency_ms: int = 2) -> None:
        self.model = model
        self.faulty = FaultyLine(model)
        self.line = PipeLine(lambda data: self.faulty.feed(data, now()), latency_ms=latency_ms)
        self.events: list[PrinterEvent] = []
        self.printer = EscposPrinter(
            self.line.open, now, self.events.append, width_dots=WIDTH, answers=answers, poll_ms=5_000
        )

    async def until(self, kind: type[PrinterEvent], count: int = 1, within_s: float = 120) -> Any:
        async with asyncio.timeout(within_s):
            while True:
                found = [event for event in self.events if isinstance(event, kind)]
                if len(found) >= count:
                    return found[count - 1]
                await asyncio.sleep(0.02)

    async def printing(self, done: int) -> None:
        """Until so many bands are confirmed."""
        await self.when(
            lambda: any(isinstance(event, TapeProgress) and event.done >= done for event in self.events)
        )

    async def when(self, holds: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while True:
                if holds():
                    return
                await asyncio.sleep(0.01)

    def do(self, words: str) -> None:
        self.faulty.command(words.split(), now())

    def rows(self) -> list[bytes]:
        """Everything black that is on paper, hanging or cut."""
        whole = [row for cut in self.model.paper.tapes for row in cut] + self.model.paper.hanging
        return [row for row in whole if any(row)]


def on_virtual_time(bench: Bench, story: Callable[[Bench], Awaitable[None]]) -> None:
    async def main() -> None:
        tasks = [asyncio.create_task(bench.printer.run()), asyncio.create_task(_tick(bench))]
        try:
            await story(bench)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    run_virtual(main())


async def _tick(bench: Bench) -> None:
    while True:
        await asyncio.sleep(0.02)
        answer = bench.faulty.tick(now())
        stream = bench.line._stream
        if answer and stream is not None and not stream._closed:
            stream._inward.append(answer)
            stream._reach_reader()


def expected(printed: Tape) -> list[bytes]:
    rows = b"".join(encode._without_commands(band.rows) for band in printed.bands)
    found = [rows[at : at + WIDTH // 8] for at in range(0, len(rows), WIDTH // 8)]
    return [row for row in found if any(row)]


def slow() -> PrinterModel:
    return make_printer(width_dots=WIDTH, rows_per_s=100)


def test_nothing_happens_and_the_tape_is_whole() -> None:
    async def story(bench: Bench) -> None:
        await bench.until(PrinterStatus)
        wanted = tape(30)
        bench.printer.print(wanted)
        bench.printer.print(wanted)
        await bench.until(TapePrinted)
        await asyncio.sleep(30)
        progress = [event.done for event in bench.events if isinstance(event, TapeProgress)]
        assert bench.events[0] == FINE
        assert progress == list(range(1, 31)), "a second request for a queued tape is dropped"
        assert bench.events[-1] == TapePrinted(wanted.id, confirmed=True)
        assert bench.model.paper.cut_off == 1
        assert bench.rows() == expected(wanted)
        assert (bench.model.lost_bytes, bench.model.unknown) == (0, 0)

    on_virtual_time(Bench(slow()), story)


@pytest.mark.parametrize(
    ("trouble", "cure", "reason"),
    [
        ("paper out", "paper in", "paper-out"),
        ("cover open", "cover closed", "cover-open"),
        ("jam", "jam cleared", "error"),
        ("power off", "power on", "lost"),
        ("mute", "heard", "lost"),
    ],
)
def test_tape_breaks_off_and_is_printed_anew(trouble: str, cure: str, reason: str) -> None:
    async def story(bench: Bench) -> None:
        wanted = tape(40)
        bench.printer.print(wanted)
        await bench.printing(10)
        bench.do(trouble)
        broken = await bench.until(TapeBroken)
        assert (broken.tape, broken.of, broken.reason) == (wanted.id, 40, reason)
        assert 10 <= broken.done < 40
        assert len(bench.rows()) // 24 >= broken.done, "what counts as printed is on paper"
        assert not any(isinstance(event, TapePrinted) for event in bench.events)
        seen = len(bench.events)
        await asyncio.sleep(30)
        assert not any(isinstance(event, TapeProgress | TapePrinted) for event in bench.events[seen:])
        bench.do(cure)
        await bench.when(lambda: bench.events[-1] == FINE)
        bench.printer.print(wanted)
        await bench.until(TapePrinted)
        last = [row for row in bench.model.paper.tapes[-1] if any(row)]
        assert last == expected(wanted), (
            "the second print is whole, and cut off from what was left of the first"
        )

    on_virtual_time(Bench(slow()), story)


@pytest.mark.parametrize("at", [10, 25])
def test_line_breaks_in_the_middle_of_a_picture(at: int) -> None:
    """Half a band lies in the printer, which takes whatever comes next for dots: until it is filled up."""

    async def story(bench: Bench) -> None:
        wanted = tape(40)
        bench.printer.print(wanted)
        await bench.printing(at)
        bench.line.unplug()
        header = encode.band(wanted.bands[0])
        bench.model.feed(header[: len(header) // 2], now())
        broken = await bench.until(TapeBroken)
        assert broken.reason == "lost"
        await bench.until(PrinterLost)
        await asyncio.sleep(10)
        bench.line.plug()
        await bench.until(PrinterStatus, 2)
        bench.printer.print(wanted)
        await bench.until(TapePrinted)
        last = [row for row in bench.model.paper.tapes[-1] if any(row)]
        assert last == expected(wanted)

    on_virtual_time(Bench(slow()), story)


def test_tape_begins_without_paper() -> None:
    async def story(bench: Bench) -> None:
        bench.do("paper out")
        bench.printer.print(tape(3))
        broken = await bench.until(TapeBroken)
        assert broken == TapeBroken("tally:t1", 0, 3, "paper-out")
        assert bench.rows() == []

    on_virtual_time(Bench(slow()), story)


def test_roll_ends_by_itself() -> None:
    async def story(bench: Bench) -> None:
        bench.do("paper left 200")
        bench.printer.print(tape(40))
        broken = await bench.until(TapeBroken)
        assert broken.reason == "paper-out"
        assert broken.done == 200 // 24
        statuses = [event for event in bench.events if isinstance(event, PrinterStatus)]
        assert [status.paper for status in statuses] == ["near-end", "out"]

    on_virtual_time(Bench(slow()), story)


def test_near_end_stops_nothing() -> None:
    async def story(bench: Bench) -> None:
        bench.do("paper near-end")
        bench.printer.print(tape(3))
        await bench.until(TapePrinted)
        assert not any(isinstance(event, TapeBroken) for event in bench.events)

    on_virtual_time(Bench(slow()), story)


def test_silent_printer_is_lost_once() -> None:
    async def story(bench: Bench) -> None:
        await bench.until(PrinterStatus)
        bench.do("mute")
        await asyncio.sleep(600)
        assert [type(event) for event in bench.events] == [PrinterStatus, PrinterLost]
        bench.printer.print(tape(3))
        broken = await bench.until(TapeBroken)
        assert (broken.reason, broken.done) == ("lost", 0)
        bench.do("heard")
        await bench.until(PrinterStatus, 2)

    on_virtual_time(Bench(slow()), story)


def test_printer_that_never_answers_confirms_nothing() -> None:
    async def story(bench: Bench) -> None:
        wanted = tape(30)
        bench.printer.print(wanted)
        await bench.until(TapePrinted)
        assert bench.events == [TapePrinted(wanted.id, confirmed=False)]
        await asyncio.sleep(5)
        assert bench.rows() == expected(wanted)
        assert bench.model.lost_bytes == 0

    on_virtual_time(
        Bench(make_printer(width_dots=WIDTH, rows_per_s=400, answers=False), answers=False), story
    )


def answers_only(data: bytes) -> bytes:
    """Those to DLE EOT."""
    return bytes(byte for byte in data if byte & 0x93 == 0x12)


def test_printer_knows_no_confirmation() -> None:
    """It answers DLE EOT and not GS r: it is not waited for without end, and the message says what to do."""

    async def story(bench: Bench) -> None:
        heard = bench.model.feed
        bench.model.feed = lambda data, now_ms: answers_only(heard(data, now_ms))  # type: ignore[method-assign]
        ticked = bench.model.tick
        bench.model.tick = lambda now_ms: answers_only(ticked(now_ms))  # type: ignore[method-assign]
        bench.printer.print(tape(3))
        broken = await bench.until(TapeBroken)
        assert broken.reason == "lost"
        lost = await bench.until(PrinterLost)
        assert "answers = false" in lost.reason

    on_virtual_time(Bench(slow()), story)


def test_picture_holds_a_real_time_command() -> None:
    """Bytes of a picture that would be DLE EOT, DLE ENQ or DLE DC4 to the printer never reach it."""

    async def story(bench: Bench) -> None:
        rows = (b"\x10\x04\x01\x10\x05\x02\x10\x14" + b"\x10\x10\x04\x02\x10\x10\x04\x04") * 12
        picture = Tape("x", tuple(Band(WIDTH, 24, rows) for _ in range(6)))
        bench.printer.print(picture)
        await bench.until(TapePrinted)
        assert bench.events.count(FINE) == 1
        assert all(
            printed | sent == printed and (printed ^ sent).bit_count() <= 1
            for row, printed_row in zip(
                [rows[at : at + 8] for at in range(0, len(rows), 8)] * 6, bench.rows(), strict=True
            )
            for sent, printed in zip(row, printed_row, strict=True)
        ), "at most one more dot beside a black one"

    on_virtual_time(Bench(slow()), story)


def test_more_tapes_than_anyone_queues() -> None:
    bench = Bench(slow())

    async def story(bench: Bench) -> None:
        await bench.until(PrinterStatus)
        for number in range(QUEUE_MAX + 2):
            bench.printer.print(tape(1, f"t{number}"))
        await bench.until(TapePrinted, QUEUE_MAX + 1, within_s=600)
        broken = [event.tape for event in bench.events if isinstance(event, TapeBroken)]
        assert broken == [f"t{QUEUE_MAX + 1}"]

    on_virtual_time(bench, story)


@pytest.mark.parametrize(
    "band", [Band(0, 1, b""), Band(8, 256, bytes(256)), Band(9, 1, b"\0"), Band(1032, 1, bytes(129))]
)
def test_band_is_none(band: Band) -> None:
    bench = Bench(slow())
    with pytest.raises(encode.BandError):
        run_virtual(_print(bench, Tape("x", (band,))))


async def _print(bench: Bench, picture: Tape) -> None:
    bench.printer.print(picture)
