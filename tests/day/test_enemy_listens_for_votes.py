"""Before the opening nothing that leaves a kit, and nothing that lies on a disk, tells the votes."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from simulators.secrecy import told
from tests.day.hostile_day import BRANCHES, Evidence
from tests.day.real_day import entries_in

pytestmark = pytest.mark.day


@pytest.fixture(scope="module")
def secrets(evidence: Evidence) -> dict[str, bytes]:
    """Of all branches: no branch may tell another's votes either."""
    return {
        f"{branch}: {name}": part
        for branch, parts in evidence.secrets.items()
        for name, part in parts.items()
    }


def test_broker_carried_votes(evidence: Evidence, secrets: dict[str, bytes]) -> None:
    assert told((data for _, data in evidence.payloads), secrets) == []
    assert len({topic for topic, _ in evidence.sent("envelope")}) == BRANCHES
    assert len(evidence.secrets) == BRANCHES


def test_uplink_carried_votes(evidence: Evidence, secrets: dict[str, bytes]) -> None:
    assert told((bytes(data) for data in evidence.wire.values()), secrets) == []
    for branch in evidence.secrets:
        assert b"sealed-tally" in evidence.wire[branch, "4g", "up"]


def test_flash_held_votes_at_some_moment(evidence: Evidence, secrets: dict[str, bytes]) -> None:
    """Journals with their write-ahead logs, looked at all day long."""
    assert told(evidence.disk, secrets) == []
    assert any(path.endswith("-wal") for path in evidence.disk.values())
    assert any(b'"tally-taken"' in data for data in evidence.disk)


def test_file_of_the_day_holds_votes(hostile_folder: Path, secrets: dict[str, bytes]) -> None:
    """Journals, logs of all programs, the ledger, and whatever else was written."""
    day = hostile_folder / "day"
    results = {day / "opening", day / "publication"}  # made by the opening, which is over by now
    files = [path for path in day.rglob("*") if path.is_file() and not results & set(path.parents)]
    assert {"journal.db", "ledger.db", "centerd.log"} <= {path.name for path in files}
    for path in files:
        assert told([path.read_bytes()], secrets) == [], path


def test_row_of_a_database_holds_votes(hostile_folder: Path, secrets: dict[str, bytes]) -> None:
    """Long rows are spread over pages of a file, where nobody would find them."""
    bodies = [bytes(body) for path in hostile_folder.glob("day/*/state/journal.db") for body in _bodies(path)]
    assert sum(b'"envelope-sealed"' in body for body in bodies) == 2 * BRANCHES
    assert told(bodies, secrets) == []
    assert told([entry.data for entry in entries_in(hostile_folder / "day")], secrets) == []


def _bodies(journal: Path) -> list[bytes]:
    with closing(sqlite3.connect(journal)) as database:
        return [body for (body,) in database.execute("select body from facts")]


def test_look_out_is_blind(evidence: Evidence, secrets: dict[str, bytes]) -> None:
    """The same search finds a tally in the clear, whatever it is wrapped in."""
    for branch, parts in evidence.secrets.items():
        found = told([b"log: " + parts["the signed report"]], secrets)
        assert {
            f"{branch}: the statement",
            f"{branch}: the signature",
            f"{branch}: the signed report",
        } <= set(found)
