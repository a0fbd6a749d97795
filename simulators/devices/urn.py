"""Voters who arrive in any order and leave, at the end of the day, exactly the counts that were given.

The true count is an urn that ballots are drawn from without putting them back. What is left in it follows from the
true count and what has been counted so far, so that no list of ballots exists anywhere: counts alone.
"""

from collections.abc import Mapping
from random import Random
from typing import TypedDict

from simulators.results import StationContest


class ContestCount(TypedDict):
    """What has been counted in one contest. ``votes`` has every candidate."""

    votes: dict[str, int]
    invalid: int


def ballots_of(count: ContestCount) -> int:
    """Ballots counted in a contest, valid and invalid."""
    return sum(count["votes"].values()) + count["invalid"]


def voters_of(truth: Mapping[str, StationContest]) -> int:
    """Voters of the day: contests differ in ballots, for not everyone votes in each; the fullest has everyone."""
    return max((contest.ballots for contest in truth.values()), default=0)


def cast_one(
    truth: Mapping[str, StationContest], counted: Mapping[str, ContestCount], voters_left: int, rng: Random
) -> None:
    """Draw the ballots of one of the ``voters_left`` (1 or more) voters and add them to ``counted``."""
    for contest_id, contest in truth.items():
        count = counted[contest_id]
        drawn = rng.randrange(voters_left)
        for code, votes in contest.votes.items():
            drawn -= votes - count["votes"][code]
            if drawn < 0:
                count["votes"][code] += 1
                break
        else:
            if drawn < contest.invalid - count["invalid"]:
                count["invalid"] += 1
            # Otherwise this voter takes no ballot in this contest.


def cast_rest(truth: Mapping[str, StationContest], counted: Mapping[str, ContestCount]) -> None:
    """Let everyone vote who has not: ``counted`` becomes the truth."""
    for contest_id, contest in truth.items():
        counted[contest_id]["votes"].update(contest.votes)
        counted[contest_id]["invalid"] = contest.invalid
