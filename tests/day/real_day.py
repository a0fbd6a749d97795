"""Real-process days for tests: run one, keep what it leaves, read journals and ledger, verify every receipt again."""

import asyncio
import csv
import fcntl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any, Final

import pytest

from center.log.entries import Entry
from center.log.ledger import Ledger
from kit.journal.journal import Journal
from simulators.cli import SAMPLE
from simulators.day.progress import PlainLog
from simulators.day.run import Day, Options, Scene, run_day
from simulators.results import Station, load_results, select
from simulators.world.checks import receipt_findings
from tests.running import end

VOTING_MS: Final = 1_500
TABLES: Final = ("council_party_list", "council_majoritarian", "mayor")
DONE: Final = "done"


def stations_of(seed: int, branches: int) -> tuple[Station, ...]:
    return select(load_results(SAMPLE), branches, seed)


class Drills:
    """Trouble in the background of a day. Subclasses begin it in ``drill``."""

    def __init__(self) -> None:
        self.day: Day | None = None
        self._tasks: list[asyncio.Task[None]] = []

    async def drill(self, scene: Scene, day: Day) -> None:
        """As simulators.day.run.Drill."""
        del scene
        self.day = day

    def begin(self, trouble: Coroutine[Any, Any, None]) -> None:
        self._tasks.append(asyncio.get_running_loop().create_task(trouble))

    async def end(self) -> None:
        """The day is over; raises what any of the trouble-makers stumbled over."""
        await end(*self._tasks)


def live(folder: Path, drills: Drills, *, branches: int, seed: int, **more: Any) -> dict[str, Any]:
    """A whole day that leaves everything in ``folder``, and its log beside it; its report."""

    async def whole_day() -> dict[str, Any]:
        options = Options(
            *(SAMPLE, branches, seed, VOTING_MS, folder),
            drill=drills.drill,
            **more,
        )
        with folder.with_suffix(".log").open("w") as log:
            try:
                return await run_day(options, PlainLog(log))
            finally:
                await drills.end()

    return asyncio.run(whole_day())


def once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], None]) -> Path:
    """A folder that ``make`` filled: once in a test run, however many workers want to look at it."""
    base = factory.getbasetemp()
    folder = (base.parent if base.name.startswith("popen-") else base) / name
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / DONE).exists():
            folder.mkdir()
            make(folder)
            (folder / DONE).touch()
    return folder


# --- what a day left behind ---


def entries_in(folder: Path) -> list[Entry]:
    ledger = Ledger.open_to_read(str(folder / "center" / "ledger.db"))
    try:
        return list(ledger.entries())
    finally:
        ledger.close()


def facts_in(folder: Path, branch: str) -> list[Any]:
    journal = Journal(folder / branch / "state" / "journal.db")
    try:
        return list(journal.replay())
    finally:
        journal.close()


def false_receipts(day: Day) -> list[str]:
    """Every receipt in every journal, held against the ledger as it is now."""
    entries, manifest = entries_in(day.folder), day.sites[0].election.trusted
    return [
        finding
        for site in day.sites
        for finding in receipt_findings(site.branch, facts_in(day.folder, site.branch), entries, manifest)
    ]


# --- the input files, read by nobody else's code ---


def rows_of(table: str, stations: list[str]) -> list[dict[str, str]]:
    """The rows of ``district/precinct`` stations. (Two columns of a table share a name, and nobody needs them.)"""
    with (SAMPLE / f"{table}.csv").open(encoding="utf-8", newline="") as file:
        return [
            row for row in csv.DictReader(file) if f"{row['district_id']}/{row['precinct_id']}" in stations
        ]
