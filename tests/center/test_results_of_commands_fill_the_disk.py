"""Results of commands, a file each: the oldest go, nothing goes that is needed, and what goes is said."""

import asyncio
import os
from pathlib import Path

import pytest

from center.commands.request import CommandRequest
from center.commands.store import CommandStore
from center.config import Keeping
from center.errors import SpoolError
from center.pruning import DAY_MS, FLOOR, PRUNED_MAX, WAITED_MS, Keep, prune
from center.sms.folder import Folder
from center.sms.gateway import Gateway
from center.sms.records import OrderRecord
from crypto import sms
from tests.crypto.election_fixture import make_election

NOW_MS = 1_800_000_000_000
OLD_MS = NOW_MS - 2 * WAITED_MS


def lay(folder: Path, count: int, written_ms: int = OLD_MS, suffix: str = "") -> list[str]:
    """Results, each a second younger than the one before."""
    names = [f"{written_ms:013d}-{at:016x}{suffix}" for at in range(count)]
    for at, name in enumerate(names):
        (folder / name).write_text(f"why {at}\n")
        os.utime(folder / name, ns=(0, (written_ms + at) * 1_000_000))
    return names


def gone(folder: Path, keep: Keep, wall_ms: int = NOW_MS, needed: tuple[str, ...] = ()) -> list[str]:
    pruned = prune(folder, keep, wall_ms=wall_ms, is_needed=needed.__contains__)
    assert not any((folder / one.name).exists() for one in pruned)
    return [one.name for one in pruned]


def test_more_than_the_bound(tmp_path: Path) -> None:
    names = lay(tmp_path, FLOOR + 30)
    (pruned, *_) = prune(tmp_path, Keep(FLOOR + 20, 1), wall_ms=NOW_MS, is_needed=lambda _: False)
    assert (pruned.name, pruned.words) == (names[0], "why 0")
    assert gone(tmp_path, Keep(FLOOR + 20, 1)) == []
    assert len(list(tmp_path.iterdir())) == FLOOR + 20


def test_older_than_the_bound(tmp_path: Path) -> None:
    names = lay(tmp_path, FLOOR + 3, NOW_MS - 31 * DAY_MS)
    assert gone(tmp_path, Keep(10_000, 32)) == []
    assert gone(tmp_path, Keep(10_000, 30)) == names[:3]


def test_clock_far_ahead_empties_the_folder(tmp_path: Path) -> None:
    lay(tmp_path, FLOOR + 3)
    gone(tmp_path, Keep(FLOOR, 1), NOW_MS + 10_000 * DAY_MS)
    assert len(list(tmp_path.iterdir())) == FLOOR


def test_somebody_still_waits_for_it(tmp_path: Path) -> None:
    lay(tmp_path, 2 * FLOOR, NOW_MS - WAITED_MS + 1_000)
    assert gone(tmp_path, Keep(FLOOR, 1)) == []


def test_too_many_at_one_time(tmp_path: Path) -> None:
    lay(tmp_path, FLOOR + PRUNED_MAX + 5)
    assert [len(gone(tmp_path, Keep(FLOOR, 1))) for _ in range(3)] == [PRUNED_MAX, 5, 0]


def test_strange_things_lie_among_them(tmp_path: Path) -> None:
    lay(tmp_path, FLOOR + 1)
    (tmp_path / ".unfinished-x").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to("/etc/hostname")
    assert len(gone(tmp_path, Keep(FLOOR, 1))) == 1
    with pytest.raises(SpoolError):
        gone(tmp_path / "not-there", Keep(FLOOR, 1))


def test_result_of_an_order_that_is_still_there(tmp_path: Path) -> None:
    """Killed between the two steps: without the result the order would be sent again."""
    folder = Folder(tmp_path)
    folder.prepare()
    names = lay(tmp_path / "done", FLOOR + 3)
    folder.keep("order", names[1], OrderRecord(packed=b"\xc5", numbers=("+98912000001",)))
    keep = Keeping(sms_done=FLOOR, sms_done_days=1).done
    assert [one.name for one in folder.prune_done(keep, wall_ms=NOW_MS)] == [names[0], names[2]]
    assert folder.settled_order(names[1]) is not None


def test_refusal_of_a_request_that_is_still_there(tmp_path: Path) -> None:
    store = CommandStore(tmp_path)
    store.prepare()
    names = lay(tmp_path / "commands" / "refused", FLOOR + 3, suffix=".reason")
    asked = store.ask(CommandRequest(kind="clock", branch=None, for_s=60), wall_ms=NOW_MS)
    (store.folder / "asked" / asked).rename(store.folder / "asked" / names[1].removesuffix(".reason"))
    keep = Keeping(refused_commands=FLOOR, refused_commands_days=1).refused
    assert [one.name for one in store.prune(keep, wall_ms=NOW_MS)] == [names[0], names[2]]


class _NoMessages:
    """A way for short messages that takes what is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    async def run(self) -> None:
        await asyncio.Event().wait()

    def send(self, token: int, number: str, user_data: bytes) -> None:
        assert (token, number) != (0, "")
        self.sent.append(user_data)


async def test_gateway_sends_what_an_earlier_life_has_sent_and_says_what_it_prunes(tmp_path: Path) -> None:
    folder, way, said = Folder(tmp_path), _NoMessages(), list[str]()
    folder.prepare()
    names = lay(tmp_path / "done", FLOOR + 2)
    for name in (names[0], "9999999999999-aa"):
        folder.keep("order", name, OrderRecord(packed=name.encode(), numbers=("+98912000001",)))
    gateway = Gateway(
        make_election(1).loaded,
        folder,
        ("127.0.0.1", 1),
        "sms",
        lambda *_: way,
        tell=said.append,
        ask_after_ms=60_000,
        reference=0,
        keep=Keep(FLOOR, 1),
        wall_ms=lambda: NOW_MS,
    )
    running = asyncio.create_task(gateway.run())
    async with asyncio.timeout(10):
        while not way.sent or len(list((tmp_path / "done").iterdir())) > FLOOR + 1:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
    gateway.stop()
    await running
    assert [sms.parse(one).body for one in way.sent] == [b"9999999999999-aa"]
    assert not (tmp_path / "order" / names[0]).exists()
    assert f"result of command {names[1]} removed: why 1" in said
