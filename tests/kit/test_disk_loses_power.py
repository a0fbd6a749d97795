"""Power cuts in the middle of every write and sync of the journal, on a disk that keeps only what was synced."""

import sys
from typing import Any, get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crypto import canonical, merkle
from kit.journal.journal import Journal, JournalError, JournalUnavailableError
from simulators.virtual.disk import DiskFaults, PowerCutError, SimDisk
from simulators.virtual.platter import CutMode
from tests.kit.harness import TWO_TERMINALS, Branch
from tests.kit.staff import work_until

DAY = work_until(Branch(TWO_TERMINALS), "delivered").journal.facts
BATCHES = [DAY[:2], *([fact] for fact in DAY[2:12]), DAY[12:15]]
MODES = get_args(CutMode)


@pytest.fixture(autouse=True)
def _dying_program_complains_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite goes on for a moment after the cut, and apsw can raise only one of what it meets there."""
    hook = sys.unraisablehook

    def quiet(args: Any) -> None:
        if not isinstance(args.exc_value, PowerCutError):
            hook(args)

    monkeypatch.setattr(sys, "unraisablehook", quiet)


def live(disk: SimDisk, done: int) -> tuple[int, bool]:
    """One life: replay, then append from batch ``done`` on.

    Returns how many batches ``append`` has returned for, and whether power was there to the end.
    """
    try:
        journal = Journal("journal.db", vfs=disk.vfs_name)
        assert_kept(journal, done)
        done = max(done, batches_in(journal))
        for batch in BATCHES[done:]:
            journal.append(batch)
            done += 1
        journal.close()
    except (PowerCutError, JournalError):
        if disk.on:
            raise
    return done, disk.on


def assert_kept(journal: Journal, done: int) -> None:
    """All that was appended is there; of what was not, all or nothing, and the tree is over exactly that."""
    facts = list(journal.replay())
    flat = [fact for batch in BATCHES for fact in batch]
    assert facts == flat[: len(facts)]
    assert len(facts) >= sum(map(len, BATCHES[:done])), "append returned, and the fact is gone"
    leaves = [merkle.leaf_hash(canonical.encode(msgspec.to_builtins(fact))) for fact in facts]
    assert journal.checkpoint().root == merkle.root(leaves).hex()


def batches_in(journal: Journal) -> int:
    size, count = journal.checkpoint().size, 0
    for number, batch in enumerate(BATCHES):
        if size == count:
            return number
        count += len(batch)
    assert size == count, "half of what was appended together"
    return len(BATCHES)


def operations_of_a_life() -> int:
    disk = SimDisk(name="count")
    assert live(disk, 0) == (len(BATCHES), True)
    operations = disk.operations
    disk.close()
    return operations


@pytest.mark.parametrize("mode", MODES)
def test_power_goes_in_the_middle_of_any_operation(mode: CutMode) -> None:
    cuts = 0
    for operation in range(1, operations_of_a_life() + 1):
        disk = SimDisk(seed=operation, name=mode)
        disk.cut_after(operation, mode)
        done, on = live(disk, 0)
        cuts += not on
        disk.power_on()
        assert live(disk, done) == (len(BATCHES), True)
        disk.close()
    assert cuts > 50, "the power hardly ever went"


@given(seed=st.integers(0, 2**32), cuts=st.lists(st.integers(1, 40), min_size=2, max_size=8))
def test_power_goes_again_while_the_journal_recovers(seed: int, cuts: list[int]) -> None:
    disk = SimDisk(seed=seed, name="again")
    done = 0
    for operations in cuts:
        disk.cut_after(operations)
        done, _ = live(disk, done)
        disk.cut()
        disk.power_on()
    assert live(disk, done) == (len(BATCHES), True)
    disk.close()


def test_disk_is_full() -> None:
    disk = SimDisk(name="full")
    journal = Journal("journal.db", vfs=disk.vfs_name)
    assert not list(journal.replay())
    journal.append(BATCHES[0])
    disk.fill(spare=5_000)
    with pytest.raises(JournalUnavailableError, match="the space on the disk"):
        journal.append(DAY * 20)
    kept = journal.checkpoint()
    disk.faults = DiskFaults()
    journal.append(BATCHES[1])
    assert journal.checkpoint().size == kept.size + 1, "what was refused left a gap"
    journal.close()
    disk.close()


def test_drive_fails_while_syncing() -> None:
    """After a failed sync nothing is known; the daemon ends, and the next life reads what the platter has."""
    disk = SimDisk(seed=3, name="eio")
    journal = Journal("journal.db", vfs=disk.vfs_name)
    assert not list(journal.replay())
    journal.append(BATCHES[0])
    disk.faults = DiskFaults(sync_eio=1.0)
    with pytest.raises(JournalUnavailableError):
        journal.append(BATCHES[1])
    disk.faults = DiskFaults()
    disk.cut("drop")
    disk.power_on()
    assert live(disk, 1) == (len(BATCHES), True)
    disk.close()
