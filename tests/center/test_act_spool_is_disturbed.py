"""The spool meets strangers' files, links, pipes, other users, full disks and kills: typed errors, nothing lost."""

import asyncio
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import center.intake.spool
import center.intake.spool_desk
from center import files
from center.errors import OutputError, SpoolError
from center.intake.admission import SPOOL, Duplicate, Refused
from center.intake.inbox import Inbox
from center.intake.spool import DONE, REFUSED, ForeignFileError, Result, Spool, envelope_in
from center.intake.spool_desk import SpoolDesk
from center.ports import Delivery
from crypto.carrier import to_compact
from crypto.codec import sha256_hex
from crypto.errors import EvidenceError
from crypto.wire import ENVELOPE_MAX
from tests.center.branch import WALL_MS, Center, Device
from tests.center.commission import Commission
from tests.crypto.election_fixture import make_election

RESULT = Result(sha256="ab" * 32, leaf=7, held=False)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    spool = Spool(tmp_path)
    spool.prepare()
    return spool


@pytest.fixture
def center_(tmp_path: Path) -> Iterator[Center]:
    center_ = Center(make_election(2), str(tmp_path / "ledger.db"))
    yield center_
    center_.close()


class Desk:
    """A desk, and what it put into the inbox."""

    def __init__(self, spool: Spool, center_: Center, room: int = 1000) -> None:
        self.taken: list[Delivery] = []
        self.room = room
        self.center = center_
        self.desk = SpoolDesk(spool, center_.election.loaded, self._take)

    def _take(self, delivery: Delivery) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(delivery)
        return True

    def look(self) -> list[Delivery]:
        self.taken.clear()
        self.desk._look()
        return list(self.taken)

    def serve(self) -> None:
        """Take, log and lay aside, as centerd does."""
        taken = self.look()
        outcome = self.center.take(*((one.topic, one.payload) for one in taken))
        for one, judged in zip(taken, outcome.judged, strict=True):
            assert one.file is not None
            self.desk.settle(one.file, judged, self.center.ledger.leaf_of(judged.sha256))


def bring(spool: Spool, data: bytes, index: int = 0) -> str:
    return spool.bring(data, wall_ms=WALL_MS, index=index)


def test_files_come_in_the_order_in_which_they_were_brought(spool: Spool) -> None:
    late = spool.bring(b"0", wall_ms=WALL_MS + 1, index=0)
    names = [bring(spool, data, index) for index, data in enumerate([b"z", b"a", b"m"])]
    assert spool.waiting() == [*names, late]
    assert spool.read(names[1]) == b"a"
    assert stat.S_IMODE((spool.folder / late).stat().st_mode) == 0o600
    assert stat.S_IMODE(spool.folder.stat().st_mode) == 0o700


def test_verdict_is_told_once_the_file_is_laid_aside(spool: Spool) -> None:
    good, bad = bring(spool, b"good"), bring(spool, b"bad")
    assert (spool.verdict(good), spool.verdict(bad)) == (None, None)
    spool.accept(good, RESULT)
    spool.refuse(bad, "because\nof two lines")
    assert not spool.waiting()
    accepted, refused = spool.verdict(good), spool.verdict(bad)
    assert accepted is not None
    assert accepted.result == RESULT
    assert refused is not None
    assert (refused.result, refused.reason) == (None, "because\nof two lines")
    assert (spool.folder / DONE / good).read_bytes() == b"good"
    assert (spool.folder / REFUSED / bad).read_bytes() == b"bad"


def test_verdict_before_the_file_is_laid_aside_is_not_final(spool: Spool) -> None:
    """As after a kill between the two steps: the file will be judged again."""
    name = bring(spool, b"data")
    spool.accept(name, RESULT)
    (spool.folder / DONE / name).rename(spool.folder / name)
    assert spool.verdict(name) is None
    spool.accept(name, RESULT)
    assert spool.verdict(name) is not None


@pytest.mark.parametrize("record", [b"", b"{", b"{}", b'{"leaf":"x"}', b"\xff" * 100])
def test_damaged_record_is_no_verdict(spool: Spool, record: bytes) -> None:
    name = bring(spool, b"data")
    spool.accept(name, RESULT)
    (spool.folder / DONE / f"{name}.result").write_bytes(record)
    assert spool.verdict(name) is None


def test_strangers_file_is_laid_aside_and_not_read(spool: Spool, center_: Center) -> None:
    desk = Desk(spool, center_)
    for name in ("act.json", "x" * 255, "line\nbreak", os.fsdecode(b"\xff\xfe"), "0-1-2"):
        (spool.folder / name).write_bytes(b"{}")
    assert desk.look() == []
    assert not spool.waiting()
    laid = sorted(path.name for path in (spool.folder / REFUSED).iterdir())
    assert len(laid) == 10
    assert all(name.startswith("foreign-") for name in laid)
    reason = next(path for path in (spool.folder / REFUSED).iterdir() if path.suffix == ".reason")
    assert "center submit" in reason.read_text(encoding="utf-8")


def test_folder_pipe_link_and_huge_file_are_laid_aside(spool: Spool, center_: Center, tmp_path: Path) -> None:
    names = [bring(spool, b"%d" % index, index) for index in range(5)]
    paths = [spool.folder / name for name in names]
    for path in paths:
        path.unlink()
    secret = tmp_path / "secret"
    secret.write_bytes(b"0")
    paths[0].mkdir()
    os.mkfifo(paths[1])
    paths[2].symlink_to(secret)
    paths[3].symlink_to(tmp_path / "nowhere")
    with paths[4].open("wb") as huge:
        huge.truncate(ENVELOPE_MAX + 1)
    assert Desk(spool, center_).look() == []
    assert not spool.waiting()
    assert secret.read_bytes() == b"0"
    verdicts = [spool.verdict(name) for name in names]
    reasons = [verdict.reason or "" for verdict in verdicts if verdict is not None]
    assert len(reasons) == 5
    for reason, word in zip(reasons, ("ordinary", "ordinary", "links", "links", "longer than"), strict=True):
        assert word in reason


def test_what_root_brings_belongs_to_the_owner_of_the_state_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[str, int, int]] = []

    def chown(path: Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        given.append((path.name, uid, gid))

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", chown)
    spool = Spool(tmp_path)
    spool.prepare()
    name = bring(spool, b"data")
    owner = tmp_path.stat()
    assert given == [(one, owner.st_uid, owner.st_gid) for one in ("spool", DONE, REFUSED, name)]


def test_half_written_or_changed_file_is_refused(spool: Spool, center_: Center) -> None:
    name = bring(spool, b'{"whole":1}')
    (spool.folder / name).write_bytes(b'{"who')
    with pytest.raises(ForeignFileError, match="half written"):
        spool.read(name)
    assert Desk(spool, center_).look() == []
    verdict = spool.verdict(name)
    assert verdict is not None
    assert "submit it again" in (verdict.reason or "")


def test_unfinished_file_is_left_alone_and_cleared_when_it_is_old(spool: Spool, center_: Center) -> None:
    unfinished = spool.folder / f"{files.TEMPORARY_PREFIX}abc"
    unfinished.write_bytes(b"half")
    assert Desk(spool, center_).look() == []
    written_ms = unfinished.stat().st_mtime_ns // 1_000_000
    spool.clear_unfinished(wall_ms=written_ms + center.intake.spool.UNFINISHED_MS)
    assert unfinished.exists()
    spool.clear_unfinished(wall_ms=written_ms + center.intake.spool.UNFINISHED_MS + 1)
    assert not unfinished.exists()


def test_spool_is_full(spool: Spool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center.intake.spool, "WAITING_MAX", 3)
    for index in range(3):
        bring(spool, b"%d" % index, index)
    with pytest.raises(SpoolError, match="is centerd running"):
        bring(spool, b"one more", 4)


def test_spool_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "spool").write_bytes(b"a file")
    with pytest.raises(SpoolError, match="is no folder"):
        Spool(tmp_path).prepare()
    with pytest.raises(SpoolError, match="cannot be used"):
        Spool(tmp_path / "nowhere").prepare()
    (tmp_path / "spool").unlink()
    (tmp_path / "spool").symlink_to(tmp_path)
    with pytest.raises(SpoolError, match="is no folder"):
        Spool(tmp_path).prepare()


def test_envelopes_and_carriers_become_envelopes(center_: Center) -> None:
    manifest = center_.election.loaded
    tally = Device(center_.election, "branch-1").tally()
    assert envelope_in(tally, manifest) == envelope_in(to_compact(tally, manifest), manifest) == tally
    for junk in (b"", b"\x00", b"\xff" * 200, to_compact(tally, manifest)[:-1]):
        with pytest.raises(EvidenceError):
            envelope_in(junk, manifest)


def test_what_waits_is_logged_and_laid_aside(spool: Spool, center_: Center) -> None:
    desk = Desk(spool, center_)
    device = Device(center_.election, "branch-1")
    account = device.account()
    center_.take((device, account))
    act = Commission(center_).change()
    tally = to_compact(device.tally(), center_.election.loaded)
    names = [bring(spool, data, index) for index, data in enumerate([act, tally, account, b"{}"])]
    desk.serve()
    verdicts = [spool.verdict(name) for name in names]
    results = [verdict.result for verdict in verdicts if verdict is not None]
    assert results[0] == Result(sha256=sha256_hex(act), leaf=1, held=False)
    assert results[1] is not None
    assert results[1].leaf == 2
    assert results[2] == Result(sha256=sha256_hex(account), leaf=0, held=True)
    assert results[3] is None
    assert desk.look() == []


def test_file_on_its_way_is_not_taken_twice(spool: Spool, center_: Center) -> None:
    desk = Desk(spool, center_)
    name = bring(spool, Commission(center_).change())
    assert [one.file for one in desk.look()] == [name]
    assert desk.look() == []


def test_full_inbox_leaves_files_where_they_are(spool: Spool, center_: Center) -> None:
    desk = Desk(spool, center_, room=1)
    change = Commission(center_).change
    names = [bring(spool, change(reason=str(index)), index) for index in range(3)]
    assert [one.file for one in desk.look()] == names[:1]
    assert [one.file for one in desk.look()] == names[1:2]
    assert spool.waiting() == names


def test_flood_of_files_does_not_fill_the_inbox(
    spool: Spool, center_: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(center.intake.spool_desk, "BATCH_MAX", 2)
    desk = Desk(spool, center_)
    change = Commission(center_).change
    names = [bring(spool, change(reason=str(index)), index) for index in range(4)]
    assert [one.file for one in desk.look()] == names[:2]
    assert desk.look() == []
    desk.desk.settle(names[0], Refused("ab" * 32, None, SPOOL, "no"), None)
    assert [one.file for one in desk.look()] == names[2:3]


def test_disk_refuses_while_a_logged_file_is_laid_aside(
    spool: Spool, center_: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk = Desk(spool, center_)
    act = Commission(center_).change()
    name = bring(spool, act)
    with monkeypatch.context() as patched:

        def full(*_: object, **__: object) -> None:
            raise OutputError("disk full")

        patched.setattr(center.intake.spool, "write_whole", full)
        desk.serve()
    assert center_.log.size == 1
    assert (spool.waiting(), spool.verdict(name)) == ([name], None)
    (again,) = desk.look()
    judged = center_.take((again.topic, again.payload)).judged[0]
    assert isinstance(judged, Duplicate)
    desk.desk.settle(name, judged, 0)
    verdict = spool.verdict(name)
    assert verdict is not None
    assert verdict.result == Result(sha256=sha256_hex(act), leaf=0, held=True)


@pytest.mark.parametrize("step", range(1, 6))
def test_centerd_is_killed_at_every_step_of_laying_aside(
    spool: Spool, center_: Center, monkeypatch: pytest.MonkeyPatch, step: int
) -> None:
    """Before and after each of: record, rename, sync of either folder. Another centerd then finishes."""
    act = Commission(center_).change()
    name = bring(spool, act)
    done = 0

    def killed(real: Callable[..., object]) -> Callable[..., object]:
        def go(*arguments: Any, **named: Any) -> object:
            nonlocal done
            done += 1
            if done == step:
                raise SystemExit
            return real(*arguments, **named)

        return go

    with monkeypatch.context() as patched:
        patched.setattr(center.intake.spool, "write_whole", killed(files.write_whole))
        patched.setattr(Path, "rename", killed(Path.rename))
        patched.setattr(center.intake.spool, "sync_folder", killed(files.sync_folder))
        if step < 5:
            with pytest.raises(SystemExit):
                Desk(spool, center_).serve()
        else:
            Desk(spool, center_).serve()
            assert done == 4, "there are no more steps than are tried here"
    Desk(spool, center_).serve()
    assert [entry.data for entry in center_.ledger.entries()] == [act]
    verdict = spool.verdict(name)
    assert verdict is not None
    assert verdict.result is not None
    assert verdict.result.leaf == 0
    assert spool.waiting() == []


def test_spool_that_vanishes_does_not_end_the_desk(
    spool: Spool, center_: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(center.intake.spool_desk, "LOOK_S", 0.001)
    monkeypatch.setattr(center.intake.spool_desk, "FAILURE_PAUSE_S", 0.002)
    inbox = Inbox()
    desk = SpoolDesk(spool, center_.election.loaded, inbox.push)
    away = spool.folder.with_name("away")
    spool.folder.rename(away)

    async def day() -> list[Delivery]:
        task = asyncio.create_task(desk.run())
        await asyncio.sleep(0.02)
        assert not task.done()
        away.rename(spool.folder)
        bring(spool, Commission(center_).change())
        batch = await inbox.take(count_max=5, wait_ms=1, idle_ms=5_000)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return batch

    assert [one.topic for one in asyncio.run(day())] == [SPOOL]
