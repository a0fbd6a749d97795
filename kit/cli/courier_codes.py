"""Sealed envelopes as QR codes for any telephone's camera: at most version 16 at error correction M, as on tapes."""

import io
from typing import Final, Literal

import segno

from crypto.errors import EncodingError
from kit.cli.receipt_codes import BORDER, TERMINAL_BORDER, half_blocks

PICTURE_DOTS: Final = 8  # pixels a module of a picture: 0.7 m from a screen, telephones still read it
CAPACITY: Final = {5: 122, 6: 154, 7: 178, 8: 221, 10: 311, 12: 419, 14: 528, 16: 656}
"""Characters of the alphanumeric mode that a code of a version holds at level M (ISO/IEC 18004, table 7)."""
LINES_BELOW: Final = 3  # of the terminal, for the words below a code

Picture = Literal["png", "svg"]


def chars_fitting(columns: int, lines: int) -> int:
    """How many characters the largest code holds that a terminal of this size shows.

    Raises:
        EncodingError: not even the smallest one fits.
    """
    room = min(columns, 2 * (lines - LINES_BELOW))
    fitting = [held for version, held in CAPACITY.items() if _modules(version) <= room]
    if not fitting:
        need = _modules(min(CAPACITY))
        raise EncodingError(
            f"the terminal has {columns} columns and {lines} lines: make it {need} x {-(-need // 2) + LINES_BELOW} or "
            f"more, or its letters smaller"
        )
    return fitting[-1]


def drawing(text: str, *, colours: bool) -> str:
    """One code in half blocks; ``colours``: black on white by escape sequences, else light on dark."""
    return half_blocks(_code(text), colours=colours)


def picture(text: str, kind: Picture) -> bytes:
    """One code as a file."""
    out = io.BytesIO()
    _code(text).save(out, kind=kind, scale=PICTURE_DOTS, border=BORDER)
    return out.getvalue()


def _code(text: str) -> segno.QRCode:
    return segno.make_qr(text, error="m", mode="alphanumeric", boost_error=False)


def _modules(version: int) -> int:
    return 17 + 4 * version + 2 * TERMINAL_BORDER
