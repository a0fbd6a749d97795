"""Sealed envelopes as QR codes, read by zbarimg and by zxing-cpp: off blurred, rotated tapes of a dying print head."""

import io
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
import zxingcpp
from PIL import Image, ImageFilter, ImageOps

from center.cli import photographs
from center.cli.photographs import CodeReader, PhotographError
from crypto import carrier_code
from crypto.carrier import to_compact
from drivers.printer import encode
from kit.cli import courier_codes as codes
from kit.tape.courier import CodedEnvelope
from kit.tape.maker import TapeMaker
from simulators.devices.printer import make_printer
from tests.center.branch import Device
from tests.crypto.election_fixture import make_election
from tests.peers import require_program

pytestmark = pytest.mark.peer("zbarimg")

ELECTION: Final = make_election(1)
ENVELOPE: Final = Device(ELECTION, "branch-1").tally()
WHOLE: Final = to_compact(ENVELOPE, ELECTION.loaded)
LARGE: Final = (bytes(range(256)) * 4)[:836]  # two codes that are as full as they may be, of version 16
TEXTS: Final = carrier_code.write(LARGE)
DEAD: Final = ((52, 2), (200, 4), (300, 3))  # dots of the print head
BLURS: Final = (0.6, 1.0)  # sigma in dots: a module is four
ANGLES: Final = (-7, 3)  # degrees
PAPER: Final = 255


def read_by_zbarimg(picture: Image.Image) -> set[str]:
    out = io.BytesIO()
    picture.save(out, format="PNG")
    command = [require_program("zbarimg"), "--quiet", "--raw", "--nodbus", "png:-"]
    ran = subprocess.run(command, input=out.getvalue(), capture_output=True, timeout=60, check=False)
    return set(ran.stdout.decode().splitlines())


def read_by_zxing(picture: Image.Image) -> set[str]:
    return {code.text for code in zxingcpp.read_barcodes(picture)}


READERS: Final = {"zbarimg": read_by_zbarimg, "zxing-cpp": read_by_zxing}


def tape(folder: Path, dead: tuple[int, int], width: int = 576) -> Image.Image:
    """What the printer makes of it."""
    model = make_printer(width_dots=width)
    model.command(["dots", "dead", str(dead[0]), str(dead[1])], 0)
    maker = TapeMaker(ELECTION.loaded, "branch-1", width_dots=width, font=None)
    made = maker.courier("courier:1", [CodedEnvelope("device-1 #2 tally terminal-1-1 (1)", TEXTS)])
    pieces = [encode.begin(), *map(encode.band, made.bands), encode.cut()]
    for number, piece in enumerate(pieces):
        model.feed(piece, number * 1000)
    model.tick(len(pieces) * 1000)
    path = folder / f"tape-{dead[0]}.png"
    model.command(["save", str(path)], len(pieces) * 1000)
    return Image.open(path).convert("L")


def photographed(picture: Image.Image, blur: float, angle: int) -> Image.Image:
    blurred = picture.filter(ImageFilter.GaussianBlur(blur))
    return blurred.rotate(angle, expand=True, fillcolor=PAPER, resample=Image.Resampling.BICUBIC)


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
def test_tape_is_blurred_rotated_and_has_dead_dots(
    tmp_path: Path, reader: Callable[[Image.Image], set[str]]
) -> None:
    """12 of 12 by either reader; every code on the tape each time."""
    read = [
        set(TEXTS) <= reader(photographed(paper, blur, angle))
        for dead in DEAD
        for paper in [tape(tmp_path, dead)]
        for blur in BLURS
        for angle in ANGLES
    ]
    assert read == [True] * 12


def test_code_is_larger_than_promised() -> None:
    assert len(TEXTS) == 2
    for text in TEXTS:
        picture = Image.open(io.BytesIO(codes.picture(text, "png")))
        modules = picture.width // codes.PICTURE_DOTS - 2 * codes.BORDER
        assert (modules - 17) // 4 == 16


@pytest.mark.parametrize("reader", READERS.values(), ids=READERS)
@pytest.mark.parametrize("size", [(80, 24), (120, 50)])
def test_terminal_is_photographed_in_vain(
    size: tuple[int, int], reader: Callable[[Image.Image], set[str]]
) -> None:
    texts = carrier_code.write(WHOLE, codes.chars_fitting(*size))
    collection = carrier_code.Collection()
    for text in reversed(texts):
        drawn = codes.drawing(text, colours=False)
        lines = drawn.splitlines()
        assert len(lines) <= size[1]
        assert max(map(len, lines)) <= size[0]
        for read in reader(screen(drawn)):
            collection.add(read)
    assert list(collection.whole.values()) == [WHOLE]


def screen(drawing: str) -> Image.Image:
    """What a camera sees of a dark terminal."""
    light = {"█": (PAPER, PAPER), "▀": (PAPER, 0), "▄": (0, PAPER), " ": (0, 0)}
    rows = [[light[mark][half] for mark in line] for line in drawing.split("\n") for half in (0, 1)]
    picture = Image.new("L", (len(rows[0]), len(rows)))
    picture.putdata([value for row in rows for value in row])
    return picture.resize((picture.width * 6, picture.height * 6), Image.Resampling.NEAREST)


def as_file(picture: Image.Image, kind: str) -> bytes:
    out = io.BytesIO()
    picture.save(out, format=kind)
    return out.getvalue()


def test_photograph_is_large_dim_turned_or_inverted(tmp_path: Path) -> None:
    """What ``center import`` does with photographs that readers do not like as they are."""
    paper, reader = tape(tmp_path, DEAD[0]), CodeReader()
    dim = paper.point(lambda value: 90 + value // 8)
    large = paper.resize((paper.width * 2, paper.height * 2), Image.Resampling.BICUBIC)
    turned = paper.rotate(93, expand=True, fillcolor=PAPER)
    for picture in (dim, large, turned, ImageOps.invert(paper), photographed(paper, 1.5, 3)):
        assert set(TEXTS) <= set(reader.read(as_file(picture, "JPEG")))
    assert set(TEXTS) <= set(reader.read(as_file(paper, "PNG")))


@pytest.mark.parametrize("missing", ["_zbarimg", "_zxing"])
def test_one_of_two_readers_is_not_installed(monkeypatch: pytest.MonkeyPatch, missing: str) -> None:
    monkeypatch.setattr(photographs, missing, lambda: None)
    assert CodeReader().read(codes.picture(TEXTS[0], "png")) == [TEXTS[0]]


def test_pictures_of_nothing_are_refused_in_words() -> None:
    reader = CodeReader()
    with pytest.raises(PhotographError, match="photograph it again"):
        reader.read(as_file(Image.new("L", (300, 300), PAPER), "PNG"))
    whole = as_file(Image.new("L", (300, 300), PAPER), "PNG")
    with pytest.raises(PhotographError, match="cannot be decoded"):
        reader.read(whole[:40])
    with pytest.raises(PhotographError, match="send a smaller picture"):
        reader.read(b"\xff\xd8\xff" + bytes(33 * 1024 * 1024))
