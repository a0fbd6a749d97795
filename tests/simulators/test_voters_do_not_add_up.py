"""However voters arrive, the counts of the day end exactly at the station's row, and never pass it."""

from collections.abc import Mapping
from pathlib import Path
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices import urn
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_wire import Kind
from simulators.results import StationContest, load_results
from tests.simulators.terminal_asker import TRUTH, VOTERS, do, make_terminal

SAMPLE = Path(__file__).parents[2] / "simulators" / "sample" / "georgia-2017"


def counted(model: TerminalModel) -> Mapping[str, urn.ContestCount]:
    return model.durable["counted"]


def nothing(truth: Mapping[str, StationContest]) -> dict[str, urn.ContestCount]:
    return {
        contest_id: {"votes": dict.fromkeys(contest.votes, 0), "invalid": 0}
        for contest_id, contest in truth.items()
    }


def test_voters_one_by_one_end_at_the_row_and_never_pass_it() -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    rng = Random(3)
    for number in range(1, VOTERS + 1):
        assert model.cast(rng)
        assert model.cast_progress == (number, VOTERS)
        # The fullest contest is the counter: no voter leaves without having voted.
        assert max(urn.ballots_of(count) for count in counted(model).values()) == number
        for contest_id, count in counted(model).items():
            assert count["invalid"] <= TRUTH[contest_id].invalid
            assert all(votes <= TRUTH[contest_id].votes[code] for code, votes in count["votes"].items())
    assert not model.cast(rng)
    assert {c: (count["votes"], count["invalid"]) for c, count in counted(model).items()} == {
        c: (contest.votes, contest.invalid) for c, contest in TRUTH.items()
    }


def test_nobody_votes_at_a_terminal_that_is_not_open() -> None:
    model = make_terminal()
    for commands in ((), (Kind.ZERO,), (Kind.OPEN, Kind.SUSPEND), (Kind.CLOSE,), (Kind.TALLY,)):
        do(model, *commands)
        assert not model.cast(Random(1))
        assert model.cast_all() == 0
    assert model.cast_progress == (0, VOTERS)


def test_order_of_voters_depends_on_the_seed_alone() -> None:
    def after_ten(seed: int) -> object:
        model = make_terminal()
        do(model, Kind.ZERO, Kind.OPEN)
        rng = Random(seed)
        for _ in range(10):
            model.cast(rng)
        return counted(model)

    assert after_ten(1) == after_ten(1)
    assert after_ten(1) != after_ten(2)


contests = st.builds(
    lambda votes, invalid: StationContest("mayor", votes, sum(votes.values()), invalid, 0, 0),
    st.dictionaries(st.sampled_from("ABCD"), st.integers(0, 9), min_size=1),
    st.integers(0, 4),
)


@given(
    st.dictionaries(st.sampled_from("xyz"), contests, min_size=1), st.integers(0, 2**32), st.integers(0, 60)
)
def test_any_counts_are_reached_from_anywhere(
    truth: dict[str, StationContest], seed: int, alone: int
) -> None:
    voters = urn.voters_of(truth)
    count = nothing(truth)
    rng = Random(seed)
    for left in range(voters, max(0, voters - alone), -1):
        urn.cast_one(truth, count, left, rng)
        for contest_id, contest in truth.items():
            cast = urn.ballots_of(count[contest_id])
            assert cast <= voters - left + 1
            assert contest.ballots - cast <= left - 1  # whoever is still to come can bring what is missing
    if alone < voters:
        urn.cast_rest(truth, count)
    assert count == {c: {"votes": contest.votes, "invalid": contest.invalid} for c, contest in truth.items()}


@pytest.mark.parametrize("branch_id", ["1-7", "14-1", "29-7", "38-1"])
def test_real_stations_end_at_their_rows(branch_id: str) -> None:
    (station,) = (s for s in load_results(SAMPLE).stations if s.branch_id == branch_id)
    count = nothing(station.contests)
    rng = Random(branch_id)
    for left in range(urn.voters_of(station.contests), 0, -1):
        urn.cast_one(station.contests, count, left, rng)
    assert {c: (one["votes"], one["invalid"]) for c, one in count.items()} == {
        c: (contest.votes, contest.invalid) for c, contest in station.contests.items()
    }
