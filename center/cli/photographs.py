"""Reads the codes of photographs: by zbarimg, by zxing-cpp's Python package, or by both, whichever are installed.

The pictures come from strangers. They are decoded here, as PNG or JPEG and nothing else, and bounded; the readers get
plain grey dots that we wrote.
"""

import importlib
import io
import shutil
import subprocess
import tempfile
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from PIL import Image, ImageFilter, ImageOps

from center.errors import CenterError

PHOTOGRAPH_MAX: Final = 32 * 1024 * 1024  # bytes of one picture
PIXELS_MAX: Final = 100_000_000  # of one picture
SIDE_MAX: Final = 2_000  # pixels of the longer side, for a second look: noise shrinks, codes stay
TIMEOUT_S: Final = 60  # of one look
_MAGIC: Final = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_NO_CODES: Final = 4  # exit code of zbarimg where it finds none

Reader = Callable[[Image.Image], set[str]]


class PhotographError(Exception):
    """A picture that cannot be read: the message says why, and what to do."""


class NoReaderError(CenterError):
    """There is no reader of codes on this machine."""

    exit_code = 69


def is_photograph(data: bytes) -> bool:
    """Whether this is a PNG or JPEG."""
    return data.startswith(_MAGIC)


def is_foreign_picture(data: bytes) -> bool:
    """Whether this is a picture of a kind that is not read here: HEIC or AVIF, of some telephones, WebP, or SVG."""
    return data[4:8] == b"ftyp" or data[8:12] == b"WEBP" or b"<svg" in data[:300]


class CodeReader:
    """All readers that are installed; raises NoReaderError where none is."""

    def __init__(self) -> None:
        found: list[Reader | None] = [_zbarimg(), _zxing()]
        self._readers = [reader for reader in found if reader is not None]
        if not self._readers:
            raise NoReaderError(
                "no reader of QR codes is installed: install zbarimg (zbar-tools) or zxing-cpp"
            )

    def read(self, data: bytes) -> list[str]:
        """The texts of all codes in a picture.

        Raises:
            PhotographError: it cannot be decoded, or no code in it can be read.
        """
        if len(data) > PHOTOGRAPH_MAX:
            raise PhotographError(f"has more than {PHOTOGRAPH_MAX} bytes: send a smaller picture")
        texts: set[str] = set()
        for number, look in enumerate(_looks(_decoded(data))):
            if number > 1 and texts:
                break  # the first two looks find what there is; the others are for what looks like nothing
            for reader in self._readers:
                texts |= reader(look)
        if not texts:
            raise PhotographError(
                "no code can be read: photograph it again, whole, sharp, and from the front"
            )
        return sorted(texts)


def _decoded(data: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about sizes: ours is the limit
            picture = Image.open(io.BytesIO(data), formats=("PNG", "JPEG"))
            if picture.width * picture.height > PIXELS_MAX:
                raise PhotographError(f"has more than {PIXELS_MAX} pixels: send a smaller picture")
            return _grey(ImageOps.exif_transpose(picture))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise PhotographError(f"cannot be decoded ({error}): copy it again") from error


def _grey(picture: Image.Image) -> Image.Image:
    """What is transparent is white, as on the screens of those who see codes there."""
    if "A" in picture.getbands() or "transparency" in picture.info:
        layer = picture.convert("RGBA")
        paper = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(paper, layer).convert("L")
    return picture.convert("L")


def _looks(picture: Image.Image) -> Iterator[Image.Image]:
    """The same picture in forms of which one or another is read."""
    small = picture.copy()
    small.thumbnail((SIDE_MAX, SIDE_MAX))
    yield picture
    yield small
    yield ImageOps.autocontrast(small, cutoff=2)
    yield small.filter(ImageFilter.GaussianBlur(1.5))
    yield small.filter(ImageFilter.MedianFilter(5))
    yield small.resize((small.width * 2, small.height * 2))
    yield ImageOps.invert(small)


def _zbarimg() -> Reader | None:
    program = shutil.which("zbarimg")
    if program is None:
        return None

    def read(picture: Image.Image) -> set[str]:
        with tempfile.TemporaryDirectory(prefix="codes-") as folder:
            path = (
                Path(folder) / "look.pgm"
            )  # a name of ours: what it is called is told to programs behind it
            picture.save(path, format="PPM")
            command = [program, "--quiet", "--raw", "--nodbus", "-Sdisable", "-Sqrcode.enable", str(path)]
            try:
                ran = subprocess.run(command, capture_output=True, timeout=TIMEOUT_S, check=False)  # noqa: S603 - ours
            except (OSError, subprocess.TimeoutExpired) as error:
                raise PhotographError(f"zbarimg did not read it ({error}): send a smaller picture") from error
            if ran.returncode not in (0, _NO_CODES):
                raise PhotographError(f"zbarimg fails: {ran.stderr.decode(errors='replace').strip()[:200]}")
            return set(ran.stdout.decode(errors="replace").splitlines())

    return read


def _zxing() -> Reader | None:
    try:
        zxing = importlib.import_module("zxingcpp")
    except ImportError:
        return None

    def read(picture: Image.Image) -> set[str]:
        found = zxing.read_barcodes(picture, formats=zxing.BarcodeFormat.QRCode)
        return {str(code.text) for code in found}

    return read
