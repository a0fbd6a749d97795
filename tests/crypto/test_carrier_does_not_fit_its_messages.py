"""A carrier is as short as was promised, and its length says nothing of the result."""

from collections import defaultdict
from hashlib import sha256
from itertools import count, groupby
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import codec
from crypto.carrier import from_compact, to_compact
from crypto.envelope import Envelope, sign
from crypto.packing import ciphertext_bytes
from crypto.seal import seal_tally
from crypto.sms import PART_OCTETS, split
from crypto.statements import ContestResult, Endpoint, JournalCheckpoint, Submission, Tally
from crypto.wire import TYPE_TALLY
from simulators.election import Election, Times, commission, terminal_of
from simulators.results import Results, Station, load_results
from tests.crypto.carrier_world import HASH, OTHER_HASH, account, outer, results_of, sealed, world
from tests.crypto.election_fixture import make_election, seed_of

SAMPLE = Path(__file__).parents[2] / "simulators" / "sample" / "georgia-2017"
FULL = Path(__file__).parents[3] / "shared" / "data" / "georgia-2017"

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


def check_real_results(tables: Results, stations: list[Station]) -> int:
    """Seal and pack each station's result; one length a ballot style. Returns how many styles have two stations."""
    numbers = count()
    election = commission(
        tables,
        stations,
        Times(0, 1, 1, 2),
        lambda size: sha256(b"%d" % next(numbers)).digest()[:size],
        Endpoint(host="127.0.0.1", port=1883),
    )
    lengths: dict[str, set[int]] = defaultdict(set)
    stations_of: dict[str, int] = defaultdict(int)
    for station in stations:
        data = real_envelope(election, station)
        packed = to_compact(data, election.trusted)
        assert from_compact(packed, election.trusted) == data
        assert len(packed) <= FIVE_MESSAGES
        style = election.trusted.branch(station.branch_id).style
        lengths[style].add(len(packed))
        stations_of[style] += 1
    assert all(len(seen) == 1 for seen in lengths.values())
    return sum(number > 1 for number in stations_of.values())


def real_envelope(election: Election, station: Station) -> bytes:
    branch = election.trusted.branch(station.branch_id)
    manifest = election.trusted.manifest
    head: dict[str, Any] = {
        "election": manifest.election,
        "round": manifest.round,
        "branch": branch.id,
        "terminal": terminal_of(branch.id),
        "manifest_sha256": election.trusted.sha256,
        "close_no": 1,
    }
    tally = Tally(
        **head,
        definition_sha256=election.trusted.definition_sha256(branch.id),
        contests={
            name: ContestResult(
                votes=dict(one.votes), valid=one.valid, invalid=one.invalid, ballots=one.ballots
            )
            for name, one in station.contests.items()
        },
        public_counter=max(one.ballots for one in station.contests.values()),
    )
    submission = Submission(
        **head,
        device=branch.device,
        seq=2,
        prev=HASH,
        journal=JournalCheckpoint(size=station.contests[next(iter(station.contests))].ballots, root=HASH),
        supersedes=None,
        cause="first",
    )
    return seal_tally(
        submission,
        tally_envelope=signed_by(election, tally),
        blind=seed_of("blind"),
        device_key=election.devices[branch.device],
        manifest=election.trusted,
        ephemeral=seed_of("ephemeral"),
    )


def signed_by(election: Election, tally: Tally) -> Envelope:
    return sign(TYPE_TALLY, codec.to_bytes(tally), [election.terminals[tally.terminal]])


def test_real_results_of_a_style_have_the_same_length() -> None:
    tables = load_results(SAMPLE)
    assert check_real_results(tables, list(tables.stations)) >= 5


@pytest.mark.skipif(not FULL.exists(), reason="shared/data is not beside this clone")
def test_more_real_results_of_a_style_have_the_same_length() -> None:
    """The styles of the full tables that most stations share: there differences would show."""
    tables = load_results(FULL)
    ordered = sorted(tables.stations, key=lambda station: tuple(station.contests))
    groups = [list(group) for _, group in groupby(ordered, key=lambda station: tuple(station.contests))]
    largest = sorted(groups, key=len, reverse=True)[:10]
    assert check_real_results(tables, [station for group in largest for station in group]) == 10
