"""One seed is one run: in this process, in another one, and whatever Python's hashes are."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.world.short_day import live

ROOT = Path(__file__).parents[2]
LIMIT_S = 120.0


@pytest.mark.usefixtures("thick_faults")
def test_same_seed_again_and_another_seed() -> None:
    first, again, other = live(5, branches=2), live(5, branches=2), live(6, branches=2)
    assert (again.trace, again.report, again.faults) == (first.trace, first.report, first.faults)
    assert other.trace != first.trace
    assert sum(first.faults.values()) > 10


def _world(hash_seed: int, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "simulators.cli", "world", *arguments],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": str(hash_seed)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


def _report(process: subprocess.Popen[bytes]) -> list[dict[str, Any]]:
    """All lines, without what depends on the machine."""
    out, err = process.communicate(timeout=LIMIT_S)
    assert (process.returncode, err.decode()) == (0, "")
    lines: list[dict[str, Any]] = [json.loads(line) for line in out.splitlines()]
    assert lines[-1].pop("seconds") > 0
    assert lines[-1].pop("speed") > 0
    return lines


def test_hashes_of_the_interpreter_decide_something() -> None:
    """The whole command, as people run it: two processes at the same time, JSON alone on standard output."""
    both = [_world(hash_seed, "--seed", "3", "--branches", "1", "--json") for hash_seed in (1, 2)]
    (day, summary), other = [_report(process) for process in both]
    assert [day, summary] == other
    assert summary["verdict"] == day["verdict"] == "ok"
    assert (summary["seed"], summary["days"], summary["branches"], summary["failed_days"]) == (3, 1, 1, 0)
    assert len(summary["trace"]) == len(day["trace"]) == 32
    assert summary["virtual_seconds"] == 13 * 3_600
    assert summary["faults"] == day["faults"]
    assert sum(day["faults"].values()) > 0
    assert day["broken"] == []
    assert all(day["checks"].values())
    assert day["opened"] == day["verified"] == day["received"] == day["sealed"] == 1
    assert day["lost"] == day["duplicated"] == day["mismatched"] == 0
