"""Receipts as QR codes, for a photograph: on paper, as a picture, or on a terminal.

One code holds the receipt's text as it is, so that any reader of codes shows it. What is too long for one code goes in
parts: each begins with a line that says which part of how many it is, and of what. Parts end where lines end.
"""

import io
import re
from collections.abc import Sequence
from hashlib import sha256
from pathlib import Path
from typing import Final

import segno

from crypto.errors import EncodingError
from crypto.wire import RECEIPT_MAX

PART_MAGIC: Final = "branch-kit/part@v1"
PARTS_MAX: Final = 99
PICTURE_BYTES: Final = 1_273  # of one code in a picture: version 25, which telephones still read from paper
BORDER: Final = 4  # modules around a code, as ISO 18004 asks for
TERMINAL_BORDER: Final = 2  # enough on a dark screen
CAPACITY: Final = {10: 271, 14: 458, 18: 718, 22: 1_003, 25: 1_273, 30: 1_732}
"""Bytes that a code of a version holds at level L (ISO/IEC 18004, table 7)."""

_BLOCKS: Final = {(True, True): "█", (True, False): "▀", (False, True): "▄", (False, False): " "}
_BLACK_ON_WHITE: Final = "\x1b[38;5;16;48;5;231m"
_PLAIN: Final = "\x1b[0m"
_PICTURE_SCALE: Final = 6  # pixels a module
_TAG_DIGITS: Final = 16
_HEAD: Final = re.compile(rb"branch-kit/part@v1 ([1-9][0-9]?)/([1-9][0-9]?) ([0-9a-f]{16})\n")
_UTF8_MASK: Final = 0xC0
_UTF8_CONTINUES: Final = 0x80  # the upper bits of a byte within a character (RFC 3629)
_HEAD_BYTES: Final = len(PART_MAGIC) + len(" 99/99 ") + _TAG_DIGITS + 1


def parts_of(text: bytes, part_bytes: int) -> list[bytes]:
    """``text`` itself where it fits into ``part_bytes`` (200 or more); else its parts, each fitting.

    Raises:
        EncodingError: when ``PARTS_MAX`` parts do not hold it.
    """
    if len(text) <= part_bytes:
        return [text]
    chunks = _chunks(text, part_bytes - _HEAD_BYTES)
    if len(chunks) > PARTS_MAX:
        raise EncodingError(f"{len(text)} bytes in codes of {part_bytes} are {len(chunks)} parts: too many")
    tag = sha256(text).hexdigest()[:_TAG_DIGITS]
    return [
        f"{PART_MAGIC} {number}/{len(chunks)} {tag}\n".encode() + chunk
        for number, chunk in enumerate(chunks, 1)
    ]


def is_part(data: bytes) -> bool:
    """Whether this is a part of something."""
    return data.startswith(PART_MAGIC.encode())


def joined(parts: Sequence[bytes]) -> bytes:
    """What was parted, from its parts in any order, some perhaps twice.

    Raises:
        EncodingError: when parts are missing, or belong to different things.
    """
    found: dict[int, bytes] = {}
    wholes = set()
    for part in parts:
        head = _HEAD.match(part)
        if head is None:
            raise EncodingError(f"no part: it begins with {part[:40]!r}, not with {PART_MAGIC}")
        wholes.add((int(head[2]), head[3]))
        if found.setdefault(int(head[1]), part[head.end() :]) != part[head.end() :]:
            raise EncodingError(f"part {int(head[1])} is there twice, and differs")
    if len(wholes) != 1:
        raise EncodingError(f"these are parts of {len(wholes)} different things: give those of one")
    count, tag = wholes.pop()
    missing = [number for number in range(1, count + 1) if number not in found]
    if missing:
        raise EncodingError(f"of {count} parts these are missing: {', '.join(map(str, missing))}")
    whole = b"".join(found[number] for number in range(1, count + 1))
    if len(whole) > RECEIPT_MAX or sha256(whole).hexdigest()[:_TAG_DIGITS].encode() != tag:
        raise EncodingError("the parts do not make what was parted: read the codes again")
    return whole


def pictures(text: bytes, path: Path) -> list[tuple[Path, bytes]]:
    """PNG or SVG files, by the ending of ``path``; several are numbered before the ending.

    Raises:
        EncodingError: for another ending, or when the text is too long.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in ("png", "svg"):
        raise EncodingError(f"{path}: name it .png or .svg")
    parts = parts_of(text, PICTURE_BYTES)
    names = (
        [path]
        if len(parts) == 1
        else [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, len(parts) + 1)]
    )
    return [(name, _picture(part, kind)) for name, part in zip(names, parts, strict=True)]


def drawings(text: bytes, columns: int, *, colours: bool) -> list[str]:
    """Codes as text in half blocks, for terminals this many columns wide; raises EncodingError.

    ``colours``: black on white by escape sequences. Without them, light on dark: for dark terminals and plain files.
    """
    fitting = [
        held for version, held in CAPACITY.items() if _modules(version) + 2 * TERMINAL_BORDER <= columns
    ]
    if not fitting:
        raise EncodingError(
            f"the terminal is {columns} columns wide: make it {_modules(min(CAPACITY)) + 2 * TERMINAL_BORDER} or more"
        )
    return [half_blocks(_code(part), colours=colours) for part in parts_of(text, fitting[-1])]


def _modules(version: int) -> int:
    return 17 + 4 * version


def _chunks(text: bytes, size: int) -> list[bytes]:
    """Pieces of at most ``size`` bytes, cut after a newline where there is one in reach."""
    chunks = []
    while text:
        end = len(text) if len(text) <= size else text.rfind(b"\n", 0, size) + 1
        if not end:  # one endless line: anywhere but within a character
            inside = (at for at in range(size, 0, -1) if text[at] & _UTF8_MASK != _UTF8_CONTINUES)
            end = next(inside, size)
        chunks.append(text[:end])
        text = text[end:]
    return chunks


def _code(data: bytes) -> segno.QRCode:
    return segno.make_qr(data, error="l", mode="byte")


def _picture(data: bytes, kind: str) -> bytes:
    out = io.BytesIO()
    _code(data).save(out, kind=kind, scale=_PICTURE_SCALE, border=BORDER)
    return out.getvalue()


def half_blocks(code: segno.QRCode, *, colours: bool) -> str:
    """A code as text, two modules a character; ``colours`` as in ``drawings``."""
    rows = [[bool(module) for module in row] for row in code.matrix_iter(border=TERMINAL_BORDER)]
    if len(rows) % 2:
        rows.append([False] * len(rows[0]))
    lines = [
        "".join(_BLOCKS[upper == colours, lower == colours] for upper, lower in zip(*pair, strict=True))
        for pair in zip(rows[::2], rows[1::2], strict=True)
    ]
    return "\n".join(f"{_BLACK_ON_WHITE}{line}{_PLAIN}" if colours else line for line in lines)
