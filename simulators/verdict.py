"""The verdict: what came out at the centre against what stands in the input files, and nothing else.

Used by real-process days and by worlds. The right-hand side of every comparison is read from the files anew.
"""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from simulators.results import KEY_COLUMNS, Station, column_sums

COUNTED: Final = "counted"


def judge(
    data: Path,
    stations: Sequence[Station],
    statuses: Mapping[str, Mapping[str, Any]],
    opening: Mapping[str, Any],
    received: Sequence[str],
) -> dict[str, Any]:
    """Compare.

    Args:
        data: folder of the input files.
        stations: the stations that voted.
        statuses: each branch's last ``kitctl status``.
        opening: what the centre's opening says (``Opening.to_json``).
        received: the branch of every sealed tally in the centre's log, one entry a leaf.

    Returns:
        The report's numbers; ``verdict`` is ``ok`` only if every check held.
    """
    votes, ballots = column_sums(data, stations)
    totals, opened_ballots = _by_file(opening)
    counted = [unit["branch"] for unit in opening["units"] if unit["status"] == COUNTED]
    branches = [station.branch_id for station in stations]
    receipted = [branch for branch in branches if _receipted(statuses.get(branch))]
    mismatches = _mismatches(data, stations, opening)
    report: dict[str, Any] = {
        "branches": len(stations),
        "stations": [f"{station.district_id}/{station.precinct_id}" for station in stations],
        "sealed": sum(_sealed(statuses.get(branch)) for branch in branches),
        "received": len(set(received)),
        "verified": len(receipted),
        "opened": len(set(counted)),
        "lost": len(set(branches) - set(counted)),
        "duplicated": len(received) - len(set(received)) + len(counted) - len(set(counted)),
        "mismatched": len(mismatches),
        "mismatches": mismatches,
        "totals": totals,
        "ballots": opened_ballots,
        "findings": list(opening["findings"]),
    }
    checks = {
        "every branch sealed its tally": report["sealed"] == len(branches),
        "every sealed tally is in the centre's log": set(received) == set(branches),
        "every branch holds a receipt that it verified itself": len(receipted) == len(branches),
        "every tally was opened and counted": set(counted) == set(branches),
        "nothing lost": report["lost"] == 0,
        "nothing counted or logged twice": report["duplicated"] == 0,
        "every station's numbers equal its rows in the input files": report["mismatched"] == 0,
        "the totals equal the input files' column sums": _padded(totals, votes) == votes
        and opened_ballots == ballots,
    }
    report["checks"] = checks
    return {"verdict": "ok" if all(checks.values()) else "failed", **report}


def _sealed(status: Mapping[str, Any] | None) -> bool:
    return status is not None and status["phase"] in ("sealed", "sending", "delivered", "archived")


def _receipted(status: Mapping[str, Any] | None) -> bool:
    return (
        status is not None
        and status["phase"] in ("delivered", "archived")
        and not status["outbox"]["waiting"]
    )


def _by_file(opening: Mapping[str, Any]) -> tuple[dict[str, dict[str, int]], dict[str, dict[str, int]]]:
    """Sums of the opened contests by input file, with every file present."""
    totals: dict[str, dict[str, int]] = {stem: {} for stem in KEY_COLUMNS}
    ballots: dict[str, dict[str, int]] = {stem: {"valid": 0, "invalid": 0} for stem in KEY_COLUMNS}
    for contest, total in opening["contests"].items():
        stem = contest.split(":")[0]
        for code, votes in total["votes"].items():
            totals[stem][code] = totals[stem].get(code, 0) + votes
        for column in ("valid", "invalid"):
            ballots[stem][column] += total[column]
    return totals, ballots


def _padded(
    totals: Mapping[str, Mapping[str, int]], votes: Mapping[Any, Mapping[str, int]]
) -> dict[str, dict[str, int]]:
    """A code that the files know and the opening does not is a difference only if it has votes there."""
    return {stem: dict.fromkeys(codes, 0) | dict(totals.get(stem, {})) for stem, codes in votes.items()}


def _mismatches(data: Path, stations: Sequence[Station], opening: Mapping[str, Any]) -> list[str]:
    """``branch contest`` of every opened result that differs from its row, or has no row."""
    opened = {
        (unit["branch"], contest): result
        for unit in opening["units"]
        if unit["status"] == COUNTED
        for contest, result in unit["contests"].items()
    }
    wanted = {station.branch_id for station in stations}
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for stem, key in KEY_COLUMNS.items():
        with (data / f"{stem}.csv").open(encoding="utf-8-sig", newline="") as file:
            for row in csv.DictReader(file):
                branch = f"{row['district_id']}-{row['precinct_id']}"
                if branch in wanted:
                    rows[branch, f"{stem}:{row[key]}"] = row
    wrong = [
        f"{branch} {contest}"
        for (branch, contest), row in rows.items()
        if not _equal(row, opened.get((branch, contest)))
    ]
    return wrong + [f"{branch} {contest}" for branch, contest in opened if (branch, contest) not in rows]


def _equal(row: Mapping[str, str], result: Mapping[str, Any] | None) -> bool:
    if result is None:
        return False
    votes = {
        name.split(" - ")[0]: int(cell) for name, cell in row.items() if name and " - " in name and cell != ""
    }
    valid, invalid = int(row["valid votes"]), int(row["invalid votes"])
    said = (result["votes"], result["valid"], result["invalid"], result["ballots"])
    return bool(said == (votes, valid, invalid, valid + invalid))
