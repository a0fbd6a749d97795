"""Somebody or something touched the journal: it must be noticed, and said in words, before a fact is believed."""

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical, merkle
from crypto.errors import EncodingError
from kit.facts import BootRecorded, CounterRead, EnvelopeSealed, Fact, IncidentRecorded, PowerChanged
from kit.journal.journal import FACT_MAX, SCHEMA_VERSION, Journal, JournalError, JournalUnavailableError
from tests.kit.harness import TWO_TERMINALS, Branch
from tests.kit.staff import work_until

AT = "2027-06-18T14:31:00.000Z"
DAY = work_until(Branch(TWO_TERMINALS), "delivered").journal.facts


def filled(path: Path, facts: list[Fact] = DAY) -> Path:
    """A journal with a whole day in it."""
    journal = Journal(path)
    assert list(journal.replay()) == []
    for fact in facts:
        journal.append([fact])
    journal.close()
    return path


def tamper(path: Path, *statements: str | tuple[str, tuple[object, ...]]) -> None:
    """Change the file with a program of somebody else's."""
    connection = sqlite3.connect(path)
    for statement in statements:
        sql, values = (statement, ()) if isinstance(statement, str) else statement
        connection.execute(sql, values)
    connection.commit()
    connection.close()


def complaint(path: Path) -> str:
    with pytest.raises(JournalError) as caught:
        list(Journal(path).replay())
    words = str(caught.value)
    assert str(path) in words
    return words


# --- what it is when nobody touches it -----------------------------------------------------------------------------


def test_replay_tells_another_day(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    journal = Journal(path)
    assert list(journal.replay()) == DAY
    journal.close()


def test_root_is_not_over_all_facts(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    leaves = [merkle.leaf_hash(canonical.encode(msgspec.to_builtins(fact))) for fact in DAY]
    journal = Journal(path)
    assert (journal.checkpoint().size, journal.checkpoint().root) == (0, merkle.EMPTY_ROOT.hex())
    for number, _ in enumerate(journal.replay(), 1):
        checkpoint = journal.checkpoint()
        assert (checkpoint.size, checkpoint.root) == (number, merkle.root(leaves[:number]).hex())
    more: list[Fact] = [BootRecorded(at=AT, boot_id="b"), PowerChanged(at=AT, state="low")]
    journal.append(more)
    leaves += [merkle.leaf_hash(canonical.encode(msgspec.to_builtins(fact))) for fact in more]
    assert journal.checkpoint().root == merkle.root(leaves).hex()
    assert journal.leaf_hashes() == leaves
    journal.close()


@given(batches=st.lists(st.lists(st.sampled_from(DAY), min_size=1, max_size=4), max_size=6))
def test_facts_change_their_order(batches: list[list[Fact]]) -> None:
    journal = Journal(":memory:")
    assert not list(journal.replay())
    for batch in batches:
        journal.append(batch)
    flat = [fact for batch in batches for fact in batch]
    leaves = [merkle.leaf_hash(canonical.encode(msgspec.to_builtins(fact))) for fact in flat]
    assert journal.leaf_hashes() == leaves
    assert journal.checkpoint().root == merkle.root(leaves).hex()
    journal.close()


# --- what nobody can read back -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fact",
    [
        CounterRead(at=AT, terminal="t", public_counter=0x1000000),
        CounterRead(at=AT, terminal="t/1", public_counter=1),
        IncidentRecorded(at="yesterday", code="x", detail="y"),
        IncidentRecorded(at=AT, code="x", detail="y" * 501),
        IncidentRecorded(at=AT, code="x", detail="\ud800"),
        IncidentRecorded(at=AT, code="x", detail=2**53),  # type: ignore[arg-type]
    ],
    ids=repr,
)
def test_fact_is_written_that_no_life_can_replay(tmp_path: Path, fact: Fact) -> None:
    journal = Journal(tmp_path / "journal.db")
    assert not list(journal.replay())
    with pytest.raises((JournalError, EncodingError)):
        journal.append([BootRecorded(at=AT, boot_id="b"), fact])
    assert journal.leaf_hashes() == []
    journal.append([BootRecorded(at=AT, boot_id="b")])
    journal.close()
    journal = Journal(tmp_path / "journal.db")
    assert len(list(journal.replay())) == 1
    journal.close()


# --- damage ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seq", [1, 7, len(DAY) - 1])
def test_fact_is_missing(tmp_path: Path, seq: int) -> None:
    path = filled(tmp_path / "journal.db")
    tamper(path, ("delete from facts where seq=?", (seq,)))
    assert f"fact {seq} is missing (the next one is {seq + 1})" in complaint(path)


def test_fact_is_not_canonical(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    row = canonical.encode(msgspec.to_builtins(DAY[2])).replace(b":", b": ", 1)
    tamper(path, ("update facts set body=? where seq=3", (row,)))
    assert "fact 3 cannot be read" in complaint(path)


@pytest.mark.parametrize(
    "body",
    [
        b'{"at":"2027-06-18T14:31:00.000Z","fact":"vote-cast"}',
        b'{"at":"2027-06-18T14:31:00.000Z","boot_id":"b","extra":1,"fact":"boot-recorded"}',
        b'{"at":"2027-06-18T14:31:00.000Z","fact":"boot-recorded"}',
        b'{"at":"2027-06-18T14:31:00.000Z","boot_id":1,"fact":"boot-recorded"}',
        b"[]",
        b"null",
        b"",
        b"\xff",
        b"[" * 1000,
        "a text",
        7,
        b"1" * (FACT_MAX + 1),
    ],
    ids=lambda body: repr(body)[:40],
)
def test_fact_is_unknown_or_nonsense(tmp_path: Path, body: object) -> None:
    path = filled(tmp_path / "journal.db", DAY[:4])
    tamper(path, ("update facts set body=? where seq=2", (body,)))
    words = complaint(path)
    assert "fact 2 cannot be read" in words
    assert "keep the file, it is evidence" in words


def test_facts_before_the_damage_are_all_that_is_believed(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    tamper(path, "delete from facts where seq=5")
    believed = []
    with pytest.raises(JournalError):
        believed.extend(Journal(path).replay())
    assert not believed or believed == DAY[:4]


def test_page_of_the_file_is_garbage(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db", DAY * 8)
    data = bytearray(path.read_bytes())
    for page in range(2, len(data) // 4096):
        garbled = tmp_path / f"garbled-{page}.db"
        garbled.write_bytes(data[: page * 4096] + b"\xaa" * 4096 + data[(page + 1) * 4096 :])
        assert any(words in complaint(garbled) for words in ("is damaged", "cannot be read", "is missing"))


def test_file_is_cut_off(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db", DAY * 8)
    path.write_bytes(path.read_bytes()[: 4096 * 5])
    assert "is damaged" in complaint(path)


def test_file_is_no_database(tmp_path: Path) -> None:
    path = tmp_path / "journal.db"
    path.write_bytes(b"It was a bright cold day in April, and the clocks were striking thirteen.\n" * 20)
    assert "is damaged (file is not a database): keep the file" in complaint(path)


# --- somebody else's file --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [2, 77, -1])
def test_file_is_of_another_version(tmp_path: Path, version: int) -> None:
    path = filled(tmp_path / "journal.db")
    tamper(path, f"pragma user_version={version}")
    assert f"has schema {version}, this program knows {SCHEMA_VERSION}" in complaint(path)


@pytest.mark.parametrize("table", ["envelopes(x)", "facts(x)"])
def test_database_of_another_program_is_taken_over(tmp_path: Path, table: str) -> None:
    path = tmp_path / "ledger.db"
    tamper(path, f"create table {table}")
    assert "it is the file of another program" in complaint(path)
    connection = sqlite3.connect(path)
    assert connection.execute("pragma user_version").fetchone() == (0,), "it was changed all the same"
    connection.close()


def a_folder(path: Path) -> None:
    path.mkdir()


def nothing(_: Path) -> None:
    pass


@pytest.mark.parametrize(("name", "make"), [("folder", a_folder), ("missing/journal.db", nothing)])
def test_file_cannot_be_opened(tmp_path: Path, name: str, make: Callable[[Path], None]) -> None:
    make(tmp_path / name)
    with pytest.raises(JournalUnavailableError, match="check the folder, its permissions and the space"):
        Journal(tmp_path / name)


HOLDER = """
import sys
from kit.journal.journal import Journal

j = Journal(sys.argv[1])
print("held", flush=True)
input()
"""


def test_another_process_writes_too(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    root = Path(__file__).resolve().parents[2]
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=root
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(JournalUnavailableError, match="in use by another process: stop that one first"):
            Journal(path)
    finally:
        holder.communicate(b"\n")
    journal = Journal(path)
    assert list(journal.replay()) == DAY
    journal.close()


# --- somebody who knows the format rewrites history ------------------------------------------------


def first_envelope() -> int:
    return next(seq for seq, fact in enumerate(DAY, 1) if isinstance(fact, EnvelopeSealed))


@pytest.mark.parametrize("seq", [1, 2, 5, 10])
def test_fact_before_an_envelope_was_rewritten(tmp_path: Path, seq: int) -> None:
    path = filled(tmp_path / "journal.db")
    assert seq < first_envelope()
    other = canonical.encode(msgspec.to_builtins(BootRecorded(at=AT, boot_id="ffffffffffffffff")))
    tamper(path, ("update facts set body = ? where seq = ?", (other, seq)))
    assert "envelope 1 was sealed over other" in complaint(path)


def test_fact_before_an_envelope_was_taken_out(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    tamper(path, "delete from facts where seq = 3", "update facts set seq = seq - 1 where seq > 3")
    assert "envelope 1 was sealed over other" in complaint(path)


def test_envelope_that_was_swapped_for_nonsense(tmp_path: Path) -> None:
    path = filled(tmp_path / "journal.db")
    seq = first_envelope()
    nonsense = msgspec.structs.replace(DAY[seq - 1], envelope="AAAA")
    tamper(
        path,
        ("update facts set body = ? where seq = ?", (canonical.encode(msgspec.to_builtins(nonsense)), seq)),
    )
    assert "cannot be read" in complaint(path)
