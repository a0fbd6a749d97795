"""``kit-sim day --json``: what it reports of a day is what the input files say, summed by somebody else."""

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final

import pytest

from tests.day.command import ran
from tests.day.real_day import TABLES, once, rows_of, stations_of

BRANCHES: Final = 3
ASKED_FOR: Final = {
    *("verdict", "branches", "stations", "sealed", "received", "verified", "opened", "lost", "duplicated"),
    *("mismatched", "totals", "ballots", "findings", "faults", "seconds"),
}
CODES: Final = {"note": "signed-in-differs", "alarm": "more-counted-than-signed-in"}

pytestmark = pytest.mark.day


def _grade(signed: int, counted: int) -> str | None:
    return "note" if signed > counted else "alarm" if signed < counted else None


def _seed_with_notes_and_alarms() -> int:
    for seed in range(1, 1_000):
        rows = [row for station in stations_of(seed, BRANCHES) for row in station.contests.values()]
        if {"note", "alarm"} <= {_grade(row.signed_for, row.ballots) for row in rows}:
            return seed
    raise AssertionError("the sample has stations with more ballots than signatures: its README says so")


def _run(folder: Path) -> None:
    temporary = folder / "t"
    temporary.mkdir()
    seed = _seed_with_notes_and_alarms()
    code, out, err = ran(
        *("day", "--branches", str(BRANCHES), "--seed", str(seed), "--voting", "1.5", "--json"),
        temporary=temporary,
    )
    left = [path.name for path in temporary.iterdir()]
    (folder / "ran.json").write_text(json.dumps({"code": code, "out": out, "err": err, "left": left}))


@pytest.fixture(scope="module")
def day(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    day: dict[str, Any] = json.loads((once(tmp_path_factory, "command", _run) / "ran.json").read_text())
    return day


@pytest.fixture(scope="module")
def report(day: dict[str, Any]) -> dict[str, Any]:
    report: dict[str, Any] = json.loads(day["out"].splitlines()[-1])
    return report


def test_something_else_on_standard_output_or_a_folder_left_behind(day: dict[str, Any]) -> None:
    assert (day["code"], day["err"], day["left"]) == (0, "", [])
    events = [json.loads(line) for line in day["out"].splitlines()[:-1]]
    assert {event["event"] for event in events} == {"stage", "note", "fault"}


def test_key_is_missing_or_a_check_did_not_hold(report: dict[str, Any]) -> None:
    assert set(report) >= ASKED_FOR
    assert report["verdict"] == "ok"
    assert all(report["checks"].values())
    reached = [report[name] for name in ("branches", "sealed", "received", "verified", "opened")]
    assert reached == [BRANCHES] * 5
    assert report["lost"] == report["duplicated"] == report["mismatched"] == 0
    assert 0 < report["seconds"] < 60


def test_station_is_not_named_as_its_files_name_it(report: dict[str, Any]) -> None:
    assert len(set(report["stations"])) == BRANCHES
    assert all(re.fullmatch(r"\d+/\d+", station) for station in report["stations"])
    assert len(rows_of("council_party_list", report["stations"])) == BRANCHES


@pytest.mark.parametrize("table", TABLES)
def test_totals_differ_from_the_columns_of_the_file(report: dict[str, Any], table: str) -> None:
    votes: Counter[str] = Counter()
    ballots = {"valid": 0, "invalid": 0}
    for row in rows_of(table, report["stations"]):
        for heading, cell in row.items():
            if re.match(r"\d+ - ", heading) and cell:
                votes[heading.split()[0]] += int(cell)
        ballots["valid"] += int(row["valid votes"])
        ballots["invalid"] += int(row["invalid votes"])
    assert report["totals"][table] == dict(votes)
    assert report["ballots"][table] == ballots
    assert sum(votes.values()) == ballots["valid"]


def test_finding_is_missing_or_made_up(report: dict[str, Any]) -> None:
    """Exactly what the files show: signatures against ballots, in every contest of every station."""
    expected = set()
    for table in TABLES:
        for row in rows_of(table, report["stations"]):
            signed = int(row["ballots signed for"])
            counted = int(row["valid votes"]) + int(row["invalid votes"])
            if grade := _grade(signed, counted):
                branch = f"{row['district_id']}-{row['precinct_id']}"
                expected.add((grade, CODES[grade], branch, table, signed, counted))
    found = {
        (
            *(finding["grade"], finding["code"], finding["branch"], finding["contest"].split(":")[0]),
            *(finding["numbers"]["signed_in"], finding["numbers"]["ballots"]),
        )
        for finding in report["findings"]
    }
    assert found == expected
    assert {grade for grade, *_ in found} == {"note", "alarm"}


def test_fault_was_promised_and_did_not_strike(report: dict[str, Any]) -> None:
    struck = Counter(fault["fault"] for fault in report["faults"])
    assert struck == {
        "mains-cut": BRANCHES,
        "fibre-hole": BRANCHES,
        "4g-hole": 1,
        "sigkill": 1,
        "terminal-reboot": 1,
    }
    assert report["checks"]["every tally went over the fallback, 4G"]
    victims = {fault["branch"] for fault in report["faults"] if fault["fault"] in ("4g-hole", "sigkill")}
    assert len(victims) == 1
