"""What programs and scripts find at the stand, when lines come and go and commands are wrong."""

import asyncio
import contextlib
import io
import json
import os
import socket
import time
from pathlib import Path
from typing import Any

import pytest

from simulators.stand import control
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import LinkedPty, LinkTakenError, TcpPort, UdpPort
from simulators.stand.model import CommandError
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript
from tests.simulators.parrot import Parrot

PATIENCE_S = 20.0


def _now_ms() -> int:
    return time.monotonic_ns() // 1_000_000


def _stand(out: io.StringIO | None = None) -> Stand:
    return Stand(FaultyLine(Parrot(), seed=3), Transcript(out), _now_ms)


async def _read(descriptor: int, size: int) -> bytes:
    got = b""
    async with asyncio.timeout(PATIENCE_S):
        while len(got) < size:
            try:
                got += os.read(descriptor, 100)
            except BlockingIOError:
                await asyncio.sleep(0.005)
    return got


def _open(link: Path) -> int:
    return os.open(link, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)


async def test_answers_do_not_come_back_through_the_link(tmp_path: Path) -> None:
    stand = _stand()
    stand.put_behind(LinkedPty(tmp_path / "dev", stand.hear))
    line = _open(tmp_path / "dev")
    os.write(line, b"Q1\r")
    assert await _read(line, 3) == b"Q1\r"
    os.close(line)
    stand.close()
    assert not (tmp_path / "dev").is_symlink()


async def test_unasked_words_are_lost(tmp_path: Path) -> None:
    stand = _stand()
    stand.put_behind(LinkedPty(tmp_path / "dev", stand.hear))
    line = _open(tmp_path / "dev")
    stand.obey(["say", "now"])
    stand.obey(["say", "later"])
    assert await _read(line, 10) == b"TICK\rTICK\r"
    os.close(line)
    stand.close()


async def test_unplugged_line_still_seems_to_work(tmp_path: Path) -> None:
    stand = _stand()
    stand.put_behind(LinkedPty(tmp_path / "dev", stand.hear))
    line = _open(tmp_path / "dev")
    stand.obey(["unplug"])
    assert not (tmp_path / "dev").exists()
    with pytest.raises(OSError, match="Input/output"):
        os.write(line, b"Q1\r")
    os.close(line)
    stand.obey(["plug"])
    line = _open(tmp_path / "dev")
    os.write(line, b"x")
    assert await _read(line, 1) == b"x"
    os.close(line)
    stand.close()


async def test_stand_deletes_what_is_no_link_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "dev").write_text("votes")
    stand = _stand()
    with pytest.raises(LinkTakenError, match="no symbolic link"):
        stand.put_behind(LinkedPty(tmp_path / "dev", stand.hear))
    assert (tmp_path / "dev").read_text() == "votes"


def test_mute_deaf_and_noisy_lines_are_alike() -> None:
    stand = _stand()
    stand.obey(["mute"])
    assert stand.hear(b"a") == b""
    assert stand.obey(["state"]) == {
        "heard": 1,
        "line": {"mute": True, "deaf": False, "garble_percent": 0},
    }
    stand.obey(["heard"])
    assert stand.hear(b"a") == b"a"
    stand.obey(["deaf"])
    assert stand.hear(b"a") == b""
    stand.obey(["heard"])
    state: Any = stand.obey(["state"])
    assert state["heard"] == 2
    stand.obey(["garble", "5", "%"])
    assert stand.hear(b"a" * 1000) != b"a" * 1000
    stand.obey(["garble", "0%"])
    assert stand.hear(b"a" * 1000) == b"a" * 1000


@pytest.mark.parametrize("words", [[], ["mains"], ["garble", "x", "%"], ["garble", "101"], ["say", "what"]])
def test_wrong_command_passes_in_silence(words: list[str]) -> None:
    out = io.StringIO()
    stand = _stand(out)
    with pytest.raises(CommandError):
        stand.obey(words)
    assert json.loads(out.getvalue().splitlines()[-1])["text"].startswith("refused: ")


def test_transcript_cannot_be_read_by_machines() -> None:
    out = io.StringIO()
    stand = _stand(out)
    stand.hear(b"Q1\r\xff")
    stand.obey(["garble", "0"])
    events = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [event["what"] for event in events] == ["to-device", "from-device", "command", "said"]
    assert bytes.fromhex(events[0]["hex"]) == b"Q1\r\xff"
    assert events[1]["text"] == "Q1\r\\xff"
    assert all(event["at_ms"] >= 0 for event in events)


async def test_scripts_hear_nothing(tmp_path: Path) -> None:
    stand = _stand()
    server = await control.listen(tmp_path / "s", stand)
    ask = asyncio.to_thread
    assert (await ask(control.ask, tmp_path / "s", ["say", "now"])) == {"ok": True, "says": "said"}
    refused = await ask(control.ask, tmp_path / "s", ["say"])
    assert not refused["ok"]
    assert "known: say now" in refused["error"]
    helped = await ask(control.ask, tmp_path / "s", ["help"])
    assert {"say now|later", "mute", "unplug", "state"} <= set(helped["says"])
    server.close()


def test_script_waits_for_a_simulator_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(control.StandUnreachableError, match="no simulator answers"):
        control.ask(tmp_path / "nobody", ["help"])


async def test_datagrams_are_not_answered(tmp_path: Path) -> None:
    stand = _stand()
    port = UdpPort("127.0.0.1", 0, stand.hear, tmp_path / "ont")
    stand.put_behind(port)
    scheme, host, number = (tmp_path / "ont").readlink().name.split(":")
    assert scheme == "udp"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as peer:
        peer.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_sendto(peer, b"get", (host, int(number)))
        async with asyncio.timeout(PATIENCE_S):
            assert await loop.sock_recv(peer, 100) == b"get"
    stand.close()
    assert not (tmp_path / "ont").is_symlink()


async def test_second_peer_of_a_network_device_is_turned_away() -> None:
    stand = _stand()
    port = TcpPort("127.0.0.1", 0, stand.hear, None)
    stand.put_behind(port)
    _, host, number = port.address.split(":")
    for _ in range(2):
        reader, writer = await asyncio.open_connection(host, int(number))
        writer.write(b"raster")
        async with asyncio.timeout(PATIENCE_S):
            assert await reader.readexactly(6) == b"raster"
        writer.close()
    reader, writer = await asyncio.open_connection(host, int(number))
    writer.write(b"x")
    async with asyncio.timeout(PATIENCE_S):
        assert await reader.readexactly(1) == b"x"
        stand.obey(["unplug"])
        with contextlib.suppress(ConnectionError):
            assert await reader.read(1) == b""
    writer.close()
    stand.close()
