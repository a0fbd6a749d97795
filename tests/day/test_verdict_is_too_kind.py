"""The verdict itself: each of its checks fails for the lie it is there for, and for a true day none does."""

import copy
from collections.abc import Callable
from typing import Any, Final

import pytest

from simulators.cli import SAMPLE
from simulators.verdict import judge
from tests.day.real_day import stations_of

STATIONS: Final = stations_of(seed=4, branches=3)
FIRST: Final = STATIONS[0].branch_id

SEALED = "every branch sealed its tally"
LOGGED = "every sealed tally is in the centre's log"
RECEIPTED = "every branch holds a receipt that it verified itself"
OPENED = "every tally was opened and counted"
NOTHING_LOST = "nothing lost"
NOT_TWICE = "nothing counted or logged twice"
ROWS = "every station's numbers equal its rows in the input files"
SUMS = "the totals equal the input files' column sums"


class Day:
    """What a true day ends with; tests change it."""

    def __init__(self) -> None:
        self.received = [station.branch_id for station in STATIONS]
        self.statuses: dict[str, dict[str, Any]] = {
            branch: {"phase": "archived", "outbox": {"waiting": []}} for branch in self.received
        }
        self.units: list[dict[str, Any]] = [
            {
                "branch": station.branch_id,
                "status": "counted",
                "contests": {
                    contest: {
                        "votes": dict(row.votes),
                        "valid": row.valid,
                        "invalid": row.invalid,
                        "ballots": row.ballots,
                    }
                    for contest, row in station.contests.items()
                },
            }
            for station in STATIONS
        ]
        self.extra_votes = 0
        """Added by whoever sums."""

    def judged(self) -> dict[str, Any]:
        opening = {"units": self.units, "contests": self._sums(), "findings": []}
        return judge(SAMPLE, STATIONS, self.statuses, opening, self.received)

    def result(self, contest: int = 0) -> dict[str, Any]:
        """One result of the first station, to be changed."""
        result: dict[str, Any] = list(self.units[0]["contests"].values())[contest]
        return result

    def _sums(self) -> dict[str, dict[str, Any]]:
        sums: dict[str, dict[str, Any]] = {}
        for unit in self.units:
            for contest, result in unit["contests"].items() if unit["status"] == "counted" else ():
                total = sums.setdefault(contest, {"votes": {}, "valid": 0, "invalid": 0})
                for code, votes in result["votes"].items():
                    total["votes"][code] = total["votes"].get(code, 0) + votes
                total["valid"] += result["valid"]
                total["invalid"] += result["invalid"]
        first = next(iter(sums.values()))["votes"]
        first[next(iter(first))] += self.extra_votes
        return sums


def _lost(day: Day) -> None:
    del day.units[0], day.received[0]
    day.statuses[FIRST] = {"phase": "sending", "outbox": {"waiting": [{"seq": 2}]}}


def _set_aside(day: Day) -> None:
    day.units[0]["status"] = "set-aside"


def _never_heard_of(day: Day) -> None:
    del day.statuses[FIRST]


def _not_sealed(day: Day) -> None:
    day.statuses[FIRST]["phase"] = "tallied"


def _waiting(day: Day) -> None:
    day.statuses[FIRST]["outbox"]["waiting"] = [{"seq": 2}]


def _logged_twice(day: Day) -> None:
    day.received.append(FIRST)


def _not_logged(day: Day) -> None:
    day.received[0] = day.received[1]


def _counted_twice(day: Day) -> None:
    day.units.append(copy.deepcopy(day.units[0]))


def _extra_unit(day: Day) -> None:
    day.units.append(copy.deepcopy(day.units[0]) | {"branch": "99-99"})
    day.received.append("99-99")


def _one_vote_more(day: Day) -> None:
    votes = day.result()["votes"]
    votes[next(iter(votes))] += 1


def _one_vote_moved(day: Day) -> None:
    votes = day.result()["votes"]
    loser, winner = sorted(votes, key=lambda code: votes[code])[-2:]
    votes[loser], votes[winner] = votes[loser] + 1, votes[winner] - 1


def _votes_swapped_between_stations(day: Day) -> None:
    """The sums stay as they are."""
    (one, other) = (unit["contests"] for unit in day.units if "council_party_list:1" in unit["contests"])
    one["council_party_list:1"], other["council_party_list:1"] = (
        other["council_party_list:1"],
        one["council_party_list:1"],
    )


def _invalid(day: Day) -> None:
    day.result()["invalid"] += 1


def _ballots(day: Day) -> None:
    day.result()["ballots"] += 1


def _contest_missing(day: Day) -> None:
    contests = day.units[0]["contests"]
    del contests[next(iter(contests))]


def _contest_of_another_place(day: Day) -> None:
    day.units[0]["contests"]["mayor:77"] = {"votes": {"1": 0}, "valid": 0, "invalid": 0, "ballots": 0}


def _candidate_made_up(day: Day) -> None:
    day.result()["votes"]["666"] = 0


def _summed_wrongly(day: Day) -> None:
    day.extra_votes = 1


LIES: Final[list[tuple[Callable[[Day], None], set[str]]]] = [
    (_lost, {LOGGED, RECEIPTED, OPENED, NOTHING_LOST, ROWS, SUMS}),
    (_set_aside, {OPENED, NOTHING_LOST, ROWS, SUMS}),
    (_never_heard_of, {SEALED, RECEIPTED}),
    (_not_sealed, {SEALED, RECEIPTED}),
    (_waiting, {RECEIPTED}),
    (_logged_twice, {NOT_TWICE}),
    (_not_logged, {LOGGED, NOT_TWICE}),
    (_counted_twice, {NOT_TWICE, SUMS}),
    (_extra_unit, {LOGGED, OPENED, ROWS, SUMS}),
    (_one_vote_more, {ROWS, SUMS}),
    (_one_vote_moved, {ROWS, SUMS}),
    (_votes_swapped_between_stations, {ROWS}),
    (_invalid, {ROWS, SUMS}),
    (_ballots, {ROWS}),
    (_contest_missing, {ROWS, SUMS}),
    (_contest_of_another_place, {ROWS, SUMS}),
    (_candidate_made_up, {ROWS, SUMS}),
    (_summed_wrongly, {SUMS}),
]


def test_true_day_is_called_a_failure() -> None:
    report = Day().judged()
    assert report["verdict"] == "ok"
    assert set(report["checks"]) == {
        *(SEALED, LOGGED, RECEIPTED, OPENED),
        *(NOTHING_LOST, NOT_TWICE, ROWS, SUMS),
    }


@pytest.mark.parametrize(("lie", "failing"), LIES, ids=[lie.__name__ for lie, _ in LIES])
def test_lie_passes(lie: Callable[[Day], None], failing: set[str]) -> None:
    day = Day()
    lie(day)
    report = day.judged()
    assert report["verdict"] == "failed"
    assert {check for check, held in report["checks"].items() if not held} == failing


def test_station_that_differs_is_not_named() -> None:
    day = Day()
    _one_vote_moved(day)
    report = day.judged()
    contest = next(iter(STATIONS[0].contests))
    assert (report["mismatched"], report["mismatches"]) == (1, [f"{FIRST} {contest}"])


def test_numbers_of_a_lost_tally() -> None:
    day = Day()
    _lost(day)
    report = day.judged()
    numbers = {
        name: report[name] for name in ("branches", "sealed", "received", "verified", "opened", "lost")
    }
    assert numbers == {"branches": 3, "sealed": 3, "received": 2, "verified": 2, "opened": 2, "lost": 1}
