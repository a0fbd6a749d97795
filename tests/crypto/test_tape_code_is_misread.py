"""Codes of a tally tape: missing, doubled, mixed up, misread, of another election; and Base45 by its own examples."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import tape_code
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError
from crypto.statements import Candidate, Contest, ContestResult
from crypto.tape_code import CODE_CHARS_MAX, TapeCodeError, base45, from_base45
from tests.crypto.election_fixture import COUNCIL, RESULTS, Election, key_of, make_election

ONE = make_election(2)
LONG = Contest(
    id="council:1",
    title="شورا",
    candidates=tuple(Candidate(code=str(number), name=f"n{number}") for number in range(1, 501)),
)
MANY = make_election(1, contests=(LONG,))


def codes(election: Election = ONE, branch: str = "branch-1", terminal: str = "terminal-1-1") -> list[str]:
    results = RESULTS
    if election is MANY:
        results = {
            LONG.id: ContestResult(
                votes={c.code: int(c.code) for c in LONG.candidates}, valid=1, invalid=0, ballots=1
            )
        }
    tally = election.tally(branch, results=results)
    data = election.signed_by_terminal(tally).to_bytes()
    return tape_code.write(data, election.loaded, branch=branch, terminal=terminal)


@pytest.mark.parametrize(
    ("plain", "coded"),
    [(b"AB", "BB8"), (b"Hello!!", "%69 VD92EX0"), (b"base-45", "UJCLQE7W581"), (b"ietf!", "QED8WEX0")],
)
def test_base45_differs_from_rfc_9285(plain: bytes, coded: str) -> None:
    assert base45(plain) == coded
    assert from_base45(coded) == plain


@given(st.binary(max_size=200))
def test_base45_loses_bytes(data: bytes) -> None:
    assert from_base45(base45(data)) == data


@given(st.text(alphabet="0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:a\n", max_size=40))
def test_two_texts_are_one_in_base45(text: str) -> None:
    with contextlib.suppress(TapeCodeError):
        assert base45(from_base45(text)) == text


def test_tally_does_not_come_back() -> None:
    for election in (ONE, MANY):
        texts = codes(election)
        assert all(len(text) <= CODE_CHARS_MAX for text in texts)
        tally, envelope = tape_code.read([*reversed(texts), texts[0]], election.loaded)
        assert election.signed_by_terminal(tally).to_bytes() == envelope
    assert len(codes(ONE)) == 1
    assert len(codes(MANY)) > 1


def test_code_is_missing_or_of_another_tape() -> None:
    first, *rest = codes(MANY)
    with pytest.raises(TapeCodeError, match="missing: 1"):
        tape_code.read(rest, MANY.loaded)
    with pytest.raises(TapeCodeError, match="2 different tapes"):
        tape_code.read([first, *codes(ONE)], MANY.loaded)
    with pytest.raises(TapeCodeError, match="twice"):
        tape_code.read([first, *rest, first[:-3] + "001"], MANY.loaded)
    with pytest.raises(TapeCodeError, match="0 different"):
        tape_code.read([], MANY.loaded)


def test_code_is_of_another_election() -> None:
    with pytest.raises(ManifestError, match="under manifest"):
        tape_code.read(codes(MANY), ONE.loaded)


@given(st.integers(min_value=0), st.sampled_from("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:"))
def test_one_letter_is_misread(place: int, letter: str) -> None:
    (text,) = codes()
    place %= len(text)
    if text[place] == letter:
        return
    with pytest.raises(EvidenceError):
        tape_code.read([text[:place] + letter + text[place + 1 :]], ONE.loaded)


def test_somebody_prints_other_counts() -> None:
    """The tag is no secret: a forger makes his own. The terminal's signature is what counts."""
    tally = ONE.tally("branch-1")
    forged = ONE.signed(tally, key_of("terminal-2-1")).to_bytes()
    with pytest.raises(SignatureInvalidError):
        tape_code.write(forged, ONE.loaded, branch="branch-1", terminal="terminal-1-1")
    (text,) = codes()
    whole = bytearray(from_base45(text[20:]))
    whole[30] ^= 1
    tag = tape_code.sha256(whole).hexdigest()[:8].upper()
    with pytest.raises(EvidenceError) as told:
        tape_code.read([f"BKT1:01/01:{tag}:{base45(bytes(whole))}"], ONE.loaded)
    assert str(RESULTS[COUNCIL].votes["41"]) not in str(told.value), "messages quote no count"


@given(st.lists(st.text(alphabet="BKT1:0/2ABCF% ", max_size=60), max_size=4))
def test_garbage_passes(texts: list[str]) -> None:
    with pytest.raises(EvidenceError):
        tape_code.read(texts, ONE.loaded)
