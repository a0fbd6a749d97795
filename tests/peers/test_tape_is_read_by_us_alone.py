"""Our ESC/POS bytes on a simulated printer's paper, its codes read by zbarimg: the tape alone is a signed tally."""

import subprocess
from pathlib import Path
from typing import Final

import pytest

from crypto import tape_code
from crypto.statements import Candidate, Contest, ContestResult
from drivers.ports import Tape
from drivers.printer import encode
from kit.tape.documents import Subject
from kit.tape.maker import TapeMaker
from simulators.devices.printer import PrinterModel, make_printer
from tests.crypto.election_fixture import RESULTS, Election, make_election
from tests.peers import require_program

pytestmark = pytest.mark.peer("zbarimg")

AT: Final = "2027-06-18T14:31:00.000Z"
LONG: Final = Contest(
    id="council:1",
    title="انتخابات شورا",
    candidates=tuple(Candidate(code=f"{number}", name=f"نامزد شمارهٔ {number}") for number in range(1, 301)),
)


def many() -> tuple[Election, bytes]:
    """300 candidates: their counts do not fit into one code."""
    election = make_election(1, contests=(LONG,))
    votes = {candidate.code: 7 * int(candidate.code) for candidate in LONG.candidates}
    valid = sum(votes.values())
    result = ContestResult(votes=votes, valid=min(valid, 60_000), invalid=3, ballots=60_003)
    tally = election.tally("branch-1", results={LONG.id: result}, public_counter=60_003)
    return election, election.signed_by_terminal(tally).to_bytes()


def few() -> tuple[Election, bytes]:
    election = make_election(1)
    return election, election.signed_by_terminal(election.tally("branch-1")).to_bytes()


def tape(election: Election, tally: bytes, width: int) -> Tape:
    maker = TapeMaker(election.loaded, "branch-1", width_dots=width, font=None)
    return maker.make("tally", "tally", Subject("terminal-1-1", tally, AT, 1))


def printed(model: PrinterModel, what: Tape, path: Path) -> Path:
    """On paper, in bites that the printer's buffer takes."""
    pieces = [encode.begin(), *map(encode.band, what.bands), encode.cut()]
    for number, piece in enumerate(pieces):
        model.feed(piece, number * 1000)
    model.tick(len(pieces) * 1000)
    model.command(["save", str(path)], len(pieces) * 1000)
    assert model.state(len(pieces) * 1000)["tapes"] == 1
    assert (model.lost_bytes, model.unknown) == (0, 0)
    return path


def read(path: Path) -> list[str]:
    """Every code in a picture; each is there twice."""
    command = [require_program("zbarimg"), "--quiet", "--raw", str(path)]
    ran = subprocess.run(command, capture_output=True, check=True, timeout=60, text=True)
    return sorted(set(ran.stdout.split("\n")[:-1]))


@pytest.mark.parametrize("width", [576, 384])
def test_tape_alone_is_a_signed_tally(tmp_path: Path, width: int) -> None:
    election, tally = few()
    path = printed(make_printer(width_dots=width), tape(election, tally, width), tmp_path / "tape.png")
    codes = read(path)
    assert len(codes) == 1
    report, envelope = tape_code.read(codes, election.loaded)
    assert envelope == tally, "byte for byte what the terminal signed"
    assert report.contests == RESULTS


def test_tally_needs_several_codes(tmp_path: Path) -> None:
    election, tally = many()
    path = printed(make_printer(), tape(election, tally, 576), tmp_path / "tape.png")
    codes = read(path)
    assert len(codes) > 1
    _, envelope = tape_code.read(reversed(codes), election.loaded)
    assert envelope == tally


@pytest.mark.parametrize("dead", [(40, 1), (52, 2), (97, 4), (400, 1), (425, 3), (540, 4)])
def test_dots_of_the_print_head_are_dead(tmp_path: Path, dead: tuple[int, int]) -> None:
    """A white stripe down the whole tape, up to one module wide: every code is there twice, at different dots."""
    election, tally = few()
    model = make_printer()
    model.command(["dots", "dead", str(dead[0]), str(dead[1])], 0)
    path = printed(model, tape(election, tally, 576), tmp_path / "tape.png")
    _, envelope = tape_code.read(read(path), election.loaded)
    assert envelope == tally


def test_half_a_tape_is_no_tally(tmp_path: Path) -> None:
    """The paper ended in the middle of the code: no reader makes a tally of it."""
    election, tally = few()
    model = make_printer()
    whole = tape(election, tally, 576)
    rows = sum(band.height for band in whole.bands)
    model.command(["paper", "left", str(rows - 500)], 0)
    for number, band in enumerate(whole.bands):
        model.feed(encode.band(band), number * 1000)
    path = tmp_path / "half.png"
    model.command(["save", str(path)], 10_000_000)
    command = [require_program("zbarimg"), "--quiet", "--raw", str(path)]
    ran = subprocess.run(command, capture_output=True, check=False, timeout=60, text=True)
    assert ran.stdout == ""
