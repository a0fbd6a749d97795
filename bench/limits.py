"""What the first version must reach, measured in one run and printed as a share of each limit.

python bench/limits.py [--idle SECONDS] [--tests]
"""

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

import _tree  # noqa: F401 - before any package of the tree
import psutil

from crypto.statements import Endpoint
from simulators.cli import SAMPLE
from simulators.day.headquarters import Headquarters
from simulators.day.process import entry
from simulators.day.site import Site, wall_ms
from simulators.election import Times, commission
from simulators.results import load_results, select

ROOT: Final = Path(__file__).parent.parent
HOUR_MS: Final = 3_600_000
KITCTL_RUNS: Final = 5
HOLES: Final = 5  # times that the fibre is holed in the critical window
CLOSE_MS: Final = 5_000  # from the opening of the polls, beside the time that kitd is watched
MIB: Final = 1024 * 1024


def report(what: str, figure: float, unit: str, limit: float, *, at_least: bool = False) -> None:
    """One line: the figure, the limit, and how much of the limit is used (or reached)."""
    share = limit / figure if at_least else figure / limit
    bound = "at least" if at_least else "at most"
    print(
        f"{what:<34} {figure:>10.2f} {unit:<14} {bound} {limit:g}  ratio {share:.2f}  {'ok' if share <= 1 else 'NO'}"
    )


def last_line(command: list[str]) -> dict[str, float]:
    """Run a command, return the JSON object of its last line of output."""
    out = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    value: dict[str, float] = json.loads(out.splitlines()[-1])
    return value


async def one_idle_branch(idle_s: float) -> None:
    """A whole branch with the default intervals, left alone: memory and CPU of kitd, CPU of kitctl."""
    folder = Path(tempfile.mkdtemp(prefix="branch-kit-bench-"))
    results = load_results(SAMPLE)
    stations = select(results, 1, 1)
    headquarters = Headquarters(folder)
    port = await headquarters.start_broker()
    now = wall_ms()
    close_ms = now + CLOSE_MS + round(1000 * idle_s)
    times = Times(now, close_ms, close_ms, close_ms + HOUR_MS)
    election = commission(results, stations, times, os.urandom, Endpoint(host="127.0.0.1", port=port))
    election.write(folder, os.urandom)
    await headquarters.start_center(election)
    site = Site(election, stations[0], folder, port, 1, fast=False)
    await site.start()
    try:
        await site.officials.readiness()
        await site.officials.order("zero")
        await site.officials.order("open")
        process = psutil.Process(site.kitd.pid)
        before, began = process.cpu_times(), time.monotonic()
        await asyncio.sleep(idle_s)
        after, took = process.cpu_times(), time.monotonic() - began
        used = after.user + after.system - before.user - before.system
        report("kitd, resident memory", process.memory_info().rss / MIB, "MiB", 80)
        report("kitd, idle with polls open", 100 * used / took, "% of a core", 2)
        await asyncio.to_thread(kitctl, folder / site.branch / "kitd.sock")
        await critical_window(site, headquarters)
    finally:
        await site.close()
        await headquarters.close()


async def critical_window(site: Site, headquarters: Headquarters) -> None:
    """With a tally sealed and no centre to receipt it: how soon a dead uplink is left, and taken back when it heals."""
    headquarters.centerd.kill()
    await site.officials.order("close")
    voters = {contest: row.signed_for for contest, row in site.station.contests.items()}
    await site.officials.order("account", voters)
    await site.officials.until_phase("sending")
    noticed, taken_back = [], []
    for _ in range(HOLES):
        await asyncio.sleep(1)
        site.relays["fibre"].hole()
        noticed.append(await until_usable(site, "fibre", usable=False))
        site.relays["fibre"].heal()
        taken_back.append(await until_usable(site, "fibre", usable=True))
    report("dead uplink left (worst of 5)", max(noticed), "ms", 1_000)
    report("healed uplink used again (worst)", max(taken_back), "ms", 1_000)


async def until_usable(site: Site, uplink: str, *, usable: bool) -> float:
    """Milliseconds until the kit says so itself."""
    began = time.monotonic()
    await site.officials.until("bench", lambda status: (uplink in status["uplinks"]["usable"]) is usable)
    return 1000 * (time.monotonic() - began)


def kitctl(socket: Path) -> None:
    """CPU seconds of one ``kitctl status``, the least of several runs."""
    command = entry("kit.cli.kitctl:main", "status", "--socket", str(socket))
    least = float("inf")
    for _ in range(KITCTL_RUNS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, capture_output=True, check=False)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        least = min(least, used)
    report("kitctl status, CPU", least, "s", 0.25)


def main() -> None:
    """Measure everything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--idle", type=float, default=30.0, metavar="SECONDS", help="how long to watch an idle kitd"
    )
    parser.add_argument("--tests", action="store_true", help="time the tests too")
    arguments = parser.parse_args()
    day = last_line(entry("simulators.cli:main", "day", "--branches", "5", "--json"))
    report("a day of five branches", day["seconds"], "s", 60)
    asyncio.run(one_idle_branch(arguments.idle))
    world = last_line(entry("simulators.cli:main", "world", "--seed", "1", "--json"))
    report("world of three branches, one core", world["speed"], "x real time", 1_000, at_least=True)
    if arguments.tests:
        began = time.monotonic()
        subprocess.run(["make", "test"], cwd=ROOT, check=True, stdout=sys.stderr)
        report("make test", time.monotonic() - began, "s", 300)


if __name__ == "__main__":
    main()
