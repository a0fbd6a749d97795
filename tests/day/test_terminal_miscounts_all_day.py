"""A terminal that signs numbers that do not add up: evidence, recorded, flagged, delivered and opened as it stands."""

from pathlib import Path
from typing import Any, Final

import pytest

from tests.day.real_day import Drills, facts_in, live, stations_of

SEED: Final = 3
SKEWED, MISCOUNTING = (station.branch_id for station in stations_of(SEED, 2))
COMPARISONS: Final = {
    "every station's numbers equal its rows in the input files",
    "the totals equal the input files' column sums",
}

pytestmark = pytest.mark.day


def _alarms(findings: list[Any]) -> set[str]:
    return {finding.code for finding in findings if finding.grade == "alarm"}


def test_terminals_lie_in_two_ways(short_tmp: Path) -> None:
    """One adds a vote: that contest of that station differs from the file, and nothing else does.

    The other shows a wrong public counter: an alarm, and its counts are right.
    """
    folder = short_tmp / "d"
    lies = {MISCOUNTING: ["candidates-do-not-add-up"], SKEWED: ["public-counter-differs"]}
    report = live(folder, Drills(), branches=2, seed=SEED, dishonest=lies)

    assert report["verdict"] == "failed"
    assert {check for check, held in report["checks"].items() if not held} == COMPARISONS
    assert report["mismatched"] == 1
    (mismatch,) = report["mismatches"]
    branch, contest = mismatch.split()
    assert branch == MISCOUNTING
    assert report["lost"] == report["duplicated"] == 0
    assert report["sealed"] == report["received"] == report["verified"] == report["opened"] == 2

    alarms = {(f["branch"], f["code"], f["contest"]) for f in report["findings"] if f["grade"] == "alarm"}
    assert (MISCOUNTING, "candidates-do-not-add-up", contest) in alarms
    assert (SKEWED, "public-counter-differs", None) in alarms
    assert {branch for branch, code, _ in alarms if code == "candidates-do-not-add-up"} == {MISCOUNTING}

    for branch, (lie,) in lies.items():
        findings = [found for fact in facts_in(folder, branch) for found in getattr(fact, "findings", ())]
        assert lie in _alarms(findings)  # known at the branch already, before anything was opened
