"""A carrier is as short as was promised, and its length says nothing of the result."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto.carrier import from_compact, to_compact
from crypto.packing import ciphertext_bytes
from crypto.sms import PART_OCTETS, split
from crypto.statements import ContestResult, JournalCheckpoint
from tests.crypto.carrier_world import HASH, OTHER_HASH, account, outer, results_of, sealed, world
from tests.crypto.election_fixture import make_election

FIVE_MESSAGES = 670
OUTSIDE = (
    58 + 32 + 32 + 48 + 64
)  # header, inner_sha256, enc, enc_proof, signature: all but the ciphertext and the chain's hashes

GREATEST: dict[str, Any] = {
    "close_no": 2**31,
    "seq": 2**31,
    "prev": HASH,
    "journal": JournalCheckpoint(size=2**53 - 1, root=HASH),
}


@pytest.mark.parametrize(
    ("contests", "candidates", "count_bits", "blank", "size"),
    [
        (3, 40, 12, False, 645),
        (3, 40, 12, True, 650),
        (3, 40, 13, False, 662),
        (3, 40, 13, True, 667),
        (1, 2000, 12, False, 3456),
        (1, 2000, 14, True, 3959),
        (1, 40, 24, True, 585),
    ],
)
def test_the_promised_sizes(contests: int, candidates: int, count_bits: int, blank: bool, size: int) -> None:
    election = world(contests, candidates, count_bits, blank=blank)
    greatest = outer(election, **GREATEST)
    tally = election.tally(
        "branch-1",
        close_no=2**31,
        results=results_of(election, 2**count_bits - 1),
        public_counter=2**count_bits - 1,
    )
    data = sealed(election, greatest, tally)
    packed = to_compact(data, election.loaded)
    assert from_compact(packed, election.loaded) == data
    assert len(packed) == size == OUTSIDE + 32 + ciphertext_bytes(election.loaded, "branch-1")
    if (contests, candidates) == (3, 40):
        assert size <= FIVE_MESSAGES == 5 * PART_OCTETS
        assert len(split(packed, reference=0)) == 5
    else:
        assert size <= 4096


def test_wider_counts_take_a_sixth_message() -> None:
    """What does not fit is said in the page, not hidden: 14 bits and more."""
    for count_bits, size in ((14, 678), (16, 710)):
        election = world(3, 40, count_bits)
        tally = election.tally("branch-1", results=results_of(election, 1))
        packed = to_compact(sealed(election, outer(election, prev=HASH), tally), election.loaded)
        assert len(packed) == size > FIVE_MESSAGES
        assert len(split(packed, reference=0)) == 6


def test_an_envelope_that_supersedes_another_needs_32_bytes_more() -> None:
    election = world(3, 40, 12, blank=True)
    tally = election.tally("branch-1", results=results_of(election, 5))
    chain: tuple[dict[str, Any], ...] = {}, {"supersedes": OTHER_HASH}
    first, later = (
        to_compact(sealed(election, outer(election, prev=HASH, **more), tally), election.loaded)
        for more in chain
    )
    assert len(later) == len(first) + 32
    assert [len(split(data, reference=0)) for data in (first, later)] == [5, 6]


def test_an_account_fits_three_messages() -> None:
    election = make_election(branches=1)
    packed = to_compact(account(election, outer(election, **GREATEST | {"close_no": 1})), election.loaded)
    assert len(split(packed, reference=0)) <= 3


STYLE = world(3, 40, 12, blank=True)
counts = st.integers(0, 2**12 - 1)
results = st.fixed_dictionaries(
    {
        contest.id: st.builds(
            ContestResult,
            votes=st.lists(counts, min_size=40, max_size=40).map(
                lambda votes: {str(code): number for code, number in enumerate(votes, 1)}
            ),
            blank=counts,
            valid=counts,
            invalid=counts,
            ballots=counts,
        )
        for contest in STYLE.manifest.contests
    }
)


@given(results, counts, st.integers(1, 2**31), st.integers(1, 2**31), st.integers(0, 2**53 - 1))
def test_any_result_has_the_same_length(
    result: dict[str, ContestResult], counter: int, seq: int, close_no: int, journal_size: int
) -> None:
    """Nor do the numbers around it matter: a journal may grow with what happens at a branch."""
    fields = outer(STYLE, seq=seq, close_no=close_no, journal=JournalCheckpoint(size=journal_size, root=HASH))
    tally = STYLE.tally("branch-1", close_no=close_no, results=result, public_counter=counter)
    packed = to_compact(sealed(STYLE, fields, tally), STYLE.loaded)
    assert len(packed) == OUTSIDE + ciphertext_bytes(STYLE.loaded, "branch-1")


@pytest.mark.parametrize("unanimous", [0, 1, 2**12 - 1])
def test_a_unanimous_result_has_the_same_length(unanimous: int) -> None:
    tally = STYLE.tally("branch-1", results=results_of(STYLE, unanimous), public_counter=unanimous)
    packed = to_compact(sealed(STYLE, outer(STYLE), tally), STYLE.loaded)
    assert len(packed) == OUTSIDE + ciphertext_bytes(STYLE.loaded, "branch-1")
