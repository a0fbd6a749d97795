"""What the driver of a printer owes the kit, whatever line it hangs on: see ``printer_rigs`` for the far ends."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest

from drivers.ports import (
    Band,
    Printer,
    PrinterEvent,
    PrinterLost,
    PrinterStatus,
    Tape,
    TapeBroken,
    TapePrinted,
    TapeProgress,
)
from drivers.printer import dialogue
from tests.contracts.printer_rigs import RIGS, WIDTH, PrinterRig
from tests.drivers.virtual_time import run_virtual
from tests.running import end, running

PATIENCE_S: Final = 40.0
ROWS: Final = [bytes([0x80 | number % 100, *b"\x01\x02\x03\x05\x06\x07\x09"]) for number in range(30 * 24)]
TAPE: Final = Tape(
    "tally", tuple(Band(WIDTH, 24, b"".join(ROWS[at : at + 24])) for at in range(0, 30 * 24, 24))
)
FINE: Final = PrinterStatus(online=True, paper="ok", cover_open=False, error=False)


class Listener:
    """All that the driver has said, oldest first."""

    def __init__(self) -> None:
        self.events: list[PrinterEvent] = []
        self._news = asyncio.Event()

    def hear(self, event: PrinterEvent) -> None:
        self.events.append(event)
        self._news.set()

    async def until(self, fits: Callable[[PrinterEvent], bool], after: int = 0) -> Any:
        """The first event that fits, of those from ``after`` on."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    for event in self.events[after:]:
                        if fits(event):
                            return event
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"nothing fits; heard: {self.events[-12:]}") from None

    def kinds(self) -> list[type[PrinterEvent]]:
        return [type(event) for event in self.events]


Story = Callable[[PrinterRig, Listener, Printer], Awaitable[None]]
Tell = Callable[..., None]


@pytest.fixture(params=RIGS)
def tell(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Tell:
    """Runs a story at one far end, on the clock that it needs; real clocks are spared the longest waits."""
    rig = RIGS[request.param]()
    if not rig.virtual:
        monkeypatch.setattr(dialogue, "TIMEOUT_MS", 200)
        monkeypatch.setattr(dialogue, "TIMEOUT_BUSY_MS", 400)
        monkeypatch.setattr(dialogue, "POLL_PRINTING_MS", 100)
        monkeypatch.setattr(dialogue, "SETTLE_MS", 250)
        monkeypatch.setattr(dialogue, "BLIND_ROWS_PER_S", 2_000)

    async def play(story: Story, *, answers: bool) -> None:
        listener = Listener()
        try:
            await story(rig, listener, await rig.start(listener.hear, answers=answers))
        finally:
            await rig.stop()

    def run(story: Story, *, answers: bool = True) -> None:
        main = play(story, answers=answers)
        run_virtual(main) if rig.virtual else asyncio.run(main)

    return run


def test_tape_is_not_whole(tell: Tell) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        async with running(printer.run()):
            assert await listener.until(lambda _: True) == FINE
            printer.print(TAPE)
            printer.print(TAPE)
            await listener.until(lambda event: event == TapePrinted("tally", confirmed=True))
            progress = [event for event in listener.events if isinstance(event, TapeProgress)]
            assert progress == [TapeProgress("tally", done, 30) for done in range(1, 31)]
            assert [tape for tape in rig.tapes() if tape] == [ROWS]

    tell(story)


@pytest.mark.parametrize(
    ("trouble", "cure", "reason"),
    [
        ("paper out", "paper in", "paper-out"),
        ("cover open", "cover closed", "cover-open"),
        ("unplug", "plug", "lost"),
        ("mute", "heard", "lost"),
    ],
)
def test_half_a_tape_passes_for_whole(tell: Tell, trouble: str, cure: str, reason: str) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        async with running(printer.run()):
            await listener.until(lambda event: event == FINE)
            printer.print(TAPE)
            await listener.until(lambda event: isinstance(event, TapeProgress) and event.done >= 5)
            rig.do(trouble)
            broken = await listener.until(lambda event: isinstance(event, TapeBroken))
            assert (broken.of, broken.reason) == (30, reason)
            assert 5 <= broken.done < 30
            printed = sum(len(tape) for tape in rig.tapes())
            assert broken.done * 24 <= printed
            assert not any(isinstance(event, TapePrinted) for event in listener.events)
            before = len(listener.events)
            rig.do(cure)
            await listener.until(lambda event: event == FINE, before)
            printer.print(TAPE)
            await listener.until(lambda event: isinstance(event, TapePrinted))
            assert [tape for tape in rig.tapes() if tape][-1] == ROWS, "whole, and cut off from the half"

    tell(story)


def test_mute_printer_looks_fine(tell: Tell) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        async with running(printer.run()):
            await listener.until(lambda event: event == FINE)
            rig.do("mute")
            lost = await listener.until(lambda event: isinstance(event, PrinterLost))
            assert lost.reason
            await asyncio.sleep(1)
            rig.do("heard")
            await listener.until(lambda event: event == FINE, 1)
            assert listener.kinds() == [PrinterStatus, PrinterLost, PrinterStatus]

    tell(story)


def test_printer_without_paper_in_the_morning(tell: Tell) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        rig.do("paper out")
        async with running(printer.run()):
            status = await listener.until(lambda event: isinstance(event, PrinterStatus))
            assert (status.paper, status.online) == ("out", False)
            printer.print(TAPE)
            broken = await listener.until(lambda event: isinstance(event, TapeBroken))
            assert broken == TapeBroken("tally", 0, 30, "paper-out")
            assert not any(rig.tapes())

    tell(story)


def test_dumb_printer_is_believed(tell: Tell) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        async with running(printer.run()):
            printer.print(TAPE)
            await listener.until(lambda event: event == TapePrinted("tally", confirmed=False))
            assert listener.kinds() == [TapePrinted], "nothing is said that nobody knows"
            assert [tape for tape in rig.tapes() if tape] == [ROWS]

    tell(story, answers=False)


def test_cancelled_driver_leaves_something_behind(tell: Tell) -> None:
    async def story(rig: PrinterRig, listener: Listener, printer: Printer) -> None:
        del rig
        before = asyncio.all_tasks()
        task = asyncio.create_task(printer.run())
        await listener.until(lambda event: event == FINE)
        await end(task)
        assert task.cancelled()
        assert asyncio.all_tasks() - before == set()

    tell(story)
