"""kit-sim's devices as programs: they start, obey, and leave nothing behind."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Self

import pytest

PATIENCE_S = 60


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder with a name short enough for a Unix socket."""
    folder = Path(tempfile.mkdtemp(prefix="kit-sim-"))
    yield folder
    shutil.rmtree(folder)


def _kit_sim(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "simulators.cli", *words],
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )


class Device:
    """A simulator that runs, from its readiness to its end."""

    def __init__(self, *words: str) -> None:
        command = [sys.executable, "-m", "simulators.cli", *words]
        self.process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)

    def __enter__(self) -> Self:
        assert self.process.stderr is not None
        assert "ready" in self.process.stderr.readline()
        return self

    def __exit__(self, *_: object) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0
        assert self.process.stderr is not None
        self.process.stderr.close()


def test_device_leaves_link_and_socket_behind(place: Path) -> None:
    link, control, transcript = place / "ups", place / "s", place / "t"
    with Device("ups", "--link", str(link), "--control", str(control), "--transcript", str(transcript)):
        line = os.open(link, os.O_RDWR | os.O_NOCTTY)
        os.write(line, b"Q1\r")
        assert os.read(line, 1) == b"("
        os.close(line)
        told = _kit_sim("ctl", str(control), "mains", "off")
        assert (told.returncode, told.stderr) == (0, "")
        state = json.loads(_kit_sim("ctl", str(control), "state").stdout)
        assert state["input_v"] == 0
        assert "mains off" in _kit_sim("ctl", str(control), "help").stdout
        wrong = _kit_sim("ctl", str(control), "mainz", "off")
        assert wrong.returncode == 64
        assert "mains off" in wrong.stderr
    assert not link.is_symlink()
    assert not control.exists()
    events = [json.loads(event) for event in transcript.read_text().splitlines()]
    assert {"to-device", "from-device", "command", "said", "line"} <= {event["what"] for event in events}


@pytest.mark.parametrize(
    ("words", "scheme"),
    [(["ont"], "udp:127.0.0.1:"), (["printer", "--listen", "127.0.0.1:0"], "tcp:127.0.0.1:")],
)
def test_address_of_a_network_device_is_anybodys_guess(place: Path, words: list[str], scheme: str) -> None:
    with Device(*words, "--link", str(place / "here")):
        assert str((place / "here").readlink()).startswith(scheme)
    assert not (place / "here").is_symlink()


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        (["ups", "--link", "PLACE/no/such/folder/ups"], 73, "No such file"),
        (["ups", "--link", "PLACE/ups", "--control", "PLACE/no/such/s"], 73, "No such file"),
        (["ups", "--link", "PLACE/ups", "--transcript", "PLACE/no/such/t"], 73, "No such file"),
        (["ups", "--link", "PLACE"], 73, "no symbolic link"),
        (["ups"], 64, "--link"),
        (["ups", "--link", "PLACE/ups", "--model", "apc"], 64, "voltronic-qs"),
        (["printer"], 64, "--listen"),
        (["ont", "--listen", "here"], 64, "HOST:PORT"),
        (["ctl", "PLACE/nobody", "mains", "off"], 69, "no simulator answers"),
    ],
)
def test_wrong_start_says_nothing(place: Path, words: list[str], code: int, says: str) -> None:
    ended = _kit_sim(*(word.replace("PLACE", str(place)) for word in words))
    assert ended.returncode == code
    assert says in ended.stderr
    assert "Traceback" not in ended.stderr
    assert list(place.iterdir()) == []
