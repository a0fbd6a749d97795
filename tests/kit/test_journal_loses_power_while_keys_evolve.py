"""The power goes at every step from one epoch's key to the next: the right key is left, and the journal holds."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal, get_args

import pytest

from crypto.journal_note import epoch_key
from kit.facts import BootRecorded, Commissioned, Fact, JournalKeyCertified, PhaseEntered, PowerChanged
from kit.journal.chain import Chain
from kit.journal.journal import Journal, JournalError, JournalUnavailableError
from kit.journal.report import Report, verify
from kit.journal.seeds import SLOT_BYTES, SeedFile, seeds_in
from kit.journal.signed import CHECKPOINT_FACTS, SignedJournal
from simulators.virtual.disk import PowerCutError, SimDisk
from simulators.virtual.platter import CutMode
from tests.kit.signed_day import MANIFEST, NAME, Stream, built, opened

AT = "2027-06-18T14:31:00.000Z"
FOLDER = Path("state")
BIRTH: list[Fact] = [
    Commissioned(
        at=AT,
        election=NAME.election,
        round=1,
        branch=NAME.branch,
        device=NAME.device,
        manifest_sha256=MANIFEST.sha256,
        manifest_version=1,
    ),
    BootRecorded(at=AT, boot_id="first"),
]
BATCHES: list[list[Fact]] = [
    BIRTH,
    [PhaseEntered(at=AT, phase="readiness", trigger="readiness-passed")],
    [PowerChanged(at=AT, state="battery")],
    [PowerChanged(at=AT, state="mains"), PhaseEntered(at=AT, phase="zeroed", trigger="all-zeroed")],
]


@pytest.fixture(autouse=True)
def _dying_program_complains_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """SQLite goes on for a moment after the cut, and apsw can raise only one of what it meets there."""
    hook = sys.unraisablehook

    def quiet(args: Any) -> None:
        if not isinstance(args.exc_value, PowerCutError):
            hook(args)

    monkeypatch.setattr(sys, "unraisablehook", quiet)


# --- a disk that loses what was not synced ----------------------------------------------------------------------------


def live(disk: SimDisk, entropy: Stream, done: int) -> int:
    """One life: replay, boot, append what is still to come, stop. Returns how many batches are durable."""
    try:
        journal = opened(FOLDER, entropy, vfs=disk.vfs_name)
        facts = list(journal.replay())
        assert journal.key_lost is None, "a cut lost a key"
        own = [fact for fact in facts if not isinstance(fact, BootRecorded) or fact.boot_id == "first"]
        flat = [fact for fact in own if fact in [one for batch in BATCHES for one in batch]]
        assert len(flat) >= sum(map(len, BATCHES[:done])), "append returned, and the fact is gone"
        while done < len(BATCHES) and len(flat) >= sum(map(len, BATCHES[: done + 1])):
            done += 1
        if done:
            journal.append([BootRecorded(at=AT, boot_id="again")])
        for batch in BATCHES[done:]:
            journal.append(batch)
            done += 1
        journal.sign_off()
        journal.close()
    except (PowerCutError, JournalError):
        if disk.on:
            raise
    return done


def looked_at(disk: SimDisk) -> tuple[Report, dict[int, bytes]]:
    """The stopped kit's disk: what verify says, with the seeds that are in the file."""
    journal = Journal(FOLDER / "journal.db", vfs=disk.vfs_name)
    try:
        bodies = journal.bodies()
    finally:
        journal.close()
    seeds = seeds_in(disk.content("state/keys/journal.seeds") or b"")
    return verify(bodies, MANIFEST, seeds=seeds), seeds


def operations_of_a_life() -> int:
    disk = SimDisk(name="count")
    assert live(disk, Stream(), 0) == len(BATCHES)
    operations = disk.operations
    disk.close()
    return operations


@pytest.mark.parametrize("mode", get_args(CutMode))
def test_power_goes_in_the_middle_of_any_operation(mode: CutMode) -> None:
    cuts = 0
    for operation in range(1, operations_of_a_life() + 1):
        disk, entropy = SimDisk(seed=operation, name=mode), Stream()
        disk.cut_after(operation, mode)
        done = live(disk, entropy, 0)
        cuts += not disk.on
        disk.power_on()
        assert live(disk, entropy, done) == len(BATCHES)
        report, seeds = looked_at(disk)
        assert (report.verdict, report.faults, report.remarks) == ("good", [], [])
        assert len(seeds) == 1, "one key is left"
        assert len(report.segments) == 1, "a cut opened a flagged segment"
        disk.close()
    assert cuts > 40, "the power hardly ever went"


def test_power_goes_again_and_again() -> None:
    for seed in range(12):
        disk, entropy, done = SimDisk(seed=seed, name="again"), Stream(), 0
        for operations in range(3 + seed, 60, 7):
            disk.cut_after(operations)
            done = live(disk, entropy, done)
            disk.cut()
            disk.power_on()
        assert live(disk, entropy, done) == len(BATCHES)
        report, seeds = looked_at(disk)
        assert report.verdict == "good"
        assert len(seeds) == 1
        disk.close()


def test_seed_outlives_its_epoch_on_the_disk() -> None:
    """After each checkpoint nothing of any earlier seed is in the file, also where a write of it was torn."""
    disk, drawn = SimDisk(name="gone"), []

    def entropy(size: int, stream: Stream = Stream()) -> bytes:  # noqa: B008 - one stream for this one test
        drawn.append(stream(size))
        return drawn[-1]

    journal = opened(FOLDER, entropy, vfs=disk.vfs_name)  # type: ignore[arg-type]
    assert not list(journal.replay())
    for batch in BATCHES:
        journal.append(batch)
        content = disk.content("state/keys/journal.seeds") or b""
        assert [seed for seed in drawn if seed in content] == [drawn[-1]]
        assert not [seed for seed in drawn[:-1] if seed[:16] in content or seed[16:] in content]
    disk.damage("state/keys/journal.seeds", SLOT_BYTES * ((len(drawn) + 1) % 2) + 8, drawn[0][:20])
    journal.close()
    journal = opened(FOLDER, entropy, vfs=disk.vfs_name)  # type: ignore[arg-type]
    list(journal.replay())
    content = disk.content("state/keys/journal.seeds") or b""
    assert drawn[0][:20] not in content, "what a torn write left stays for ever"
    assert drawn[-1] in content
    journal.close()
    disk.close()


# --- each step by name ------------------------------------------------------------------------------------------------


class Cut(Exception):  # noqa: N818 - it is no error of anybody's
    """The power is gone."""


class MemorySeeds:
    """A seed store that survives its kit."""

    def __init__(self) -> None:
        self.kept: dict[int, bytes] = {}

    def seeds(self) -> dict[int, bytes]:
        return dict(self.kept)

    def put(self, epoch: int, seed: bytes) -> None:
        self.kept = {one: kept for one, kept in self.kept.items() if one % 2 != epoch % 2} | {epoch: seed}

    def erase(self, epoch: int) -> None:
        self.kept = {one: kept for one, kept in self.kept.items() if one % 2 != epoch % 2}

    def close(self) -> None:
        pass


Step = Literal[
    "before the next seed is durable",
    "the next seed is durable",
    "before the checkpoint is synced",
    "the checkpoint is synced",
    "before the old seed is erased",
    "the old seed is erased",
]
_WHERE: dict[Step, tuple[str, str]] = {
    "before the next seed is durable": ("put", "before"),
    "the next seed is durable": ("put", "after"),
    "before the checkpoint is synced": ("append", "before"),
    "the checkpoint is synced": ("append", "after"),
    "before the old seed is erased": ("erase", "before"),
    "the old seed is erased": ("erase", "after"),
}


@contextmanager
def cut_at(step: Step, journal: SignedJournal, seeds: MemorySeeds) -> Iterator[None]:
    """The next checkpoint meets a power cut at this step."""
    name, when = _WHERE[step]
    owner: Any = journal._journal if name == "append" else seeds
    whole: Callable[..., Any] = getattr(owner, name)

    def dying(*arguments: Any) -> Any:
        if when == "after":
            whole(*arguments)
        raise Cut

    setattr(owner, name, dying)
    try:
        with pytest.raises(Cut):
            yield
    finally:
        setattr(owner, name, whole)


@pytest.mark.parametrize("epochs", [1, 2, 5])
@pytest.mark.parametrize("step", get_args(Step))
def test_power_goes_at_a_step_of_the_evolution(step: Step, epochs: int, tmp_path: Path) -> None:
    seeds, entropy, path = MemorySeeds(), Stream(), tmp_path / "journal.db"
    journal = built(Journal(path), seeds, entropy)
    assert not list(journal.replay())
    journal.append(BIRTH)
    for _ in range(epochs - 1):
        journal.append([PhaseEntered(at=AT, phase="readiness", trigger="readiness-passed")])
    journal._journal.append([PowerChanged(at=AT, state="battery")])
    journal._chain.uncovered += 1
    with cut_at(step, journal, seeds):
        journal.sign_off()
    journal.close()
    again = built(Journal(path), seeds, entropy)
    list(again.replay())
    assert again.key_lost is None
    (kept,) = seeds.kept.items()
    assert again._chain.expected == (kept[0], epoch_key(kept[1], NAME).vkey), "not the key that is due"
    again.append([BootRecorded(at=AT, boot_id="again")])
    report = verify(again._journal.bodies(), MANIFEST, seeds=seeds.kept)
    assert report.verdict == "good"
    assert len(report.segments) == 1
    again.close()


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("what", ["put", "append"])
def test_power_goes_while_the_first_key_is_certified(what: str, when: str, tmp_path: Path) -> None:
    seeds, entropy, path = MemorySeeds(), Stream(), tmp_path / "journal.db"
    journal = built(Journal(path), seeds, entropy)
    assert not list(journal.replay())
    owner: Any = seeds if what == "put" else journal._journal
    whole, calls = getattr(owner, what), 0

    def dying(*arguments: Any) -> Any:
        nonlocal calls
        calls += 1
        if what == "append" and calls == 1:
            return whole(*arguments)  # the facts themselves: the certificate comes second
        if when == "after":
            whole(*arguments)
        raise Cut

    setattr(owner, what, dying)
    with pytest.raises(Cut):
        journal.append(BIRTH)
    setattr(owner, what, whole)
    journal.close()
    again = built(Journal(path), seeds, entropy)
    facts = list(again.replay())
    assert len(seeds.kept) <= 1
    assert again.key_lost is None
    again.append([BootRecorded(at=AT, boot_id="again")])
    report = verify(again._journal.bodies(), MANIFEST, seeds=seeds.kept)
    assert (report.verdict, len(report.segments)) == ("good", 1)
    assert (what, when) != ("append", "after") or isinstance(facts[-1], JournalKeyCertified)
    again.close()


def test_facts_stay_unsigned_for_long(tmp_path: Path) -> None:
    journal = built(Journal(tmp_path / "journal.db"), MemorySeeds(), Stream())
    assert not list(journal.replay())
    journal.append(BIRTH)
    chain: Chain = journal._chain
    for _ in range(5 * CHECKPOINT_FACTS):
        journal.append([PowerChanged(at=AT, state="mains")])
        assert chain.uncovered < CHECKPOINT_FACTS
    assert len(chain.checkpoints) == 6
    journal.close()


def test_disk_takes_no_seed(tmp_path: Path) -> None:
    """As when it takes no fact: the daemon ends and is started again, and nothing is signed with a lost key."""
    folder = tmp_path / "state"
    folder.mkdir()
    (folder / "keys").mkdir()
    (folder / "keys" / "journal.seeds").mkdir()
    with pytest.raises(JournalUnavailableError, match="check the folder, its permissions"):
        opened(folder, Stream())
    journal = Journal(folder / "journal.db")  # it was let go of
    journal.close()


def test_seed_is_written_and_cannot_be_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = SeedFile(tmp_path / "keys" / "journal.seeds")
    write = store._write
    monkeypatch.setattr(store, "_write", lambda data, offset: write(data[:-1] + b"x", offset))
    with pytest.raises(JournalUnavailableError, match="cannot be read back"):
        store.put(7, bytes(32))
    store.close()


def test_others_than_the_owner_can_read_the_seeds(tmp_path: Path) -> None:
    path = tmp_path / "keys" / "journal.seeds"
    SeedFile(path).close()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    path.chmod(0o644)
    SeedFile(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


def test_file_of_seeds_that_was_cut_short_loses_the_other_seed(tmp_path: Path) -> None:
    path = tmp_path / "journal.seeds"
    store = SeedFile(path)
    store.put(2, b"\x02" * 32)
    store.put(3, b"\x03" * 32)
    store.close()
    path.write_bytes(path.read_bytes()[: SLOT_BYTES + 20])
    store = SeedFile(path)
    assert store.seeds() == {2: b"\x02" * 32}
    store.put(3, b"\x04" * 32)
    assert store.seeds() == {2: b"\x02" * 32, 3: b"\x04" * 32}
    store.erase(2)
    assert store.seeds() == {3: b"\x04" * 32}
    store.close()
    assert b"\x02" * 8 not in path.read_bytes()
