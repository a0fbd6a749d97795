"""The font of tapes: DejaVu Sans has Persian, Latin, Cyrillic, Greek, Georgian, Armenian and Hebrew letters."""

from pathlib import Path
from typing import Final

from PIL import ImageFont, features

WELL_KNOWN: Final = (
    "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf",  # Debian's fonts-dejavu-core
    "/usr/share/fonts/dejavu-sans-fonts/DejaVuSans.ttf",
    "/usr/share/fonts/dejavu/DejaVuSans.ttf",
    "/usr/share/fonts/TTF/DejaVuSans.ttf",
)
SIZES: Final = {"small": 18, "normal": 24, "large": 34}  # dots, at 203 an inch: 2.3, 3 and 4.3 mm


class TapeFontError(Exception):
    """No tape can be drawn: a font, or what joins Persian letters, is missing; the message names the package."""


class Fonts:
    """One font in the sizes of ``SIZES``.

    Args:
        path: of a TrueType font; None: DejaVu Sans where systems keep it.

    Raises:
        TapeFontError: there is none, or it cannot be read, or Pillow cannot join letters and order words.
    """

    def __init__(self, path: str | None) -> None:
        if not features.check_feature("raqm"):
            raise TapeFontError(
                "tapes need Pillow with raqm, to join Persian letters: install Debian's libfribidi0 (or libraqm0)"
            )
        found = path or next((name for name in WELL_KNOWN if Path(name).is_file()), None)
        if found is None:
            raise TapeFontError(
                "no font for tapes: install Debian's fonts-dejavu-core, or name a TrueType font by printer.font"
            )
        try:
            self._fonts = {
                size: ImageFont.truetype(found, dots, layout_engine=ImageFont.Layout.RAQM)
                for size, dots in SIZES.items()
            }
        except OSError as error:
            raise TapeFontError(
                f"printer.font {found}: cannot be read as a font ({error}); install Debian's fonts-dejavu-core"
            ) from error

    def __getitem__(self, size: str) -> ImageFont.FreeTypeFont:
        """The font in a size."""
        return self._fonts[size]
