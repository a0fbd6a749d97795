"""Bytes from a printer, of any kind and at any pace: nothing but events, and no more memory for more bytes."""

from drivers.ports import Band, Tape
from drivers.printer.dialogue import QUEUE_MAX, PrinterDialogue

TAPE = Tape("t", tuple(Band(16, 2, b"\x10\x04\x01\xff") for _ in range(5)))


def one_input(data: bytes) -> None:
    """The first byte of each three says how long to wait, the others arrive."""
    dialogue = PrinterDialogue()
    now = 0
    dialogue.handle_line_up(now)
    for at in range(0, len(data), 3):
        now += data[at] * 16
        if data[at] % 7 == 0:
            dialogue.print(Tape(f"t{data[at]}", TAPE.bands), now)
        if data[at] % 31 == 0:
            dialogue.handle_line_lost("fuzzed", now)
            dialogue.handle_line_up(now)
        dialogue.handle_tick(now)
        step = dialogue.handle_bytes(data[at + 1 : at + 3], now)
        assert len(step.events) <= 8 * QUEUE_MAX
        assert len(dialogue._queue) <= QUEUE_MAX
        assert len(dialogue._round) <= 4
        wake_at = dialogue.wake_at()
        assert wake_at is not None
