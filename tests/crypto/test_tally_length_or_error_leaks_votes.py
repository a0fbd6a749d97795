"""Nobody learns a result from how long a seal is, or from what an error says. And nothing is lost in packing."""

import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from crypto import codec, envelope
from crypto.errors import EncodingError, EvidenceError, StatementError
from crypto.packing import ciphertext_bytes, pack, packed_bytes, plaintext_bytes, unpack
from crypto.reports import check_report
from crypto.seal import open_tally, seal_tally
from crypto.statements import BallotStyle, ContestResult, SealedHeader, SealedTally, Tally
from crypto.submissions import check_submission
from crypto.wire import TYPE_TALLY
from tests.crypto.election_fixture import CONTESTS, COUNCIL, MAYOR, RESULTS, make_election, seed_of

BITS = 13  # 12 fields of 13 bits are not whole bytes, so padding is at work
WORLD = make_election(branches=1, count_bits=BITS)
MOST = 2**BITS - 1
counts = st.integers(0, MOST)

RESULT = {
    contest.id: st.builds(
        ContestResult,
        votes=st.fixed_dictionaries({candidate.code: counts for candidate in contest.candidates}),
        blank=counts if contest.blank else st.none(),
        valid=counts,
        invalid=counts,
        ballots=counts,
    )
    for contest in CONTESTS
}
tallies = st.builds(
    lambda results, counter: WORLD.tally("branch-1", results=results, public_counter=counter),
    st.fixed_dictionaries(RESULT),
    counts,
)


def header() -> SealedHeader:
    fields = {
        name: getattr(WORLD.submission("branch-1"), name)
        for name in WORLD.submission("branch-1").__struct_fields__
    }
    return SealedHeader(**fields, kid="election-key-1", inner_sha256="0" * 64)


HEADER = header()


def seal(tally: Tally, world: Any = WORLD) -> bytes:
    return seal_tally(
        world.submission("branch-1"),
        tally_envelope=world.signed_by_terminal(tally),
        blind=seed_of("blind"),
        device_key=world.devices["device-1"],
        manifest=world.loaded,
        ephemeral=seed_of("ephemeral"),
    )


def text_of(error: BaseException) -> str:
    """All that a log could show of an error: its message and those of the errors behind it."""
    return "".join(traceback.TracebackException.from_exception(error).format(chain=True))


LENGTH = len(seal(WORLD.tally("branch-1", results=RESULTS)))


@given(tallies)
def test_every_result_of_a_style_has_the_same_length_and_comes_back(tally: Tally) -> None:
    data = seal(tally)
    assert len(data) == LENGTH
    sealed = check_submission(data, WORLD.loaded).statement
    assert isinstance(sealed, SealedTally)
    assert len(codec.unb64(sealed.ciphertext)) == ciphertext_bytes(WORLD.loaded, "branch-1")
    assert open_tally(sealed, WORLD.election_private_key, WORLD.loaded).tally == tally


@given(tallies, tallies)
def test_packing_is_one_to_one(one: Tally, other: Tally) -> None:
    assert unpack(pack(one, WORLD.loaded), HEADER, WORLD.loaded) == one
    assert (pack(one, WORLD.loaded) == pack(other, WORLD.loaded)) == (one == other)


def test_counts_stand_in_manifest_order_big_endian() -> None:
    world = make_election(branches=1, count_bits=8)
    results = {
        MAYOR: ContestResult(votes={"2": 8, "02": 7}, blank=9, valid=10, invalid=11, ballots=12),
        COUNCIL: ContestResult(votes={"41": 3, "5": 2, "2": 1}, valid=4, invalid=5, ballots=6),
    }
    tally = world.tally("branch-1", results=results, public_counter=13)
    assert pack(tally, world.loaded) == bytes(range(1, 14))


def test_lengths_follow_from_the_style() -> None:
    # 3 + 2 candidates, one blank column, 2 x (valid, invalid, ballots), public counter
    assert packed_bytes(WORLD.loaded, "branch-1") == (13 * BITS + 7) // 8
    assert plaintext_bytes(WORLD.loaded, "branch-1") == 8 + 22 + 32 + 64 + 64
    assert ciphertext_bytes(WORLD.loaded, "branch-1") == plaintext_bytes(WORLD.loaded, "branch-1") + 16


def test_padding_or_length_other_than_ours_is_refused() -> None:
    packed = pack(WORLD.tally("branch-1"), WORLD.loaded)
    assert -13 * BITS % 8
    with pytest.raises(StatementError, match="padded"):
        unpack(packed[:-1] + bytes([packed[-1] | 1]), HEADER, WORLD.loaded)
    for wrong in (packed[:-1], packed + b"\0", b""):
        with pytest.raises(StatementError, match="bytes"):
            unpack(wrong, HEADER, WORLD.loaded)


def too_large(place: str) -> Tally:
    """A tally with one count, 8,754 or the like, that needs one bit more than there is."""
    tally = WORLD.tally("branch-1")
    result = tally.contests[MAYOR]
    if place == "public_counter":
        return structs.replace(tally, public_counter=OVERFLOW)
    changed = (
        structs.replace(result, **{place: OVERFLOW})
        if place in ContestResult.__struct_fields__
        else structs.replace(result, votes={**result.votes, place: OVERFLOW})
    )
    return structs.replace(tally, contests={**tally.contests, MAYOR: changed})


OVERFLOW = 2**BITS + 562


@pytest.mark.parametrize(
    ("place", "named"),
    [
        ("02", f"code '02' of contest '{MAYOR}'"),
        ("2", f"code '2' of contest '{MAYOR}'"),
        ("blank", f"'blank' of contest '{MAYOR}'"),
        ("valid", f"'valid' of contest '{MAYOR}'"),
        ("invalid", f"'invalid' of contest '{MAYOR}'"),
        ("ballots", f"'ballots' of contest '{MAYOR}'"),
        ("public_counter", "the public counter"),
    ],
)
def test_a_count_that_does_not_fit_is_named_but_not_quoted(place: str, named: str) -> None:
    with pytest.raises(StatementError, match=f"{named} does not fit into the {BITS} bits") as caught:
        seal(too_large(place))
    assert str(OVERFLOW) not in text_of(caught.value)


def test_the_greatest_count_fits() -> None:
    tally = WORLD.tally("branch-1", public_counter=MOST)
    assert unpack(pack(tally, WORLD.loaded), HEADER, WORLD.loaded) == tally


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"votes": {"02": 54321}}, f"contest '{MAYOR}' lacks code '2'"),
        ({"votes": {"02": 1, "2": 1, "3": 54321}}, f"contest '{MAYOR}' has an undefined code '3'"),
        ({"votes": {"2": 54321, "20": 54321}}, f"contest '{MAYOR}' lacks code '02'"),
        ({"blank": None}, f"contest '{MAYOR}' lacks the blank column"),
    ],
)
def test_wrong_codes_are_named_and_counts_are_not_quoted(change: dict[str, Any], named: str) -> None:
    tally = WORLD.tally("branch-1")
    changed = structs.replace(tally.contests[MAYOR], **change)
    tally = structs.replace(tally, contests={**tally.contests, MAYOR: changed})
    for attempt in (seal, lambda tally: pack(tally, WORLD.loaded)):
        with pytest.raises(StatementError, match=named) as caught:
            attempt(tally)
        assert "54321" not in text_of(caught.value)


@pytest.mark.parametrize(
    "number", ["54321.0", "-54321", "5432154321543215432", '"54321"', "[54321]", "054321", "5.4321e4"]
)
def test_a_malformed_tally_is_refused_without_quoting_it(number: str) -> None:
    payload = codec.to_bytes(WORLD.tally("branch-1", public_counter=1234)).replace(b"1234", number.encode())
    data = envelope.sign(TYPE_TALLY, payload, [WORLD.terminals["terminal-1-1"]]).to_bytes()
    with pytest.raises(EvidenceError) as caught:
        check_report(data, WORLD.loaded, branch="branch-1", terminal="terminal-1-1", kind="tally")
    shown = text_of(caught.value)
    assert "54321" not in shown
    assert "4321e" not in shown


def test_a_tally_that_is_not_canonical_names_the_terminal() -> None:
    payload = codec.to_bytes(WORLD.tally("branch-1")) + b"\n"
    data = envelope.sign(TYPE_TALLY, payload, [WORLD.terminals["terminal-1-1"]]).to_bytes()
    with pytest.raises(EncodingError, match="Tally of terminal 'terminal-1-1' is signed, but not canonical"):
        check_report(data, WORLD.loaded, branch="branch-1", terminal="terminal-1-1", kind="tally")


def test_two_styles_may_differ_in_length() -> None:
    """The counterpart: length is not constant by accident, it follows the style."""
    narrow = make_election(branches=1, count_bits=BITS + 3)
    assert isinstance(narrow.manifest.ballot_styles[0], BallotStyle)
    assert len(seal(narrow.tally("branch-1"), narrow)) > LENGTH
