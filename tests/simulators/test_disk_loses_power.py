"""The disk is cruel: what was not synced is lost at a power cut, and SQLite at full strength loses nothing."""

import asyncio
import random

import apsw
import pytest

from simulators.virtual.disk import DiskFaults, PowerCutError, SimDisk
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.platter import CutMode

MODES: tuple[CutMode, ...] = ("drop", "prefix", "subset", "torn")


def connect(disk: SimDisk, synchronous: str = "full", *, checkpoint: int = 8) -> apsw.Connection:
    db = apsw.Connection("journal.db", vfs=disk.vfs_name)
    db.execute("pragma locking_mode=exclusive")
    assert db.execute("pragma journal_mode=wal").get == "wal"
    db.execute(f"pragma synchronous={synchronous}")
    db.execute(f"pragma wal_autocheckpoint={checkpoint}")
    return db


def commit_until_the_lights_go_out(
    disk: SimDisk, synchronous: str, rng: random.Random
) -> tuple[dict[int, int], set[int]]:
    """Commit groups of facts; returns how many facts each group that was begun has, and the acknowledged groups."""
    begun: dict[int, int] = {}
    acknowledged: set[int] = set()
    try:
        db = connect(disk, synchronous)
        db.execute("create table if not exists fact(grp int, body blob)")
        first = db.execute("select coalesce(max(grp), 0) + 1 from fact").get
        for group in range(first, first + 1_000):
            rows = [(group, rng.randbytes(rng.choice((40, 300, 3_000)))) for _ in range(rng.randint(1, 4))]
            begun[group] = len(rows)
            with db:
                db.executemany("insert into fact values(?, ?)", rows)
            acknowledged.add(group)
    except (PowerCutError, apsw.SQLError):  # the latter where apsw tried to roll back
        assert not disk.on
    return begun, acknowledged


def lost_after_cuts(seed: int, synchronous: str, mode: CutMode, *, lives: int = 3) -> int:
    """How many acknowledged commits are gone after some power cuts; half a commit or damage fails at once."""
    rng = random.Random(seed)
    disk = SimDisk(seed=seed)
    sizes: dict[int, int] = {}
    expected: set[int] = set()
    lost = 0
    for _ in range(lives):
        disk.cut_after(rng.randint(3, 150), mode)
        begun, acknowledged = commit_until_the_lights_go_out(disk, synchronous, rng)
        disk.power_on()
        db = connect(disk, synchronous)
        assert db.execute("pragma integrity_check").get == "ok"
        there: dict[int, int] = {}
        if db.execute("select count(*) from sqlite_schema").get:
            there = dict(db.execute("select grp, count(*) from fact group by grp"))
        sizes |= begun
        assert there == {group: sizes[group] for group in there}, "half a commit"
        lost += len((expected | acknowledged) - there.keys())
        expected = set(there)
        db.close()
    disk.close()
    return lost


@pytest.mark.parametrize("mode", MODES)
def test_synchronous_full_never_loses_an_acknowledged_commit(mode: CutMode) -> None:
    assert sum(lost_after_cuts(seed, "full", mode) for seed in range(100)) == 0


@pytest.mark.parametrize("mode", MODES)
def test_synchronous_normal_does_lose_so_the_disk_is_cruel(mode: CutMode) -> None:
    assert sum(lost_after_cuts(seed, "normal", mode) > 0 for seed in range(12)) > 3


def test_disk_that_lies_about_syncs_loses_even_at_full_strength() -> None:
    disk = SimDisk(seed=1)
    db = connect(disk)
    db.execute("create table fact(n int)")
    disk.faults = DiskFaults(sync_lies=1.0)
    db.execute("insert into fact values(1)")
    disk.cut("drop")
    disk.power_on()
    assert connect(disk).execute("select count(*) from fact").get == 0


def test_power_cut_kills_the_node_in_the_middle_of_its_step() -> None:
    after: list[str] = []

    async def kit(disk: SimDisk) -> None:
        db = connect(disk)
        db.execute("create table if not exists fact(n int)")
        for n in range(1_000):
            try:
                db.execute("insert into fact values(?)", (n,))
            except Exception:  # noqa: BLE001 - no handler of the product may survive a power cut
                after.append("handled")
            await asyncio.sleep(1)
        after.append("done")

    with VirtualLoop() as loop:
        disk = SimDisk(seed=3)
        disk.on_cut = lambda: loop.kill("kit")
        loop.spawn("kit", kit(disk))
        disk.cut_after(50)
        loop.run_for(10_000)
        assert not loop.alive("kit")
        assert (after, disk.on, disk.cuts) == ([], False, 1)
        with pytest.raises(apsw.SQLError, match="no such vfs"):
            connect(disk)
        disk.power_on()
        loop.spawn("kit", kit(disk))
        loop.run_for(10)
        assert loop.alive("kit")
        assert loop.complaints == []


def test_what_a_dead_program_still_writes_never_reaches_the_platter() -> None:
    disk = SimDisk(seed=1)
    dead = connect(disk)
    dead.execute("create table fact(n int); insert into fact values(1)")
    disk.cut("drop")
    dead.execute("insert into fact values(2)")
    disk.power_on()
    alive = connect(disk)
    assert alive.execute("select n from fact").fetchall() == [(1,)]
    dead.execute("insert into fact values(3)")
    dead.close()
    alive.execute("insert into fact values(4)")
    assert alive.execute("select n from fact").fetchall() == [(1,), (4,)]
    assert disk.content("journal.db-wal")


def test_full_disk_refuses_a_commit_and_keeps_the_others() -> None:
    disk = SimDisk(seed=1)
    db = connect(disk, checkpoint=0)
    db.execute("create table fact(body blob)")
    disk.fill(spare=20_000)
    with pytest.raises(apsw.FullError):
        db.executemany("insert into fact values(zeroblob(?))", [(3_000,)] * 100)
    kept = db.execute("select count(*) from fact").get
    assert 1 <= kept < 7
    disk.faults = DiskFaults()
    db.execute("insert into fact values(zeroblob(3000))")
    disk.cut("drop")
    disk.power_on()
    assert connect(disk).execute("select count(*) from fact").get == kept + 1


@pytest.mark.parametrize("faults", [DiskFaults(sync_eio=1.0), DiskFaults(write_eio=1.0)])
def test_input_output_error_fails_the_commit_and_it_stays_undone(faults: DiskFaults) -> None:
    disk = SimDisk(seed=1)
    db = connect(disk)
    db.execute("create table fact(n int); insert into fact values(1)")
    disk.faults = faults
    with pytest.raises(apsw.IOError):
        db.execute("insert into fact values(2)")
    disk.faults = DiskFaults()
    db.execute("insert into fact values(3)")
    disk.cut("drop")
    disk.power_on()
    assert connect(disk).execute("select n from fact").fetchall() == [(1,), (3,)]


def test_deleted_file_may_come_back_until_the_directory_is_synced() -> None:
    back = 0
    for seed in range(20):
        disk = SimDisk(seed=seed)
        db = connect(disk)
        db.execute("create table fact(n int); insert into fact values(1)")
        db.close()
        assert disk.content("journal.db-wal") is None
        disk.cut("subset")
        back += disk.content("journal.db-wal") is not None
        disk.power_on()
        assert connect(disk).execute("select n from fact").fetchall() == [(1,)]
    assert 0 < back < 20


def test_damage_behind_the_back_is_seen_by_who_looks() -> None:
    disk = SimDisk(seed=1)
    db = connect(disk)
    db.execute("create table fact(body text); insert into fact values('votes: 12345')")
    db.close()
    image = disk.content("journal.db")
    assert image is not None
    disk.damage("journal.db", image.index(b"12345"), b"54321")
    assert connect(disk).execute("select body from fact").get == "votes: 54321"
    with pytest.raises(KeyError):
        disk.damage("no.db", 0, b"x")


def test_two_worlds_may_name_their_disks_alike() -> None:
    one, two = SimDisk(name="kit"), SimDisk(name="kit")
    connect(one).execute("create table fact(n int)")
    assert connect(two).execute("select count(*) from sqlite_schema").get == 0
    one.close()
    two.close()


def test_same_seed_cuts_the_same_way() -> None:
    def survivors(seed: int) -> list[tuple[int, int]]:
        disk = SimDisk(seed=seed)
        disk.cut_after(60)
        commit_until_the_lights_go_out(disk, "normal", random.Random(1))
        disk.power_on()
        return connect(disk).execute("select grp, length(body) from fact").fetchall()

    assert survivors(1) == survivors(1)
    assert len({tuple(survivors(seed)) for seed in range(12)}) > 2
