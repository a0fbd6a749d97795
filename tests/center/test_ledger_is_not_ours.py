"""A ledger of another election, another log or another program is refused; what is logged cannot be changed."""

from pathlib import Path

import apsw
import pytest

from center.errors import LedgerCorruptError, LedgerError, LedgerMissingError
from center.log.ledger import Ledger
from center.log.ledger_file import LedgerIdentity
from tests.center.branch import Center, two_branches
from tests.crypto.election_fixture import ELECTION, LOG_NAME

OURS = LedgerIdentity(ELECTION, 1, LOG_NAME)


@pytest.mark.parametrize(
    "theirs",
    [
        LedgerIdentity("other", 1, LOG_NAME),
        LedgerIdentity(ELECTION, 2, LOG_NAME),
        LedgerIdentity(ELECTION, 1, "other.example/log"),
    ],
)
def test_ledger_of_another_election_round_or_log_is_refused(tmp_path: Path, theirs: LedgerIdentity) -> None:
    path = str(tmp_path / "ledger.db")
    Ledger.open(path, theirs).close()
    with pytest.raises(LedgerCorruptError, match="another state directory"):
        Ledger.open(path, OURS)


def test_ledger_of_another_version_is_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    Ledger.open(path, OURS).close()
    connection = apsw.Connection(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(LedgerCorruptError, match="version 99"):
        Ledger.open(path, OURS)
    with pytest.raises(LedgerCorruptError, match="version 99"):
        Ledger.open_to_read(path)


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    path.write_bytes(b"not a database, whatever its name says" * 100)
    with pytest.raises(LedgerCorruptError, match="not a sound ledger"):
        Ledger.open(str(path), OURS)


def test_missing_ledger_is_not_made_by_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with pytest.raises(LedgerMissingError):
        Ledger.open_to_read(str(path))
    assert not path.exists()


def test_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match="nowhere"):
        Ledger.open(str(tmp_path / "nowhere" / "ledger.db"), OURS)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE envelopes SET bytes = x'00'",
        "DELETE FROM envelopes",
        "UPDATE checkpoints SET note = ''",
        "DELETE FROM checkpoints",
    ],
)
def test_logged_rows_can_neither_be_changed_nor_removed(tmp_path: Path, statement: str) -> None:
    election, device, _ = two_branches()
    center = Center(election, str(tmp_path / "ledger.db"))
    center.take((device, device.account()))
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        center.ledger._db.execute(statement)


def test_reader_sees_commits_while_the_centre_writes(tmp_path: Path) -> None:
    election, one, two = two_branches()
    path = str(tmp_path / "ledger.db")
    center = Center(election, path)
    reader = Ledger.open_to_read(path)
    assert reader.counts().verified == 0
    center.take((one, one.account()))
    walk = reader.entries()
    assert next(walk).leaf == 0
    center.take((two, two.account()), (two, two.tally()))
    counts = reader.counts()
    assert (counts.verified, counts.accounts, counts.tallies, counts.branches) == (3, 2, 1, 2)
    assert counts.flagged == counts.rejected == 0
    reader.close()
    center.close()
