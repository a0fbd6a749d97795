"""What lies in smsd's folders: half written, of others, joined, or not what it says. smsd itself: tests/peers."""

import asyncio
import contextlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from center.errors import SpoolError
from center.sms import smsd as smsd_module
from center.sms.port import Outcome
from center.sms.smsd import SmsdSpool, check_spool
from center.sms.smsd_file import (
    ReceivedFile,
    SmsdFileError,
    UnfinishedFileError,
    headers_of,
    outgoing,
    read_received,
)
from tests.peers.patience import until

HEAD = "From: 98912000001\nFrom_TOA: {toa}\nReceived: 26-11-22 07:58:31\nAlphabet: {alphabet}\nLength: {length}\n\n"


def received(
    body: bytes, *, toa: str = "91 international, ISDN/telephone", alphabet: str = "binary", length: int = -1
) -> bytes:
    length = len(body) if length < 0 else length
    return HEAD.format(toa=toa, alphabet=alphabet, length=length).encode() + body


@given(st.binary(min_size=1, max_size=140))
def test_octets_come_out_as_they_went_in(body: bytes) -> None:
    assert read_received(received(body)) == ReceivedFile("+98912000001", body)
    for cut in range(len(received(body))):
        with pytest.raises(UnfinishedFileError):
            read_received(received(body)[:cut])
    headers, sent = headers_of(outgoing("+98912000001", body))
    assert (sent, headers["To"], headers["UDH"], headers["To_TOA"]) == (
        body,
        "98912000001",
        "true",
        "international",
    )


@given(st.binary(max_size=400))
def test_garbage_is_an_error_with_words(data: bytes) -> None:
    with contextlib.suppress(SmsdFileError):
        assert len(read_received(data).user_data) <= 140


def test_numbers_and_foreign_files() -> None:
    assert read_received(received(b"x", toa="81 unknown, ISDN/telephone")).sender == "98912000001"
    for data in (
        received(b"hello", alphabet="ISO"),
        received(bytes(280)),
        received(b"x").replace(b"Length: 1", b"Length: one"),
        received(b"x").replace(b"From: ", b"To: "),
    ):
        with pytest.raises(SmsdFileError):
            read_received(data)
    with pytest.raises(SmsdFileError, match="internal_combine_binary = no"):
        read_received(received(bytes(280)))


class Bench:
    """A spool without smsd; ``disk_full``: the gateway can keep nothing."""

    def __init__(self, root: Path) -> None:
        for name in ("incoming", "outgoing", "sent", "failed"):
            (root / name).mkdir()
        self.root = root
        self.came: list[tuple[str, bytes]] = []
        self.outcomes: list[Outcome] = []
        self.said: list[str] = []
        self.disk_full = False
        self.spool = SmsdSpool(root, self._arrived, self.outcomes.append, self.said.append, session="s")

    def _arrived(self, sender: str, user_data: bytes) -> None:
        if self.disk_full:
            raise SpoolError("no space left on device")
        self.came.append((sender, user_data))

    def names(self, folder: str) -> list[str]:
        return sorted(path.name for path in (self.root / folder).iterdir())


async def on_bench(root: Path, story: Callable[[Bench], Awaitable[None]]) -> None:
    bench = Bench(root)
    running = asyncio.create_task(bench.spool.run())
    try:
        await story(bench)
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


async def test_incoming_is_emptied_of_our_messages_and_of_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smsd_module, "LOOK_S", 0.02)
    monkeypatch.setattr(smsd_module, "FAILURE_PAUSE_S", 0.05)

    async def story(bench: Bench) -> None:
        incoming = tmp_path / "incoming"
        whole = received(b"\x05\x00\x03\x01\x02\x01abc")
        (incoming / "GSM1.half").write_bytes(whole[:-1])
        (incoming / "GSM1.text").write_bytes(received(b"hello", alphabet="ISO"))
        (incoming / "GSM1.link").symlink_to(tmp_path / "elsewhere")
        (incoming / "GSM1.old").write_bytes(whole[:-1])
        os.utime(incoming / "GSM1.old", (1, 1))
        await until(lambda: len(bench.said) == 3)
        assert bench.came == []
        (incoming / "GSM1.half").write_bytes(whole)
        await until(lambda: len(bench.came) == 1)
        assert bench.names("incoming") == ["GSM1.link", "GSM1.old", "GSM1.text"]
        bench.disk_full = True
        (incoming / "GSM1.kept").write_bytes(whole)
        await until(lambda: "nothing is lost" in bench.said[-1])
        assert "GSM1.kept" in bench.names("incoming")
        bench.disk_full = False
        await until(lambda: len(bench.came) == 2)
        assert "GSM1.kept" not in bench.names("incoming")

    await on_bench(tmp_path, story)


async def test_outcomes_are_read_and_what_earlier_lives_left_is_cleared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smsd_module, "LOOK_S", 0.02)

    async def story(bench: Bench) -> None:
        (tmp_path / "outgoing" / "branch-kit-before-1").write_text("To: 1", encoding="utf-8")
        (tmp_path / "outgoing" / "of-others").write_text("To: 1", encoding="utf-8")
        bench.spool.send(1, "+98912000001", b"one")
        bench.spool.send(2, "98912", b"two")
        await until(lambda: bench.names("outgoing") == ["branch-kit-s-1", "branch-kit-s-2", "of-others"])
        (tmp_path / "outgoing" / "branch-kit-s-1").rename(tmp_path / "sent" / "branch-kit-s-1")
        failed = (
            (tmp_path / "outgoing" / "branch-kit-s-2").read_bytes().replace(b"\n\n", b"\nFail_reason: 38\n\n")
        )
        (tmp_path / "failed" / "branch-kit-s-2").write_bytes(failed)
        await until(lambda: len(bench.outcomes) == 2)
        assert bench.outcomes == [Outcome(1, sent=True), Outcome(2, sent=False, reason="smsd: 38")]
        assert (bench.names("sent"), bench.names("failed")) == ([], [])
        (tmp_path / "outgoing").rename(tmp_path / "gone")
        bench.spool.send(3, "98912", b"three")
        assert not bench.outcomes[-1].sent
        (tmp_path / "gone").rename(tmp_path / "outgoing")

    await on_bench(tmp_path, story)
    check_spool(tmp_path)
    (tmp_path / "failed").rmdir()
    with pytest.raises(SpoolError, match="failed"):
        check_spool(tmp_path)


async def test_messages_of_others_lie_in_front_of_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smsd_module, "LOOK_S", 0.02)
    monkeypatch.setattr(smsd_module, "FILES_MAX", 5)
    monkeypatch.setattr(smsd_module, "NOT_OURS_MAX", 12)

    async def story(bench: Bench) -> None:
        for number in range(30):
            (tmp_path / "incoming" / f"GSM1.{number:02d}").write_bytes(received(b"buy", alphabet="ISO"))
        (tmp_path / "incoming" / "GSM1.zz").write_bytes(received(b"\x05\x00\x03\x01\x02\x01abc"))
        await until(lambda: len(bench.came) == 1)
        assert len(bench.names("incoming")) == 30
        assert len(bench.spool._not_ours) <= 12

    await on_bench(tmp_path, story)


async def test_file_vanishes_and_its_place_stays_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smsd_module, "LOOK_S", 0.02)
    monkeypatch.setattr(smsd_module, "VANISHED_S", 0.1)

    async def story(bench: Bench) -> None:
        (tmp_path / "checked").mkdir()
        bench.spool.send(1, "+98912000001", b"one")
        bench.spool.send(2, "+98912000001", b"two")
        (tmp_path / "outgoing" / "branch-kit-s-2").rename(tmp_path / "checked" / "branch-kit-s-2")
        (tmp_path / "outgoing" / "branch-kit-s-1").unlink()
        await until(lambda: bool(bench.outcomes))
        assert (bench.outcomes[0].token, bench.outcomes[0].sent) == (1, False)
        await asyncio.sleep(0.3)
        assert len(bench.outcomes) == 1, "smsd has the other one"

    await on_bench(tmp_path, story)
