"""Receipts as QR codes, read back by zbarimg, which nobody here wrote: byte for byte, from pictures and terminals."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from crypto import acknowledgement, receipt
from crypto.merkle import Tree, leaf_hash
from crypto.notes import Checkpoint, Cosigner, NoteSigner
from kit.cli.receipt_codes import drawings, joined, parts_of, pictures
from tests.crypto.election_fixture import key_of
from tests.peers import require_program

pytestmark = pytest.mark.peer("zbarimg")

LOG: Final = NoteSigner("log.example/round-1", key_of("log"))
ENVELOPE: Final = b'{"payload":"..."}'
SCALE: Final = 4  # pixels a module of a drawing


def made(leaves: int, witnesses: int) -> bytes:
    """A receipt from a log of a real size."""
    tree = Tree([leaf_hash(b"%d" % number) for number in range(leaves - 1)] + [leaf_hash(ENVELOPE)])
    note = LOG.sign(Checkpoint(LOG.name, leaves, tree.root()).text())
    for number in range(witnesses):
        note = Cosigner(f"witness.example/w{number}", key_of(f"w{number}")).cosign(note, 1_800_000_000)
    return receipt.make(ENVELOPE, leaves - 1, tree.inclusion(leaves - 1), note).encode()


SMALL: Final = made(5, 0)
GREAT: Final = made(3_333, 8)
PROMISE: Final = acknowledgement.make(ENVELOPE, LOG).encode()


def read(path: Path) -> bytes:
    """The one code in a picture, as its bytes."""
    command = [require_program("zbarimg"), "--quiet", "--raw", "--oneshot", "-Sbinary", str(path)]
    return subprocess.run(command, capture_output=True, check=True, timeout=30).stdout


@pytest.mark.parametrize("text", [SMALL, PROMISE], ids=["receipt", "acknowledgement"])
def test_one_code_holds_something_else(tmp_path: Path, text: bytes) -> None:
    ((path, data),) = pictures(text, tmp_path / "code.png")
    path.write_bytes(data)
    assert read(path) == text


def test_text_is_changed_by_readers_that_expect_text(tmp_path: Path) -> None:
    """The dash of a signed note is no ASCII: a reader that shows text shows it as it is."""
    ((path, data),) = pictures(SMALL, tmp_path / "code.png")
    path.write_bytes(data)
    command = [require_program("zbarimg"), "--quiet", "--raw", str(path)]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=30)
    assert ran.stdout == SMALL + b"\n", "with a newline of its own"


def test_parts_are_not_read_back(tmp_path: Path) -> None:
    files = pictures(GREAT, tmp_path / "code.png")
    assert len(files) > 1
    parts = []
    for path, data in files:
        path.write_bytes(data)
        parts.append(read(path))
    assert parts == parts_of(GREAT, 1_273)
    assert joined(parts) == GREAT


@pytest.mark.parametrize("columns", [80, 200])
def test_terminal_is_photographed_in_vain(tmp_path: Path, columns: int) -> None:
    parts = []
    for number, drawing in enumerate(drawings(SMALL, columns, colours=False)):
        path = tmp_path / f"{number}.pgm"
        path.write_bytes(photograph(drawing))
        parts.append(read(path))
    assert (parts[0] if len(parts) == 1 else joined(parts)) == SMALL


def photograph(drawing: str) -> bytes:
    """What a camera sees of a dark terminal: a grey picture (PGM)."""
    light = {"█": (255, 255), "▀": (255, 0), "▄": (0, 255), " ": (0, 0)}
    rows = [[light[mark][half] for mark in line] for line in drawing.split("\n") for half in (0, 1)]
    pixels = [bytes(value for value in row for _ in range(SCALE)) for row in rows for _ in range(SCALE)]
    return b"P5 %d %d 255\n" % (len(pixels[0]), len(pixels)) + b"".join(pixels)
