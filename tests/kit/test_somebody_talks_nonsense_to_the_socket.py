"""The control socket hears what it should not: every line gets an answer in words, and the daemon goes on."""

import asyncio
import contextlib
import json
import shutil
import stat
import tempfile
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from crypto.wire import ENVELOPE_MAX
from kit import control, exit_codes
from kit.cli.client import NoDaemonError, ask
from kit.control import CONNECTIONS_MAX, REQUEST_MAX, Control
from kit.events import Event, OrderReceived, ReadinessAsked
from tests.kit.commission import run
from tests.kit.harness import Branch
from tests.kit.staff import standing_in

STATUS: Final = {"phase": "open"}


class Desk:
    """A control socket with nothing behind it but a list of the events that got through."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "kitd.sock"
        self.events: list[Event] = []
        self.answers = True
        self.control = Control(self._post, lambda: STATUS)

    def _post(self, event: Event) -> None:
        self.events.append(event)
        if self.answers:
            assert isinstance(event, OrderReceived | ReadinessAsked)
            self.control.reply(event.reply, {"ok": True, "accepted": True})

    async def say(self, data: bytes, *, hang_up: bool = False) -> list[Any]:
        """Send bytes on a connection of their own, return all answers."""
        reader, writer = await asyncio.open_unix_connection(self.path, limit=1 << 22)
        writer.write(data)
        if hang_up:
            writer.write_eof()
        answers = []
        for _ in range(max(1, data.count(b"\n"))):
            with contextlib.suppress(ConnectionError):  # hung up on before it had said everything
                if line := await asyncio.wait_for(reader.readline(), 5):
                    answers.append(json.loads(line))
        await gone(writer)
        return answers


async def gone(writer: asyncio.StreamWriter) -> None:
    """Hang up, whatever the other side thinks of it."""
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


@asynccontextmanager
async def desk() -> AsyncIterator[Desk]:
    folder = Path(tempfile.mkdtemp(prefix="kit-"))
    made = Desk(folder)
    try:
        await made.control.listen(made.path)
        yield made
    finally:
        await made.control.close()
        await asyncio.sleep(0.02)  # the last ones hang up
        shutil.rmtree(folder)


async def assert_it_lives(made: Desk) -> None:
    assert await made.say(b'{"op":"status"}\n') == [{"ok": True, "status": STATUS}]


@pytest.mark.parametrize(
    "line",
    [
        b"\n",
        b"status\n",
        b"{\n",
        b"\xff\xfe\x00\n",
        b"[]\n",
        b'"status"\n',
        b"null\n",
        b"7\n",
        b"NaN\n",
        b"{}\n",
        b'{"op":"dance"}\n',
        b'{"op":["status"]}\n',
        b'{"op":"order"}\n',
        b'{"op":"order","envelope":7}\n',
        b'{"op":"order","envelope":null}\n',
        b'{"OP":"status"}\n',
        b"[" * 100_000 + b"\n",
        b'{"op":' * 50_000 + b"\n",
        b"1" * 10_000 + b"\n",
    ],
    ids=lambda line: repr(line[:30]),
)
async def test_request_is_nonsense(line: bytes) -> None:
    async with desk() as made:
        ((answer),) = await made.say(line)
        assert (answer["ok"], answer["code"]) == (False, exit_codes.USAGE)
        assert answer["error"]
        assert not made.events
        await assert_it_lives(made)


@pytest.mark.parametrize("text", ["*", "QQ", "QQ=", "Q Q=", "رأی", "\\ud800", "QQ==\\n"])
async def test_order_is_not_base64(text: str) -> None:
    async with desk() as made:
        line = f'{{"op":"order","envelope":"{text}"}}\n'.encode()
        ((answer),) = await made.say(line)
        assert (answer["ok"], answer["code"]) == (False, exit_codes.DATA)
        assert "not base64" in answer["error"]
        assert not made.events
        await assert_it_lives(made)


@pytest.mark.parametrize("size", [REQUEST_MAX + 1, 3 * REQUEST_MAX])
async def test_line_is_longer_than_any_request(size: int) -> None:
    async with desk() as made:
        answers = await made.say(b"x" * size + b'\n{"op":"status"}\n')
        assert len(answers) <= 1, "what follows an endless line was taken for a request"
        assert all("one line of at most" in answer["error"] for answer in answers)
        await assert_it_lives(made)


async def test_line_is_as_long_as_a_request_may_be() -> None:
    async with desk() as made:
        answers = await made.say(b" " * (REQUEST_MAX - 15) + b'{"op":"status"}\n')
        assert answers == [{"ok": True, "status": STATUS}]


async def test_greatest_order_does_not_fit_into_a_line() -> None:
    async with desk() as made:
        data = b"e" * ENVELOPE_MAX
        line = json.dumps({"op": "order", "envelope": b64encode(data).decode()}).encode() + b"\n"
        assert len(line) > REQUEST_MAX - 2048
        ((answer),) = await made.say(line)
        assert answer == {"ok": True, "accepted": True}
        (event,) = made.events
        assert isinstance(event, OrderReceived)
        assert event.data == data


async def test_asker_breaks_off_in_the_middle() -> None:
    async with desk() as made:
        ((answer),) = await made.say(b'{"op":"sta', hang_up=True)
        assert answer["ok"] is False
        _, writer = await asyncio.open_unix_connection(made.path)
        writer.write(b'{"op":"status"}\n')
        await gone(writer)
        await assert_it_lives(made)


async def test_many_requests_come_on_one_line() -> None:
    async with desk() as made:
        answers = await made.say(b'{"op":"status"}\nx\n{"op":"readiness"}\n{"op":"status"}\n')
        assert [answer["ok"] for answer in answers] == [True, False, True, True]


async def test_more_people_ask_than_there_is_room_for() -> None:
    async with desk() as made:
        held = [await asyncio.open_unix_connection(made.path) for _ in range(CONNECTIONS_MAX)]
        for reader, writer in held:
            writer.write(b'{"op":"status"}\n')
            assert await reader.readline()
        assert await made.say(b'{"op":"status"}\n') == [], "one more is hung up on"
        for _, writer in held:
            await gone(writer)
        await asyncio.sleep(0.05)
        await assert_it_lives(made)


async def test_core_never_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(control, "ANSWER_TIMEOUT_S", 0.05)
    async with desk() as made:
        made.answers = False
        ((answer),) = await made.say(b'{"op":"readiness"}\n')
        assert (answer["ok"], answer["code"]) == (False, exit_codes.UNAVAILABLE)
        assert "look at the log of kitd" in answer["error"]
        assert not made.control._waiting
        made.control.reply(1, {"ok": True})  # the answer comes too late: nobody waits for it
        await assert_it_lives(made)


async def test_strangers_may_write_to_the_socket() -> None:
    async with desk() as made:
        assert stat.S_IMODE(made.path.stat().st_mode) == 0o660


async def test_socket_of_the_last_life_lies_about() -> None:
    async with desk() as made:
        second = Control(made._post, lambda: {"phase": "closed"})
        await second.listen(made.path)
        assert await made.say(b'{"op":"status"}\n') == [{"ok": True, "status": {"phase": "closed"}}]
        await second.close()


# --- the asker's side ------------------------------------------------------------------------------------------------


async def answering(reply: Callable[[asyncio.StreamWriter], None], folder: Path) -> asyncio.Server:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        reply(writer)
        await gone(writer)

    return await asyncio.start_unix_server(serve, path=folder / "s")


@pytest.mark.parametrize("said", [b"", b'{"ok": true', b"not JSON\n", b"[]\n"])
async def test_daemon_hangs_up_in_the_middle_of_an_answer(said: bytes) -> None:
    folder = Path(tempfile.mkdtemp(prefix="kit-"))
    server = await answering(lambda writer: writer.write(said), folder)
    loop = asyncio.get_running_loop()
    with pytest.raises(NoDaemonError):
        await loop.run_in_executor(None, ask, folder / "s", {"op": "status"})
    server.close()
    await server.wait_closed()
    shutil.rmtree(folder)


def test_order_file_is_no_order(tmp_path: Path) -> None:
    large = tmp_path / "film.mkv"
    large.write_bytes(b"\0" * (ENVELOPE_MAX + 1))
    ended = run("kitctl", "order", large)
    assert ended.returncode == exit_codes.DATA
    assert "larger than any order" in ended.stderr


async def test_status_cannot_be_written_as_json() -> None:
    for phase in ("commissioned", "sending", "delivered"):
        branch: Branch = standing_in(phase)
        json.dumps(branch.station.status(branch.now))
