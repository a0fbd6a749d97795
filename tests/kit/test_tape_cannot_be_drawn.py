"""Fonts that are missing, names that are too long, scripts that run both ways, tapes that never end."""

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import features

from crypto.statements import Candidate, Contest, ContestResult
from drivers.ports import BANDS_MAX, Band
from drivers.printer import encode
from kit import exit_codes
from kit.tape import fonts
from kit.tape.blocks import Block, Both, Code, Gap, Line, Row, Rule
from kit.tape.documents import Subject
from kit.tape.draw import BAND_ROWS, TapeLengthError, bands, is_rtl, wrapped
from kit.tape.fonts import Fonts, TapeFontError
from kit.tape.maker import TapeMaker
from kit.tape.words import FINDING
from tests.crypto.election_fixture import make_election
from tests.kit.commission import ELECTION, commission, run

FONTS = Fonts(None)


def dots(drawn: tuple[Band, ...]) -> int:
    return sum(byte.bit_count() for band in drawn for byte in band.rows)


def columns(drawn: tuple[Band, ...]) -> tuple[int, int]:
    """The first and the last dot of a row that is ever black."""
    width = drawn[0].width
    rows = b"".join(band.rows for band in drawn)
    black = 0
    for at in range(0, len(rows), width // 8):
        black |= int.from_bytes(rows[at : at + width // 8], "big")
    bits = f"{black:0{width}b}"
    return bits.index("1"), bits.rindex("1")


def test_font_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fonts, "WELL_KNOWN", ("/nowhere/a.ttf",))
    with pytest.raises(TapeFontError, match="fonts-dejavu-core"):
        Fonts(None)


def test_font_is_none(tmp_path: Path) -> None:
    path = tmp_path / "x.ttf"
    path.write_text("no font")
    with pytest.raises(TapeFontError, match=r"printer\.font"):
        Fonts(str(path))


def test_letters_would_not_be_joined(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features, "check_feature", lambda _: False)
    with pytest.raises(TapeFontError, match="raqm"):
        Fonts(None)


@pytest.mark.parametrize("width", [384, 576])
@pytest.mark.parametrize(
    "block",
    [
        Line("نام بسیار دراز " * 12),
        Line("W" * 200, "large"),
        Both("نوار شمارش " * 6, "tally tape " * 6),
        Row("Номер один " * 9, "41", "16777215"),
        Row("x" * 300, "0123456789ABCDEF", "16777215"),
        Line("سلام hello سلام 123", "small", centred=True),
        Code("A" * 656),
        Rule(),
    ],
)
def test_block_is_cut_off_at_the_edge(width: int, block: Block) -> None:
    drawn = bands((block,), width, FONTS)
    assert dots(drawn) > 0
    first, last = columns(drawn)
    edge = 0 if isinstance(block, Rule) else 4
    assert edge <= first <= last <= width - 1 - edge
    for band in drawn:
        encode.check(band)


def test_persian_starts_on_the_left() -> None:
    persian, english = bands((Line("سلام"),), 576, FONTS), bands((Line("peace"),), 576, FONTS)
    assert columns(persian)[0] > 288 > columns(english)[1]
    assert is_rtl("۱۲ نفر")
    assert not is_rtl("1 voter نفر")
    assert not is_rtl("123")


def test_joined_letters_are_those_of_single_ones() -> None:
    """Shaped text is narrower than its letters one by one: they are joined."""
    font = FONTS["large"]
    word = "شمارش"
    assert font.getlength(word, direction="rtl") < sum(font.getlength(letter) for letter in word)


def test_words_get_lost_in_wrapping() -> None:
    text = "one two three " + "y" * 90 + " four"
    lines = wrapped(text, FONTS["normal"], 200)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(FONTS["normal"].getlength(line) <= 200 for line in lines)


def test_tape_never_ends() -> None:
    with pytest.raises(TapeLengthError):
        bands((Gap(BANDS_MAX * BAND_ROWS + 1),), 384, FONTS)


def test_scripts_of_names_are_boxes() -> None:
    """Each of these letters has a shape of its own in the font."""
    font = FONTS["normal"]
    missing = bytes(font.getmask("\U0010fffd"))
    for letter in "چژگیΔЖљשთՀāß":
        assert bytes(font.getmask(letter)) != missing, letter


def test_hundreds_of_candidates_are_on_it() -> None:
    contest = Contest(
        id="c:1",
        title="شورا",
        candidates=tuple(Candidate(code=str(n), name=f"نامزد {n}") for n in range(1, 401)),
    )
    election = make_election(1, contests=(contest,))
    result = ContestResult(votes={c.code: 1 for c in contest.candidates}, valid=400, invalid=0, ballots=400)
    data = election.signed_by_terminal(
        election.tally("branch-1", results={contest.id: result}, public_counter=400)
    ).to_bytes()
    maker = TapeMaker(election.loaded, "branch-1", width_dots=384, font=None)
    tape = maker.make("x", "tally", Subject("terminal-1-1", data, "2027-06-18T14:31:00.000Z", 2))
    assert sum(band.height for band in tape.bands) > 400 * 24
    assert len(tape.bands) <= BANDS_MAX


def test_finding_has_no_words() -> None:
    from typing import get_args

    from crypto.statements import Finding

    assert set(FINDING) == set(get_args(Finding.__annotations__["code"]))


def test_kit_without_a_printer_pays_for_one() -> None:
    """Neither Pillow nor python-escpos is loaded by kitd itself."""
    code = "import kit.cli.kitd, kit.daemon, sys; print([m for m in ('PIL', 'escpos') if m in sys.modules])"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "[]\n"


def test_codes_are_read_by_kitctl(tmp_path: Path) -> None:
    from crypto import tape_code

    tally = ELECTION.signed_by_terminal(ELECTION.tally("branch-1")).to_bytes()
    (text,) = tape_code.write(tally, ELECTION.loaded, branch="branch-1", terminal="terminal-1-1")
    codes, config, envelope = tmp_path / "codes", commission(tmp_path), tmp_path / "tally.dsse.json"
    codes.write_text(f"QR-Code:{text}\n{text}\n")
    ran = run("kitctl", "tape", "read", codes, "--config", config, "--envelope", envelope)
    assert ran.returncode == exit_codes.OK, ran.stderr
    assert "480  41  Georgian Dream" in ran.stdout
    assert envelope.read_bytes() == tally
    codes.write_text(text[:-1])
    assert run("kitctl", "tape", "read", codes, "--config", config).returncode == exit_codes.DATA
    assert run("kitctl", "tape", "read", tmp_path / "none", "--config", config).returncode != exit_codes.OK
