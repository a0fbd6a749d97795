"""Bands of dots to ESC/POS bytes, written by python-escpos. The only file that knows it; loaded with the first tape.

Raster goes out as ``GS v 0``. Epson's reference lets a printer act on real-time commands (``DLE EOT``, ``DLE ENQ``,
``DLE DC4``) wherever their bytes pass, in the middle of a picture too. So no picture may hold them: one more dot beside
a black one makes them something else, and no eye nor scanner sees it.
"""

import os
import tempfile
from functools import cache
from typing import TYPE_CHECKING, Final

from drivers.ports import BAND_HEIGHT_MAX, Band

if TYPE_CHECKING:
    from escpos.printer import Dummy

WIDTH_MAX: Final = 1024  # dots of a row: no receipt printer has more
FEED_LINES: Final = 6  # from the print head past the knife (python-escpos feeds as many before it cuts)

CUT_ROWS: Final = 180  # dots that this feeds: lines are 30 dots high after ESC @
NUL: Final = b"\0"  # fills up a picture that broke off; between commands it means nothing

_DLE: Final = 0x10
_DLE_WITH_ONE_DOT_MORE: Final = 0x18
_REAL_TIME: Final = (b"\x10\x04", b"\x10\x05", b"\x10\x14")  # DLE EOT, DLE ENQ, DLE DC4


class BandError(Exception):
    """A band that no printer takes: a bug of whoever drew it."""


def load() -> None:
    """Load python-escpos now, 0.4 s and 15 MB, rather than with the first tape."""
    _dummy()


def begin() -> bytes:
    """``ESC @``: no setting of an earlier program is left."""
    printer = _dummy()
    printer.hw("INIT")
    return _taken(printer)


def check(picture: Band) -> None:
    """Raise BandError for a size that is not the port's, or too few or too many bytes."""
    width_bytes = -(-picture.width // 8)
    if not 1 <= picture.width <= WIDTH_MAX or not 1 <= picture.height <= BAND_HEIGHT_MAX:
        raise BandError(
            f"a band of {picture.width} x {picture.height} dots: at most {WIDTH_MAX} x {BAND_HEIGHT_MAX} can be printed"
        )
    if len(picture.rows) != width_bytes * picture.height:
        raise BandError(
            f"a band of {picture.width} x {picture.height} dots has {len(picture.rows)} bytes instead of "
            f"{width_bytes * picture.height}"
        )


def band(picture: Band) -> bytes:
    """One band as ``GS v 0``; raises BandError as ``check``."""
    check(picture)
    width_bytes = -(-picture.width // 8)
    from PIL import Image  # noqa: PLC0415 - heavy: only a kit with a printer pays for it

    rows = bytes(dots ^ 0xFF for dots in _without_commands(picture.rows))  # to Pillow, 1 is white
    printer = _dummy()
    printer.image(
        Image.frombytes("1", (width_bytes * 8, picture.height), rows), fragment_height=picture.height
    )
    return _taken(printer)


def cut() -> bytes:
    """Feed past the knife and cut."""
    printer = _dummy()
    printer.cut()
    return _taken(printer)


def _without_commands(rows: bytes) -> bytes:
    """The picture with one more dot wherever it held a real-time command."""
    for command in _REAL_TIME:
        rows = rows.replace(command, bytes((_DLE_WITH_ONE_DOT_MORE,)) + command[1:])
    return rows


def _taken(printer: "Dummy") -> bytes:
    data: bytes = printer.output
    printer.clear()
    return data


@cache
def _dummy() -> "Dummy":
    """python-escpos' printer into memory. On import it leaves a cache in a folder: one that is gone after it."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("ESCPOS_CAPABILITIES_PICKLE_DIR")
        os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = folder
        try:
            from escpos.printer import Dummy  # noqa: PLC0415 - heavy: only a kit with a printer pays for it
        finally:
            if before is None:
                del os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"]
            else:
                os.environ["ESCPOS_CAPABILITIES_PICKLE_DIR"] = before
    printer = Dummy()
    # Its default profile knows no width, and says so on standard output at every picture.
    printer.profile.profile_data = {
        **printer.profile.profile_data,
        "media": {"width": {"pixels": WIDTH_MAX, "mm": "Unknown"}},
    }
    return printer
