"""A simulated ESC/POS printer: buffer, print head, paper, sensors and knife. No I/O but ``save``.

What it cannot do now waits in its buffer: with the cover open or no paper it is offline, reads nothing out of the
buffer and answers real-time questions alone; when that is mended it goes on in the middle of the picture, as real ones
do.
Real-time commands (``DLE EOT``) are acted on wherever their bytes pass, in the middle of a picture too.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from simulators.devices.printer_commands import Command, CommandReader, Cut, Item, LineFeed, Row, Text
from simulators.devices.printer_paper import NEAR_END_ROWS, ROLL_ROWS, Paper, png
from simulators.stand.model import CommandError

BUFFER_MAX: Final = 4096  # bytes: what comes while it is full is lost, as on a line without flow control
ROWS_PER_S: Final = 1200  # dots: 150 mm/s
TICK_MS: Final = 20  # paper moves on in steps of this
BOOT_MS: Final = 1_500  # from power to the first answer
LINE_ROWS: Final = 30  # dots of a line of text after ESC @
CUT_MS: Final = 200
TEXT_MAX: Final = 4096  # characters of text that are remembered
MODEL: Final = b"_KIT-SIM RECEIPT PRINTER\0"  # GS I 67

_COMMANDS: Final = {
    "paper out": "the roll is at its end, in the middle of whatever is printed",
    "paper near-end": "the sensor sees the end of the roll",
    "paper left N": "so many rows of dots are left on the roll",
    "paper in": "a new roll",
    "cover open": "somebody opens the cover",
    "cover closed": "and closes it",
    "jam": "the knife is stuck",
    "jam cleared": "and is free again",
    "power off": "no power: the buffer is lost, the paper stays where it is",
    "power on": "power is back; the first answer takes 1.5 s",
    "reboot": "power off and on",
    "dots dead N M": "M dots of the print head, from dot N on, never print again",
    "dots new": "a new print head",
    "tear": "somebody tears off what hangs out",
    "save FILE.png": "a picture of what hangs out, else of the tape that was cut last",
    "save FILE.png N": "a picture of the Nth tape from 1 on",
}


class PrinterModel:
    """Implements ``simulators.stand.model.DeviceModel``; see ``make_printer`` for the arguments."""

    def __init__(
        self, *, width_dots: int, rows_per_s: int, buffer_bytes: int, roll_rows: int, answers: bool
    ) -> None:
        self.paper: Final = Paper(width_dots // 8, roll_rows)
        self.lost_bytes = 0
        self.unknown = 0
        """Bytes that began no command."""
        self.text = ""
        """The last characters that were sent as text; they are fed as white lines."""
        self._row_ms: Final = 1000 / rows_per_s
        self._buffer_bytes: Final = buffer_bytes
        self._answers: Final = answers
        self._buffer = bytearray()
        self._reader = CommandReader()
        self._recent = b""
        """The end of what was received, in which a real-time command may have begun."""
        self._free_at = 0.0
        self._now = 0
        self._out = bytearray()
        self._powered, self._boots_until = True, 0
        self._cover_open = self._jammed = self._automatic = False
        self._reported: tuple[object, ...] = ()
        self._poked = False
        """A command may have set the paper in motion again."""
        self._feed = 0
        """Rows that are still to be fed."""

    # --- the line ---

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Bytes from the line: real-time commands are answered at once, all else waits in the buffer."""
        self._advance(now_ms)
        if self._listening:
            for byte in data:
                self._real_time(byte)
            if not self._buffer and not self._feed:
                self._free_at = max(self._free_at, float(now_ms))
            room = self._buffer_bytes - len(self._buffer)
            self.lost_bytes += max(0, len(data) - room)
            self._buffer += data[:room]
        self._advance(now_ms)
        return self._sent()

    def tick(self, now_ms: int) -> bytes:
        """Print as far as the time allows."""
        self._poked = False
        self._advance(now_ms)
        return self._sent()

    def wake_at(self) -> int | None:
        """When the print head can go on."""
        if self._poked or self._out or (self._automatic and self._reported != self._sensors()):
            return self._now
        if self._powered and self._now < self._boots_until:
            return self._boots_until
        if self._offline or not (self._buffer or self._feed):
            return None
        due = math.ceil(self._free_at)
        return due + TICK_MS if due > self._now else None

    # --- scripts ---

    @property
    def commands(self) -> Mapping[str, str]:
        """What ``command`` knows."""
        return _COMMANDS

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """See ``commands``; raises CommandError."""
        self._advance(now_ms)
        match list(words):
            case ["paper", how, *rest]:
                said = self._set_paper(how, rest)
            case ["cover", "open" | "closed" as how]:
                self._cover_open = how == "open"
                said = f"the cover is {how}"
            case ["jam"] | ["jam", "cleared"]:
                self._jammed = len(words) == 1
                said = "the knife is stuck" if self._jammed else "the knife is free"
            case ["power", "off" | "on"] | ["reboot"]:
                said = self._switch(words[-1], now_ms)
            case ["dots", "dead", first, count] if first.isdecimal() and count.isdecimal():
                self.paper.kill_dots(int(first), int(count))
                said = f"dots {first} to {int(first) + int(count) - 1} are dead"
            case ["dots", "new"]:
                self.paper.new_head()
                said = "every dot prints"
            case ["tear"]:
                said = "torn off" if self.paper.cut() else "nothing hangs out"
            case ["save", path, *number] if len(number) <= 1:
                said = self._save(Path(path), number[0] if number else None)
            case _:
                raise CommandError(
                    f"{' '.join(words)!r}: not known to this printer; known are: {', '.join(_COMMANDS)}"
                )
        self._free_at, self._poked = max(self._free_at, float(now_ms)), True
        return said

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """Sensors, paper and buffer."""
        self._advance(now_ms)
        return {
            "power": self._powered,
            "online": not self._offline,
            "paper": "out" if self.paper.out else "near-end" if self.paper.near_end else "ok",
            "cover": "open" if self._cover_open else "closed",
            "jam": self._jammed,
            "buffer_bytes": len(self._buffer),
            "lost_bytes": self.lost_bytes,
            "unknown_bytes": self.unknown,
            "in_picture": self._reader.in_picture,
            "hanging_rows": len(self.paper.hanging),
            "tapes": self.paper.cut_off,
        }

    # --- parts ---

    @property
    def _listening(self) -> bool:
        return self._powered and self._now >= self._boots_until

    @property
    def _offline(self) -> bool:
        return not self._listening or self.paper.out or self._cover_open or self._jammed

    def _sent(self) -> bytes:
        if self._automatic and self._listening and self._reported != self._sensors():
            self._reported = self._sensors()
            self._out += self._automatic_status()
        data = bytes(self._out) if self._answers else b""
        self._out.clear()
        return data

    def _sensors(self) -> tuple[object, ...]:
        return (self.paper.out, self.paper.near_end, self._cover_open, self._jammed)

    def _real_time(self, byte: int) -> None:
        self._recent = self._recent[-2:] + bytes((byte,))
        match self._recent:
            case b"\x10\x04\x01":
                self._out.append(0x12 | 0x08 * self._offline)
            case b"\x10\x04\x02":
                self._out.append(0x12 | 0x04 * self._cover_open | 0x20 * self.paper.out | 0x40 * self._jammed)
            case b"\x10\x04\x03":
                self._out.append(0x12 | 0x08 * self._jammed)
            case b"\x10\x04\x04":
                self._out.append(0x12 | 0x0C * self.paper.near_end | 0x60 * self.paper.out)
            case b"\x10\x05\x02":  # DLE ENQ 2: go on without what is in the buffer
                self._buffer.clear()
                self._reader, self._feed, self._jammed = CommandReader(), 0, False

    def _advance(self, now_ms: int) -> None:
        """Read the buffer as long as the print head is free."""
        self._now = max(self._now, now_ms)
        while not self._offline and self._free_at <= self._now:
            if self._feed:
                self._feed -= 1
                self._print(b"")
                continue
            item = self._reader.take(self._buffer)
            if item is None:
                return
            self._do(item)

    def _print(self, dots: bytes) -> None:
        self.paper.row(dots)
        self._free_at += self._row_ms

    def _do(self, item: Item) -> None:
        match item:
            case Row(dots, height):
                for _ in range(height):
                    self._print(dots)
            case Text(char):
                self.text = (self.text + chr(char))[-TEXT_MAX:]
            case LineFeed():
                self.text = (self.text + "\n")[-TEXT_MAX:]
                self._feed += LINE_ROWS
            case Cut(feed):
                for _ in range(feed):
                    self._print(b"")
                self.paper.cut()
                self._free_at += CUT_MS
            case Command(name, arguments):
                action = self._actions.get(name)
                if action is not None:
                    action(arguments[0] if arguments else 0)
            case _:
                self.unknown += 1

    @property
    def _actions(self) -> dict[bytes, Callable[[int], None]]:
        """Commands that do something; the others set what does not matter to pictures."""
        return {
            b"\x1bd": lambda lines: self._add_feed(lines * LINE_ROWS),
            b"\x1bJ": self._add_feed,
            b"\x1dr": self._paper_sensor,
            b"\x1da": self._set_automatic,
            b"\x1dI": lambda which: self._out.extend(
                MODEL if which == 67 else b"\x20"  # noqa: PLR2004 - the model's name, else a model id
            ),
        }

    def _add_feed(self, rows: int) -> None:
        self._feed += rows

    def _paper_sensor(self, which: int) -> None:
        """GS r: answered when the buffer comes to it."""
        near, out = self.paper.near_end, self.paper.out
        self._out.append(0x03 * near | 0x0C * out if which in (1, 49) else 0x00)

    def _set_automatic(self, which: int) -> None:
        self._automatic, self._reported = bool(which), ()

    def _automatic_status(self) -> bytes:
        first = 0x10 | 0x08 * self._offline | 0x20 * self._cover_open
        return bytes((first, 0x08 * self._jammed, 0x03 * self.paper.near_end | 0x0C * self.paper.out, 0x00))

    def _set_paper(self, how: str, rest: Sequence[str]) -> str:
        match how, list(rest):
            case "out", []:
                self.paper.left = 0
            case "near-end", []:
                self.paper.left = NEAR_END_ROWS
            case "left", [rows] if rows.isdecimal():
                self.paper.left = int(rows)
            case "in", []:
                self.paper.left = self.paper.roll_rows
            case _:
                raise CommandError(
                    f"paper {how} {' '.join(rest)}: say out, in, near-end, or left and a number"
                )
        return f"{self.paper.left} rows of paper are left"

    def _switch(self, how: str, now_ms: int) -> str:
        if how != "on" or not self._powered:
            self._buffer.clear()
            self._reader, self._feed, self._recent = CommandReader(), 0, b""
            self._out.clear()
            self._automatic = False
        self._powered = how != "off"
        if not self._powered:
            return "no power"
        self._boots_until = now_ms + BOOT_MS
        return f"it starts, and answers in {BOOT_MS} ms"

    def _save(self, path: Path, number: str | None) -> str:
        rows = self.paper.latest()
        if number is not None:
            place = (
                int(number) - 1 - (self.paper.cut_off - len(self.paper.tapes)) if number.isdecimal() else -1
            )
            if not 0 <= place < len(self.paper.tapes):
                raise CommandError(f"there is no tape {number}: {self.paper.cut_off} were cut so far")
            rows = self.paper.tapes[place]
        try:
            path.write_bytes(png(rows, self.paper.width_bytes))
        except OSError as error:
            raise CommandError(f"{path}: cannot be written ({error.strerror})") from error
        return f"{len(rows)} rows saved to {path}"


def make_printer(
    *,
    width_dots: int = 576,
    rows_per_s: int = ROWS_PER_S,
    buffer_bytes: int = BUFFER_MAX,
    roll_rows: int = ROLL_ROWS,
    answers: bool = True,
) -> PrinterModel:
    """A printer with a full roll.

    Args:
        width_dots: dots of its print head, a multiple of 8: 576 (80 mm paper) or 384 (58 mm).
        rows_per_s: speed of the paper in rows of dots.
        buffer_bytes: what it takes while it cannot print; more is lost.
        roll_rows: length of a new roll in rows of dots.
        answers: False for one of the clones that never send a byte.
    """
    return PrinterModel(
        width_dots=width_dots,
        rows_per_s=rows_per_s,
        buffer_bytes=buffer_bytes,
        roll_rows=roll_rows,
        answers=answers,
    )
