"""The gateway's folder on a real disk: damaged files, files of strangers, what was half written, no room."""

import os
from pathlib import Path

import pytest

from center.errors import SpoolError
from center.sms.folder import Folder
from center.sms.modem import BACKLOG_MAX, ModemMessages
from center.sms.records import OrderRecord, PartRecord
from drivers.modem.at.settings import AtSettings
from drivers.ports import ByteStream, SmsReceived
from tests.center.sms_world import World, parts_of, tally_of
from tests.crypto.election_fixture import make_election

ONE = "+98912000001"


def folder_at(path: Path) -> Folder:
    folder = Folder(path)
    folder.prepare()
    return folder


def test_gateway_goes_on_from_a_folder_that_was_damaged(tmp_path: Path) -> None:
    election = make_election(1)
    envelope = tally_of(election)
    parts = parts_of(election, envelope)
    world = World(election)
    world.memory = folder_at(tmp_path)  # type: ignore[assignment]
    world.start()
    world.arrive(ONE, *parts[:-1])
    kept = sorted((tmp_path / "part").iterdir())
    assert len(kept) == len(parts) - 1
    kept[0].write_bytes(kept[0].read_bytes()[:-5])  # cut off
    (tmp_path / "part" / "NOTES.txt").write_text("of a stranger", encoding="utf-8")
    (tmp_path / "part" / "abc").write_text('{"sender": 5}', encoding="utf-8")
    (tmp_path / "part" / "def").symlink_to(kept[1])
    (tmp_path / "envelope" / ("0" * 64)).write_text('{"envelope": "e30=", "numbers": []}', encoding="utf-8")
    (tmp_path / "part" / ".unfinished-x").write_text("half", encoding="utf-8")
    world.memory = folder_at(tmp_path)  # type: ignore[assignment]
    world.start()
    assert not (tmp_path / "part" / ".unfinished-x").exists()
    assert world.desk.parts_held == len(parts) - 2
    world.arrive(ONE, *parts)
    assert len(world.answers(ONE)) == 1
    assert not any(path.exists() for path in kept), "the damaged one was written anew, and is done with"
    assert sorted(path.name for path in (tmp_path / "part").iterdir()) == ["NOTES.txt", "abc", "def"]
    assert world.desk.unfinished == ""


def test_orders_end_and_say_how(tmp_path: Path) -> None:
    folder = folder_at(tmp_path)
    order = OrderRecord(packed=b"\xc5", numbers=(ONE,))
    folder.keep("order", "1-a", order)
    assert (folder.load("order"), folder.settled_order("1-a")) == ([("1-a", order)], None)
    folder.settle_order("1-a", "no such number")
    assert (folder.load("order"), folder.settled_order("1-a")) == ([], "no such number")
    folder.forget("order", "1-a")  # is gone already


def test_order_by_root_can_be_read_by_root_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    owner, given = tmp_path.stat(), dict[Path, tuple[int, int]]()

    def chown(path: Path, uid: int, gid: int, *, follow_symlinks: bool) -> None:
        assert not follow_symlinks
        given[path] = (uid, gid)

    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", chown)
    folder = folder_at(tmp_path / "sms")
    folder.keep("order", "1-a", OrderRecord(packed=b"\xc5", numbers=(ONE,)))
    made = {folder.root, *folder.root.iterdir(), folder.root / "order" / "1-a"}
    assert given == dict.fromkeys(made, (owner.st_uid, owner.st_gid))


def test_what_cannot_be_kept_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(SpoolError, match="check owner and disk"):
        folder_at(tmp_path / "file")
    folder = folder_at(tmp_path / "sms")
    (tmp_path / "sms" / "part").rmdir()
    record = PartRecord(sender=ONE, user_data=b"x")
    with pytest.raises(SpoolError, match="cannot be written"):
        folder.keep("part", record.name, record)
    with pytest.raises(SpoolError, match="check owner and disk"):
        folder.load("part")


def test_memory_is_full_too_and_nobody_hears_of_it() -> None:
    """A modem of our own has deleted what it handed over: what the disk does not take waits in memory."""
    said: list[str] = []

    def refuse(*_: object) -> None:
        raise SpoolError("no space left on device")

    modem = ModemMessages(_never, lambda: 0, refuse, lambda _: None, said.append, AtSettings())
    for _ in range(BACKLOG_MAX + 3):
        modem._heard(SmsReceived("+98912000001", b"part"))
    (words,) = (words for words in said if "lost" in words)
    assert words.startswith(
        "512 messages are kept in memory and the disk takes none: from here on the oldest ones"
    )


async def _never() -> ByteStream:
    raise AssertionError
