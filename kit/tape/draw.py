"""Blocks to bands of dots, with Pillow (raqm joins and orders letters) and segno."""

import unicodedata
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from typing import Final

import segno
from PIL import Image, ImageDraw, ImageFont

from crypto.tape_code import CODE_VERSION_MAX
from drivers.ports import BANDS_MAX, Band
from kit.tape.blocks import Block, Both, Code, Gap, Line, Row, Rule
from kit.tape.fonts import SIZES, Fonts

BAND_ROWS: Final = 24  # dots: 1.7 KB on 80 mm paper, so that two fit into a printer's buffer
MODULE_DOTS: Final = 4  # 0.5 mm a module: telephones read it, and a dead dot or two do no harm
CODE_BORDER: Final = 4  # modules (ISO/IEC 18004)
MARGIN: Final = 6  # dots
COLUMN_GAP: Final = 12  # dots between columns
RULE_ROWS: Final = 2
WIDEST_COUNT: Final = "16777215"  # crypto.wire.Count

_RTL: Final = ("R", "AL")
_STRONG: Final = ("L", *_RTL)


class TapeLengthError(Exception):
    """More than a printer takes at once."""


def bands(blocks: Sequence[Block], width: int, fonts: Fonts) -> tuple[Band, ...]:
    """Draw blocks on paper ``width`` dots wide (a multiple of 8, at least 384); raises TapeLengthError."""
    pictures = [picture for block in blocks for picture in _pictures(block, width, fonts)]
    height = sum(picture.height for picture in pictures)
    if -(-height // BAND_ROWS) > BANDS_MAX:
        raise TapeLengthError(
            f"a tape of {height} rows of dots: at most {BANDS_MAX * BAND_ROWS} can be printed"
        )
    page, at = Image.new("1", (width, height), 1), 0
    for picture in pictures:
        page.paste(picture, (0, at))
        at += picture.height
    stride = width // 8
    dots = bytes(byte ^ 0xFF for byte in page.tobytes())  # to Pillow, 1 is white
    rows = range(0, height, BAND_ROWS)
    return tuple(
        Band(width, min(BAND_ROWS, height - row), dots[row * stride : (row + BAND_ROWS) * stride])
        for row in rows
    )


def is_rtl(text: str) -> bool:
    """Whether the first letter of a text runs from right to left (UAX #9, rules P2 and P3)."""
    strong = (unicodedata.bidirectional(char) for char in text)
    return next((kind in _RTL for kind in strong if kind in _STRONG), False)


def _pictures(block: Block, width: int, fonts: Fonts) -> Iterator[Image.Image]:
    match block:
        case Line(text, size, centred):
            for piece in wrapped(text, fonts[size], width - 2 * MARGIN):
                yield _line(piece, width, fonts, size, centred=centred)
        case Both(persian, english, size):
            yield from _both(persian, english, width, fonts, size)
        case Row():
            yield from _row(block, width, fonts)
        case Rule():
            picture = Image.new("1", (width, 3 * RULE_ROWS), 1)
            ImageDraw.Draw(picture).rectangle((0, RULE_ROWS, width, 2 * RULE_ROWS - 1), fill=0)
            yield picture
        case Gap(rows):
            yield Image.new("1", (width, rows), 1)
        case Code(text):
            yield from _code(text, width)


def wrapped(text: str, font: ImageFont.FreeTypeFont, room: int) -> list[str]:
    """A text in lines that fit into ``room`` dots, broken between words, and within those that are too long."""
    lines, line = [], ""
    for word in text.split():
        longer = f"{line} {word}" if line else word
        if _length(longer, font) <= room:
            line = longer
            continue
        if line:
            lines.append(line)
        while _length(word, font) > room:
            size = next(n for n in range(len(word) - 1, 0, -1) if n == 1 or _length(word[:n], font) <= room)
            lines.append(word[:size])
            word = word[size:]  # noqa: PLW2901 - its rest is the next word
        line = word
    return [*lines, line] if line or not lines else lines


def _length(text: str, font: ImageFont.FreeTypeFont) -> float:
    return font.getlength(text, direction=_direction(text))


def _direction(text: str) -> str:
    return "rtl" if is_rtl(text) else "ltr"


def _blank(width: int, size: str) -> tuple[Image.Image, ImageDraw.ImageDraw]:
    picture = Image.new("1", (width, SIZES[size] * 4 // 3), 1)
    draw = ImageDraw.Draw(picture)
    draw.fontmode = "1"
    return picture, draw


def _line(text: str, width: int, fonts: Fonts, size: str, *, centred: bool = False) -> Image.Image:
    picture, draw = _blank(width, size)
    if centred:
        _write(draw, (width / 2, 0), text, fonts[size], "ma")
    elif is_rtl(text):
        _write(draw, (width - MARGIN, 0), text, fonts[size], "ra")
    else:
        _write(draw, (MARGIN, 0), text, fonts[size], "la")
    return picture


def _write(
    draw: ImageDraw.ImageDraw,
    place: tuple[float, float],
    text: str,
    font: ImageFont.FreeTypeFont,
    anchor: str,
) -> None:
    draw.text(place, text, fill=0, font=font, anchor=anchor, direction=_direction(text))


def _both(persian: str, english: str, width: int, fonts: Fonts, size: str) -> Iterator[Image.Image]:
    font, room = fonts[size], width - 2 * MARGIN
    if _length(persian, font) + _length(english, font) + COLUMN_GAP <= room:
        picture, draw = _blank(width, size)
        _write(draw, (width - MARGIN, 0), persian, font, "ra")
        _write(draw, (MARGIN, 0), english, font, "la")
        yield picture
        return
    for text in (persian, english):
        for piece in wrapped(text, font, room):
            yield _line(piece, width, fonts, size)


def _row(row: Row, width: int, fonts: Fonts) -> Iterator[Image.Image]:
    """The number stays on the left whatever the name's direction: a column of numbers is read as one."""
    small, normal = fonts["small"], fonts["normal"]
    value_room = max(width // 4, MARGIN + int(_length(WIDEST_COUNT, normal)) + COLUMN_GAP)
    name_at = value_room + width // 6 + MARGIN
    codes = wrapped(row.code, small, width // 6)
    names = wrapped(row.name, normal, width - MARGIN - name_at)
    for number, (name, code) in enumerate(zip_longest(names, codes, fillvalue="")):
        picture, draw = _blank(width, "normal")
        if is_rtl(row.name):
            _write(draw, (width - MARGIN, 0), name, normal, "ra")
        else:
            _write(draw, (name_at, 0), name, normal, "la")
        if number == 0:
            _write(draw, (value_room - COLUMN_GAP, 0), row.value, normal, "ra")
        _write(draw, (value_room, SIZES["normal"] - SIZES["small"]), code, small, "la")
        yield picture


def _code(text: str, width: int) -> Iterator[Image.Image]:
    """A code at error correction M, with its white border, twice: on the left and on the right.

    One dead dot of the print head in the wrong column takes a code's corner marks away, and no reader finds it; the
    same dot meets the other one elsewhere.
    """
    code = segno.make_qr(text, error="m", mode="alphanumeric", boost_error=False)
    if not isinstance(code.version, int) or code.version > CODE_VERSION_MAX:
        raise TapeLengthError(f"a code of version {code.version}: at most {CODE_VERSION_MAX} fits the tape")
    modules = [[0 if dark else 1 for dark in row] for row in code.matrix_iter(border=CODE_BORDER)]
    side = len(modules)
    square = Image.new("1", (side, side), 1)
    square.putdata([module for row in modules for module in row])
    square = square.resize((side * MODULE_DOTS, side * MODULE_DOTS), Image.Resampling.NEAREST)
    left, right = ((Image.new("1", (width, square.height), 1)) for _ in range(2))
    left.paste(square, (0, 0))
    (left if 2 * square.width <= width else right).paste(square, (width - square.width, 0))
    yield left
    if 2 * square.width > width:
        yield right
