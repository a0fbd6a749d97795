"""The routing of uplinks without root: with the two capabilities of the unit file it works, without it says so."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest

from tests import peers
from tests.peers import uplink_cables as cables
from tests.peers.uplink_cables import lay, rules, table

pytestmark = pytest.mark.peer("setpriv")
NOBODY: Final = "65534"
ROOT: Final = Path(__file__).resolve().parents[2]
UNIT: Final = ROOT / "deploy" / "systemd" / "kitd.service"


class Program:
    """It, as another user."""

    def __init__(self, running: subprocess.Popen[str]) -> None:
        self.running = running

    def hear(self) -> dict[str, Any]:
        assert self.running.stdout is not None
        line = self.running.stdout.readline()
        assert line, "the program ended"
        heard: dict[str, Any] = json.loads(line)
        return heard

    def end(self) -> list[dict[str, Any]]:
        self.running.terminate()
        out, _ = self.running.communicate(timeout=20)
        return [json.loads(line) for line in out.splitlines()]


@contextmanager
def program(*capabilities: str) -> Iterator[Program]:
    """Run it as nobody with these capabilities alone, as the supervisor does with ambient ones."""
    only = ",".join(("-all", *(f"+{name}" for name in capabilities)))
    user = [
        *(peers.require_program("setpriv"), "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"),
        *("--inh-caps", only, "--ambient-caps", only, "--bounding-set", only, "--no-new-privs"),
    ]
    it = [sys.executable, "-B", "-m", "tests.peers.routes_program"]
    if subprocess.run([*user, sys.executable, "-c", "import tests"], cwd=ROOT, check=False).returncode != 0:
        peers.missing(f"another user cannot run {sys.executable} in {ROOT}")
    with subprocess.Popen([*user, *it, "fib0"], cwd=ROOT, stdout=subprocess.PIPE, text=True) as running:
        try:
            yield Program(running)
        finally:
            running.kill()


def granted() -> list[str]:
    """What the unit file grants, as setpriv calls it."""
    lines = UNIT.read_text(encoding="utf-8").splitlines()
    words = next(line for line in lines if line.startswith("AmbientCapabilities=")).partition("=")[2].split()
    return [word.removeprefix("CAP_").lower() for word in words]


def test_what_the_unit_file_grants_is_enough() -> None:
    with cables.branch():
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        with program(*granted()) as it:
            told = it.hear()
            assert (told["table"], told["sources"]) == (7_101, ["10.1.0.2"])
            assert it.hear() == {"bound": "fib0"}
            assert len(rules()) == 2
            assert it.end() == [{"ended": True}]
        assert rules() == table(7_101) == []


def test_without_capabilities_it_says_what_to_grant_and_binds_to_the_interface_alone() -> None:
    with cables.branch():
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        with program() as it:
            said = it.hear()["said"]
            assert "Grant CAP_NET_ADMIN" in said
            told = it.hear()
            assert (told["table"], told["sources"]) == (None, ["10.1.0.2"])
            assert "no table of its own" in told["reason"]
            assert it.hear() == {"bound": "fib0"}
            assert it.end() == [{"ended": True}]  # and says nothing twice
        assert rules() == []


def test_killed_life_leaves_nothing_that_the_next_one_does_not_use() -> None:
    with cables.branch():
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        with program(*granted()) as it:
            it.hear()
        left = rules()
        assert len(left) == 2
        lay("fib1")
        cables.ip("address", "delete", "10.1.0.2/24", "dev", "fib0")
        with program(*granted()) as it:
            while it.hear()["reason"] != "fib0: no address yet":
                pass
            assert rules() == table(7_101) == []
