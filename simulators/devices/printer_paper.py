"""What a simulated print head leaves on paper: rows of dots, cut into tapes, and their pictures as PNG."""

import struct
import zlib
from collections import deque
from typing import Final

ROLL_ROWS: Final = 160_000  # dots: 20 m at 203 dots an inch
NEAR_END_ROWS: Final = 8_000  # dots: the sensor sees the last metre
TAPES_MAX: Final = 64  # tapes that were cut and still lie there; older ones were swept up
MARGIN_BYTES: Final = 4  # 32 dots of white on either side: 80 mm paper is wider than its print head


class Paper:
    """A roll, and what came off it. A row is ``width_bytes`` bytes, the leftmost dot in the highest bit, 1 is black."""

    def __init__(self, width_bytes: int, roll_rows: int = ROLL_ROWS) -> None:
        self.width_bytes: Final = width_bytes
        self.roll_rows = roll_rows
        self.left = roll_rows
        self.hanging: list[bytes] = []
        """What hangs out of the printer."""
        self.tapes: deque[tuple[bytes, ...]] = deque(maxlen=TAPES_MAX)
        self.cut_off = 0
        """How many were cut or torn off in all."""
        self._heats = bytearray(b"\xff" * width_bytes)

    @property
    def out(self) -> bool:
        """Whether the print head has no paper under it."""
        return self.left <= 0

    @property
    def near_end(self) -> bool:
        """Whether the sensor sees the end of the roll."""
        return self.left <= NEAR_END_ROWS

    def kill_dots(self, first: int, count: int) -> None:
        """These dots of the print head never get hot again."""
        for dot in range(first, min(first + count, 8 * self.width_bytes)):
            self._heats[dot // 8] &= ~(0x80 >> dot % 8) & 0xFF

    def new_head(self) -> None:
        """Every dot gets hot."""
        self._heats[:] = b"\xff" * self.width_bytes

    def row(self, dots: bytes = b"") -> None:
        """Print one row; what is wider than the head is not printed, what is missing is white."""
        dots = dots[: self.width_bytes].ljust(self.width_bytes, b"\0")
        self.hanging.append(bytes(dot & heats for dot, heats in zip(dots, self._heats, strict=True)))
        self.left -= 1

    def cut(self) -> bool:
        """Take off what hangs out; False where nothing does."""
        if not self.hanging:
            return False
        self.tapes.append(tuple(self.hanging))
        self.hanging.clear()
        self.cut_off += 1
        return True

    def latest(self) -> tuple[bytes, ...]:
        """What hangs out, else the tape that was cut last."""
        if self.hanging or not self.tapes:
            return tuple(self.hanging)
        return self.tapes[-1]


def png(rows: tuple[bytes, ...], width_bytes: int) -> bytes:
    """The picture of a tape, black on white, one pixel a dot, with white margins (PNG, ISO/IEC 15948)."""
    margin = b"\xff" * MARGIN_BYTES
    inverted = bytes(range(255, -1, -1))  # in PNG, 1 is white
    lines = b"".join(
        b"\0" + margin + row.translate(inverted) + margin for row in rows or (bytes(width_bytes),)
    )
    width = 8 * (width_bytes + 2 * MARGIN_BYTES)
    header = struct.pack(">IIBBBBB", width, max(1, len(rows)), 1, 0, 0, 0, 0)
    chunks = ((b"IHDR", header), (b"IDAT", zlib.compress(lines, 6)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )
