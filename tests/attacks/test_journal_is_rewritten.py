"""Somebody has the kit's disk for an hour: what he changes, cuts off or brings back is seen, by it or by others."""

import shutil
from pathlib import Path
from typing import Final

import msgspec
import pytest

from crypto import canonical
from crypto.journal_note import JournalNote, epoch_key, sign_note
from crypto.merkle import leaf_hash, root
from crypto.notes import Checkpoint, text_of
from kit.facts import CheckpointSigned, EnvelopeSealed, Fact, PhaseEntered
from kit.journal.journal import Journal, JournalError, read_fact
from kit.journal.report import verify
from kit.journal.signed import JOURNAL_FILE
from tests.attacks.catalogue import attack
from tests.kit.center_stand_in import Center
from tests.kit.harness import ONE_TERMINAL
from tests.kit.signed_day import (
    KEY,
    MANIFEST,
    NAME,
    SignedBranch,
    Stream,
    bodies_in,
    codes,
    leaves_of,
    looked_at,
    opened,
    rewritten,
)
from tests.kit.staff import work_until

LATER: Final = "2027-06-18T14:00:00.001Z"


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[int, bytes]]:
    """The state directory of a kit that delivered, and the leaves that the centre has of it. Read only."""
    folder = tmp_path_factory.mktemp("kit") / "state"
    branch = work_until(SignedBranch(folder), "delivered")
    assert isinstance(branch, SignedBranch)
    branch.stop()
    return folder, leaves_of(branch.center)


def numbers_of(bodies: list[bytes], kind: type[Fact]) -> list[int]:
    """The numbers (from 1) of all facts of a kind."""
    return [number for number, body in enumerate(bodies, 1) if isinstance(read_fact(body), kind)]


def on_a_disk(folder: Path, like: Path, bodies: list[bytes]) -> Path:
    """A kit's folder whose journal says something else, as who has root and SQLite writes it."""
    shutil.copytree(like, folder)
    for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal"):
        (folder / name).unlink(missing_ok=True)
    journal = Journal(folder / JOURNAL_FILE)
    assert not list(journal.replay())
    journal.append([read_fact(body) for body in bodies])
    journal.close()
    return folder


def starts(folder: Path) -> None:
    """What kitd does first."""
    journal = opened(folder, Stream("another life"))
    try:
        list(journal.replay())
    finally:
        journal.close()


def faults(bodies: list[bytes], leaves: dict[int, bytes] | None = None) -> set[str]:
    return {fault.code for fault in verify(bodies, MANIFEST, leaves=leaves).faults}


def test_control_untouched_journal_is_accused(delivered: tuple[Path, dict[int, bytes]]) -> None:
    folder, leaves = delivered
    assert looked_at(folder, leaves=leaves).verdict == "good"
    assert faults(bodies_in(folder), leaves) == set()
    starts(folder)


@attack("journal rewrite")
def test_fact_of_the_morning_is_another_one(delivered: tuple[Path, dict[int, bytes]], tmp_path: Path) -> None:
    """A time, and the phase itself; the kit does not start with it, and whoever verifies it says so."""
    folder, leaves = delivered
    bodies = bodies_in(folder)
    for round_, number in enumerate(numbers_of(bodies, PhaseEntered)[:3]):
        forged = rewritten(bodies, number, at=LATER)
        assert "fact-rewritten" in faults(forged, leaves)
        with pytest.raises(JournalError, match="it is evidence"):
            starts(on_a_disk(tmp_path / str(round_), folder, forged))
    without = [*bodies[:8], *bodies[9:]]
    assert faults(without) - {"journal-truncated"}


@attack("journal rewrite", "key of the next epoch")
def test_past_is_sealed_anew_with_the_key_of_now(tmp_path: Path) -> None:
    """The thief has the device's key and the seed of this hour; those that signed the morning are gone."""
    folder = tmp_path / "state"
    branch = work_until(SignedBranch(folder), "closed")
    assert isinstance(branch, SignedBranch)
    branch.stop()
    stolen = opened(folder, Stream("thief"))
    list(stolen.replay())
    ((epoch, secret),) = stolen._notary._seeds.seeds().items()
    stolen.close()
    bodies = bodies_in(folder)
    assert faults(bodies) == set()
    target = numbers_of(bodies, CheckpointSigned)[3]
    past = rewritten(bodies[: target - 1], target - 2, at=LATER)
    fact = read_fact(bodies[target - 1])
    assert isinstance(fact, CheckpointSigned)
    for claimed in (epoch, JournalNote.parse(text_of(fact.note)).epoch):
        tree = Checkpoint(NAME.origin, len(past), root([leaf_hash(body) for body in past]))
        note = JournalNote(tree, claimed, epoch_key(bytes(32), NAME).vkey)
        signed = CheckpointSigned(at=LATER, epoch=claimed, note=sign_note(note, epoch_key(secret, NAME), KEY))
        forged = [*past, canonical.encode(msgspec.to_builtins(signed))]
        assert faults(forged) & {"epoch-skipped", "checkpoint-forged"}
        with pytest.raises(JournalError):
            starts(on_a_disk(tmp_path / str(claimed), folder, forged))


@attack("skipped epoch")
def test_checkpoint_is_taken_out(delivered: tuple[Path, dict[int, bytes]], tmp_path: Path) -> None:
    """Alone, and with all that it signed."""
    bodies = bodies_in(delivered[0])
    third, fourth = numbers_of(bodies, CheckpointSigned)[2:4]
    alone = [*bodies[: third - 1], *bodies[third:]]
    with_its_facts = [*bodies[:third], *bodies[fourth:]]
    for name, forged in (("alone", alone), ("whole", with_its_facts)):
        assert "epoch-skipped" in faults(forged)
        with pytest.raises(JournalError, match="it is evidence"):
            starts(on_a_disk(tmp_path / name, delivered[0], forged))


@attack("truncation")
def test_evening_is_cut_off(delivered: tuple[Path, dict[int, bytes]], tmp_path: Path) -> None:
    """At a checkpoint, where a journal looks whole: the kit's seeds and the centre's leaves know better."""
    folder, leaves = delivered
    bodies = bodies_in(folder)
    envelope = numbers_of(bodies, EnvelopeSealed)[0]
    cut = bodies[: max(number for number in numbers_of(bodies, CheckpointSigned) if number < envelope - 1)]
    assert faults(cut) == set()
    assert {"journal-truncated", "envelope-forgotten"} <= faults(cut, leaves)
    shortened = on_a_disk(tmp_path / "cut", folder, cut)
    with pytest.raises(JournalError, match="an older copy of it was put back"):
        starts(shortened)
    assert "journal-behind-its-keys" in codes(looked_at(shortened))


@attack("restored disk image")
def test_disk_of_the_afternoon_is_put_back(tmp_path: Path) -> None:
    """The journal alone: the kit notices. The whole disk: it cannot, and the centre's log shows two evenings."""
    folder, older = tmp_path / "state", tmp_path / "older"
    center = Center(ONE_TERMINAL)
    branch = SignedBranch(folder, center=center)
    work_until(branch, "closed")
    branch.stop()
    shutil.copytree(folder, older)
    branch.boot()
    work_until(branch, "delivered")
    branch.stop()
    assert looked_at(folder, leaves=leaves_of(center)).verdict == "good"

    mixed = Path(shutil.copytree(folder, tmp_path / "mixed"))
    shutil.copy(older / JOURNAL_FILE, mixed / JOURNAL_FILE)
    with pytest.raises(JournalError, match="an older copy of it was put back"):
        starts(mixed)

    restored = SignedBranch(older, center=center, entropy=Stream("after the restore"))
    for name, line in restored.lines.items():
        line.model = branch.lines[name].model  # the terminal is where it was
    restored.boot()
    work_until(restored, "delivered")
    restored.stop()
    assert "device-forked" in codes(looked_at(older, leaves=leaves_of(center)))
    assert "device-forked" in codes(looked_at(folder, leaves=leaves_of(center)))
