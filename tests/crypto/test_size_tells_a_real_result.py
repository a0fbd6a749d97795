"""Somebody who sees only how long a sealed tally is learns the ballot style, and nothing of a result that really was.

Results are those of the 2017 Georgian council elections: all 3,634 stations where the tables lie beside this clone,
else the 64 that are in it. Every station's tally is sealed under its own ballot style; to the compact carrier and back
goes one station in twelve, which is slower, and whose length depends on nothing else.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import cache
from hashlib import shake_256
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from crypto import codec
from crypto.carrier import from_compact, to_compact
from crypto.envelope import Envelope, sign
from crypto.packing import ciphertext_bytes, pack, packed_bytes, unpack
from crypto.seal import seal_tally
from crypto.statements import (
    Candidate,
    Contest,
    ContestResult,
    Endpoint,
    JournalCheckpoint,
    SealedHeader,
    SealedTally,
    Submission,
    Tally,
)
from crypto.wire import TYPE_TALLY
from simulators.election import Election, Times, commission, terminal_of
from simulators.results import PARTY_LIST, Results, Station, StationContest, load_results
from tests.crypto.carrier_world import HASH, outer, sealed
from tests.crypto.election_fixture import make_election, seed_of

SAMPLE = Path(__file__).parents[2] / "simulators" / "sample" / "georgia-2017"
FULL = Path(__file__).parents[3] / "shared" / "data" / "georgia-2017"
FIVE_MESSAGES = 670
OUTSIDE = 58 + 32 + 32 + 32 + 48 + 64  # header, prev, inner_sha256, enc, enc_proof, signature
ONE_IN = 12  # stations that go through the carrier


@cache
def tables() -> Results:
    return load_results(FULL if FULL.exists() else SAMPLE)


@cache
def election() -> Election:
    numbers = count()
    return commission(
        tables(),
        tables().stations,
        Times(0, 1, 1, 2),
        lambda size: shake_256(b"%d" % next(numbers)).digest(size),
        Endpoint(host="127.0.0.1", port=1883),
    )


def result_of(one: StationContest) -> ContestResult:
    return ContestResult(votes=dict(one.votes), valid=one.valid, invalid=one.invalid, ballots=one.ballots)


def real_envelope(station: Station) -> bytes:
    manifest = election().trusted
    branch = manifest.branch(station.branch_id)
    head: dict[str, Any] = {
        "election": manifest.manifest.election,
        "round": manifest.manifest.round,
        "branch": branch.id,
        "terminal": terminal_of(branch.id),
        "manifest_sha256": manifest.sha256,
        "close_no": 1,
    }
    tally = Tally(
        **head,
        definition_sha256=manifest.definition_sha256(branch.id),
        contests={name: result_of(one) for name, one in station.contests.items()},
        public_counter=max(one.ballots for one in station.contests.values()),
    )
    journal = JournalCheckpoint(size=tally.public_counter, root=HASH)  # as if much happened where many voted
    submission = Submission(
        **head, device=branch.device, seq=2, prev=HASH, journal=journal, supersedes=None, cause="first"
    )
    return seal_tally(
        submission,
        tally_envelope=sign(TYPE_TALLY, codec.to_bytes(tally), [election().terminals[tally.terminal]]),
        blind=seed_of("blind"),
        device_key=election().devices[branch.device],
        manifest=manifest,
        ephemeral=seed_of("ephemeral"),
    )


def test_two_real_results_of_a_style_differ_in_the_length_of_their_seal() -> None:
    manifest = election().trusted
    lengths: dict[str, set[int]] = defaultdict(set)
    results: dict[str, set[str]] = defaultdict(set)
    for station in tables().stations:
        statement = codec.from_bytes(Envelope.from_bytes(real_envelope(station)).payload, SealedTally)
        length = len(codec.unb64(statement.ciphertext))
        assert length == ciphertext_bytes(manifest, station.branch_id)
        style = manifest.style_of(station.branch_id).id
        lengths[style].add(length)
        results[style].add(repr([result_of(one) for one in station.contests.values()]))
    assert all(len(seen) == 1 for seen in lengths.values())
    assert sum(len(different) > 1 for different in results.values()) >= 5


def test_two_real_results_of_a_style_differ_in_the_length_of_their_carrier() -> None:
    manifest = election().trusted
    for station in tables().stations[::ONE_IN]:
        data = real_envelope(station)
        packed = to_compact(data, manifest)
        assert from_compact(packed, manifest) == data
        assert len(packed) == OUTSIDE + ciphertext_bytes(manifest, station.branch_id) <= FIVE_MESSAGES


def party_lists() -> Iterator[tuple[tuple[str, ...], list[StationContest]]]:
    """The party-list results of all stations with the same lists on the ballot: up to 734 of one style."""
    groups: dict[tuple[str, ...], list[StationContest]] = defaultdict(list)
    for station in tables().stations:
        (one,) = (contest for contest in station.contests.values() if contest.file_stem == PARTY_LIST)
        groups[tuple(one.votes)].append(one)
    yield from groups.items()


def extremes(results: Sequence[StationContest]) -> list[StationContest]:
    """The largest, the smallest, the nearest to unanimity and the farthest from it."""
    shares = sorted(results, key=lambda one: max(one.votes.values()) / one.valid)
    sizes = sorted(results, key=lambda one: one.ballots)
    return [shares[0], shares[-1], sizes[0], sizes[-1]]


@pytest.mark.parametrize("count_bits", [11, 12, 13])
def test_hundreds_of_real_results_of_one_ballot_differ_in_length(count_bits: int) -> None:
    seen = 0
    for codes, results in party_lists():
        candidates = tuple(Candidate(code=code, name=f"List {code}") for code in codes)
        contest = Contest(id="lists", title="Lists", candidates=candidates)
        world = make_election(branches=1, count_bits=count_bits, contests=[contest])
        first = world.submission("branch-1")
        fields = {name: getattr(first, name) for name in first.__struct_fields__}
        header = SealedHeader(**fields, kid="election-key-1", inner_sha256=HASH)
        for one in results:
            tally = world.tally("branch-1", results={"lists": result_of(one)}, public_counter=one.ballots)
            packed = pack(tally, world.loaded)
            assert len(packed) == packed_bytes(world.loaded, "branch-1")
            assert unpack(packed, header, world.loaded) == tally
            seen += 1
        lengths = {
            len(sealed(world, outer(world), world.tally("branch-1", results={"lists": result_of(one)})))
            for one in extremes(results)
        }
        assert len(lengths) == 1  # of the whole DSSE JSON: here all else is equal too
    assert seen == len(tables().stations)
