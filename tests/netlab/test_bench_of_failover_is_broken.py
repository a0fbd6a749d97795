"""The benchmark works, whatever the figures of so few runs are worth."""

import json
import subprocess
import sys

import pytest

from tests.netlab.air import ROOT
from tests.peers.namespaces import Namespace

KINDS = ["a", "a1", "b", "c", "d"]
RUN_MAX_S = 120.0


@pytest.fixture
def permitted() -> None:
    """Where no namespace can be made this is skipped, with the reason; in CI it fails."""
    Namespace("try").delete()


@pytest.mark.parametrize("script", ["devices", "evidence", "failover", "limits", "opening", "polling"])
def test_no_benchmark_takes_a_script_for_the_package_of_its_name(script: str) -> None:
    done = subprocess.run(
        [sys.executable, f"bench/{script}.py", "--help"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_MAX_S,
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("words", ["--runs 0", "--rivals 0", "--runs -1", "--runs many", "--run-what"])
def test_goals_are_met_by_measuring_nothing(words: str) -> None:
    done = subprocess.run(
        [sys.executable, "bench/failover.py", *words.split()],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_MAX_S,
    )
    assert (done.returncode, done.stdout) == (64, "")


@pytest.mark.usefixtures("permitted")
def test_quick_run() -> None:
    done = subprocess.run(
        [sys.executable, "bench/failover.py", "--quick", "--runs", "2", "--json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=RUN_MAX_S,
    )
    assert done.returncode in (0, 1), done.stderr  # so few runs miss a goal now and then
    last = json.loads(done.stdout.splitlines()[-1])
    assert list(last) == ["p50_s", "p99_s", "lost", "duplicated", "runs"]
    assert (last["lost"], last["duplicated"]) == (0, 0)
    assert last["runs"] == {"a": 2, "a1": 2, "b": 2, "c": 1, "d": 1, "e": 0}
    assert last["p50_s"]["e"] is None
    assert all(0 < last["p50_s"][kind] <= last["p99_s"][kind] < 10 for kind in KINDS)
