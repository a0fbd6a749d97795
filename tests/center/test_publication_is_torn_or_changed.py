"""``center publish``: strangers never see half of it, and never anything else than before."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from center import files
from center.errors import OutputError
from center.publication import publishing
from crypto import receipt
from crypto.notes import Checkpoint, verify_note
from crypto.statements import WitnessPolicy
from tests.center.branch import Center
from tests.center.publication import PAST, Office, contents
from tests.crypto.election_fixture import Election, make_election


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(2, schedule=PAST)


@pytest.fixture
def office(tmp_path: Path, election: Election) -> Office:
    office = Office(tmp_path, election)
    office.day("branch-1")
    return office


def test_file_is_missing_or_not_what_was_logged(office: Office) -> None:
    office.day("branch-2")
    ran = office.publish("--opening", office.open())
    assert (ran.code, ran.err) == (0, "")
    published = contents(office.public)
    assert set(published) == {
        "manifest.dsse.json",
        "log.vkey",
        "witness.vkeys",
        "checkpoint",
        "totals.json",
        "opening/4.json",
        *(f"leaves/{index}.dsse.json" for index in range(4)),
        *(f"receipts/branch-{branch}-{seq}.tlog-proof" for branch in (1, 2) for seq in (1, 2)),
    }
    assert published["manifest.dsse.json"] == office.election.manifest_bytes
    for entry in office.center.ledger.entries():
        assert published[f"leaves/{entry.leaf}.dsse.json"] == entry.data
        name = f"receipts/branch-{entry.leaf // 2 + 1}-{entry.leaf % 2 + 1}.tlog-proof"
        log, policy = office.election.loaded.log_verifier, WitnessPolicy(m=0, witnesses=())
        checked = receipt.verify(published[name].decode(), entry.data, log=log, policy=policy)
        assert checked.index == entry.leaf
    for path in office.public.rglob("*"):
        assert path.stat().st_mode & 0o044 == 0o044, "strangers must be able to read it"


def test_publishing_again_changes_nothing(office: Office) -> None:
    office.publish("--opening", office.open())
    before = {path: path.stat().st_mtime_ns for path in office.public.rglob("*") if path.is_file()}
    ran = office.publish("--opening", office.open())
    assert "(0 new), 0 new receipts" in ran.out
    assert {path: path.stat().st_mtime_ns for path in office.public.rglob("*") if path.is_file()} == before


def test_later_publication_takes_something_back(office: Office) -> None:
    office.publish("--opening", office.open())
    before = contents(office.public)
    office.day("branch-2")
    assert office.publish("--opening", office.open()).code == 0
    after = contents(office.public)
    changed = {name for name in before if after[name] != before[name]}
    assert changed == {"checkpoint", "totals.json"}
    assert {"opening/2.json", "opening/4.json"} <= set(after)


@pytest.mark.parametrize(
    "name",
    ["manifest.dsse.json", "log.vkey", "witness.vkeys", "leaves/1.dsse.json", "checkpoint", "opening/2.json"],
)
def test_published_file_was_changed_behind_our_back(office: Office, name: str) -> None:
    result = office.open()
    office.publish("--opening", result)
    changed = office.public / name
    changed.write_bytes(changed.read_bytes()[:-1] + b"#")
    office.day("branch-2")
    before = contents(office.public)
    ran = office.publish("--opening", result)
    assert ran.code == 65
    assert str(changed) in ran.err
    assert contents(office.public)[name] == before[name], "evidence was overwritten"


def test_receipt_was_changed_behind_our_back(office: Office) -> None:
    office.publish()
    changed = office.public / "receipts" / "branch-1-1.tlog-proof"
    changed.write_bytes(changed.read_bytes().replace(b"index 0", b"index 1"))
    ran = office.publish()
    assert ran.code == 65
    assert str(changed) in ran.err


def test_ledger_was_rolled_back_or_forked(office: Office, tmp_path: Path) -> None:
    office.day("branch-2")
    office.publish()
    before = contents(office.public)
    for name, branches in (("rolled-back", ["branch-1"]), ("forked", ["branch-2", "branch-1"])):
        (tmp_path / name).mkdir()
        other = Office(tmp_path / name, office.election)
        other.day(*branches)
        other.public = office.public
        ran = other.publish()
        assert ran.code == 65, name
        assert "rolled back or forked" in ran.err
        assert contents(office.public) == before


def test_opening_of_another_log_or_an_older_one_is_published(office: Office, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = Office(tmp_path / "other", office.election)
    other.day("branch-2")
    ran = office.publish("--opening", other.open())
    assert ran.code == 65
    assert "not the first of this log" in ran.err
    old = office.open().read_bytes()
    office.day("branch-2")
    assert office.publish("--opening", office.open()).code == 0
    (tmp_path / "old.json").write_bytes(old)
    assert "not taken back" in office.publish("--opening", tmp_path / "old.json").err
    (tmp_path / "old.json").write_bytes(old + b" ")
    assert office.publish("--opening", tmp_path / "old.json").code == 65
    assert office.publish("--opening", tmp_path / "none.json").code == 65


def test_two_envelopes_of_one_number_share_a_receipt(office: Office) -> None:
    device = office.devices["branch-2"]
    office.center.take((device, device.tally(seq=1)), (device, device.tally(seq=1, entropy="again")))
    assert office.publish().code == 0
    names = {path.name for path in (office.public / "receipts").iterdir()}
    assert {"branch-2-1.tlog-proof", "branch-2-1.3.tlog-proof"} <= names


def test_publisher_is_killed_before_any_of_its_writes(
    tmp_path: Path, election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    office = Office(tmp_path, election)
    office.day("branch-1")
    office.publish()
    office.day("branch-2")
    result = office.open()
    whole = files.write_whole
    for survived in range(20):
        left = survived
        monkeypatch.setattr(publishing, "write_whole", _dying_after(left, whole))
        (office.public / "leaves" / f"{files.TEMPORARY_PREFIX}x").write_bytes(b"half")
        ran = office.publish("--opening", result)
        _assert_whole(office)
        if ran.code == 0:
            break
    assert survived > 0
    monkeypatch.undo()
    assert "(0 new), 0 new" in office.publish("--opening", result).out
    assert not list(office.public.rglob(f"{files.TEMPORARY_PREFIX}*"))


def _dying_after(writes: int, whole: Callable[..., None]) -> Callable[..., None]:
    left = [writes]

    def write(path: Path, data: bytes, *, mode: int) -> None:
        if left[0] == 0:
            raise OutputError(f"{path}: no space left")
        left[0] -= 1
        whole(path, data, mode=mode)

    return write


def _assert_whole(office: Office) -> None:
    """Everything that the checkpoint and the totals speak of is there."""
    published = contents(office.public)
    checkpoint = Checkpoint.parse(
        verify_note(published["checkpoint"].decode(), [office.election.loaded.log_verifier])
    )
    assert {f"leaves/{index}.dsse.json" for index in range(checkpoint.size)} <= set(published)
    assert len([name for name in published if name.startswith("receipts/")]) >= checkpoint.size
    if "totals.json" in published:
        assert "opening/4.json" in published


def test_folder_cannot_be_used(office: Office, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    office.public = tmp_path / "file"
    assert office.publish().code == 73
    office.public = tmp_path / "pipes"
    (office.public / "leaves").mkdir(parents=True)
    os.mkfifo(office.public / "leaves" / "0.dsse.json")
    ran = office.publish()
    assert ran.code == 65
    assert "no ordinary file" in ran.err


def test_nothing_to_publish(tmp_path: Path, election: Election) -> None:
    office = Office(tmp_path, election)
    assert office.publish().code == 65
    (tmp_path / "empty").mkdir()
    assert Center(election, str(tmp_path / "empty" / "ledger.db")).log.size == 0
