"""The commands that a simulated ESC/POS printer reads out of its buffer, by Epson's ESC/POS Command Reference.

A picture is one command a row: printers print while it comes, and one larger than the buffer is no trouble.
"""

from dataclasses import dataclass
from typing import Final

_ESC: Final = 0x1B
_GS: Final = 0x1D
_FS: Final = 0x1C
_DLE: Final = 0x10
_LF: Final = 0x0A
_FIRST_PRINTABLE: Final = 0x20
_FEED_CUT: Final = 65  # GS V m with a further byte
_PICTURE_HEADER: Final = 8

_ARGUMENTS: Final[dict[int, dict[int, int]]] = {
    _ESC: {
        **dict.fromkeys(b"@2<Li", 0),
        **dict.fromkeys(b"!-3=EGJMRSTVadt{ rc5", 1),
        **dict.fromkeys(b"$\\%&D", 2),
        **dict.fromkeys(b"p", 3),
    },
    _GS: {**dict.fromkeys(b"!BHIabfhrw/:", 1), **dict.fromkeys(b"LPW$\\", 2)},
    _FS: {**dict.fromkeys(b"&.", 0), **dict.fromkeys(b"!-CW", 1), **dict.fromkeys(b"Sp", 2)},
    _DLE: {0x04: 1, 0x05: 1},
}
"""How many bytes follow which two."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a picture, ``height`` dots high."""

    dots: bytes
    height: int


@dataclass(frozen=True, slots=True)
class Text:
    """One byte of text."""

    char: int


@dataclass(frozen=True, slots=True)
class LineFeed:
    """LF: print the line."""


@dataclass(frozen=True, slots=True)
class Cut:
    """GS V, after feeding so many dots."""

    feed: int


@dataclass(frozen=True, slots=True)
class Command:
    """Any other command: ``name`` is its two bytes."""

    name: bytes
    arguments: bytes


@dataclass(frozen=True, slots=True)
class Unknown:
    """A byte that begins no command."""

    byte: int


Item = Row | Text | LineFeed | Cut | Command | Unknown


class CommandReader:
    """Takes one item at a time off the front of a buffer."""

    def __init__(self) -> None:
        self._rows_left = 0
        self._row_bytes = 0
        self._mode = 0

    @property
    def in_picture(self) -> bool:
        """Whether rows of a picture are still to come."""
        return self._rows_left > 0

    def take(self, buffer: bytearray) -> Item | None:
        """The next item, its bytes taken off; None while it is not complete. NULs between commands mean nothing."""
        if self._rows_left:
            return self._row(buffer)
        del buffer[: len(buffer) - len(buffer.lstrip(b"\0"))]
        if not buffer:
            return None
        first = buffer[0]
        if first == _GS and buffer[1:2] == b"v":
            return self._picture(buffer)
        if first == _GS and buffer[1:2] == b"V":
            return _cut(buffer)
        if first in _ARGUMENTS:
            return _command(buffer)
        del buffer[0]
        if first == _LF:
            return LineFeed()
        return Text(first) if first >= _FIRST_PRINTABLE else Unknown(first)

    def _picture(self, buffer: bytearray) -> Item | None:
        if len(buffer) < _PICTURE_HEADER:
            return None
        self._mode = buffer[3] & 3
        self._row_bytes = int.from_bytes(buffer[4:6], "little")
        self._rows_left = int.from_bytes(buffer[6:8], "little") if self._row_bytes else 0
        del buffer[:_PICTURE_HEADER]
        return self._row(buffer) if self._rows_left else Unknown(_GS)

    def _row(self, buffer: bytearray) -> Row | None:
        if len(buffer) < self._row_bytes:
            return None
        dots = bytes(buffer[: self._row_bytes])
        del buffer[: self._row_bytes]
        self._rows_left -= 1
        if self._mode & 1:
            bits = "".join(f"{byte:08b}" for byte in dots)
            dots = int("".join(bit * 2 for bit in bits), 2).to_bytes(2 * len(dots), "big")
        return Row(dots, 2 if self._mode & 2 else 1)


def _cut(buffer: bytearray) -> Cut | None:
    size = 3 if buffer[2:3] and buffer[2] < _FEED_CUT else 4
    if len(buffer) < size:
        return None
    feed = buffer[3] if size > 3 else 0  # noqa: PLR2004 - GS V m n
    del buffer[:size]
    return Cut(feed)


def _command(buffer: bytearray) -> Command | Unknown | None:
    if len(buffer) < 2:  # noqa: PLR2004 - a command has two bytes
        return None
    arguments = _ARGUMENTS[buffer[0]].get(buffer[1])
    if arguments is None:
        unknown = Unknown(buffer[0])
        del buffer[:2]
        return unknown
    if len(buffer) < 2 + arguments:
        return None
    command = Command(bytes(buffer[:2]), bytes(buffer[2 : 2 + arguments]))
    del buffer[: 2 + arguments]
    return command
