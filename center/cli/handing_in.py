"""Hands leaves of the log to centerd through its spool, waits for what becomes of them, and fetches their receipts."""

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from center.cli.command import natural
from center.edges import state_dir_in_use
from center.errors import SpoolError
from center.files import PUBLIC_MODE, sync_folder, write_whole
from center.intake.spool import Spool, Verdict
from center.log.ledger import Ledger
from center.log.proving import LoggedTree
from center.witness.cosignatures import newest_witnessed
from crypto.manifest import TrustedManifest

WAIT_S: Final = 10  # how long to wait for centerd, unless told otherwise
FILES_MAX: Final = 1_000  # leaves in one call
POLL_S: Final = 0.1


def add_options(parser: argparse.ArgumentParser) -> None:
    """What every command that hands something in can be told."""
    parser.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    parser.add_argument(
        "--wait", type=natural, default=WAIT_S, metavar="SECONDS", help=f"for centerd; default {WAIT_S}"
    )
    parser.add_argument(
        "--receipts",
        type=Path,
        metavar="DIR",
        help="write the receipt of each envelope there, for its courier",
    )


def open_spool(state_dir: Path) -> Spool:
    """The spool of a centerd; raises SpoolError where centerd has never been started."""
    if not state_dir.is_dir():
        raise SpoolError(f"{state_dir}: there is no such state directory: start centerd once, it makes it")
    spool = Spool(state_dir)
    spool.prepare()
    return spool


State = Literal["queued", "refused", "held", "logged"]


@dataclass(slots=True)
class Handed:
    """One leaf. ``what``: a file's name, or words; ``name`` is its name in the spool, None when it never got there."""

    what: str
    name: str | None
    verdict: Verdict | None

    @property
    def state(self) -> State:
        """What became of it, in one word."""
        if self.verdict is None:
            return "queued"
        if self.verdict.result is None:
            return "refused"
        return "held" if self.verdict.result.held else "logged"

    def words(self, *, in_use: bool) -> str:
        """What became of it, for people; ``in_use``: whether centerd runs."""
        if self.verdict is None:
            why = "has not taken it yet" if in_use else "is not running"
            when = "it will" if in_use else "it will be taken when it starts"
            return f"queued: centerd {why}: {when}"
        if self.verdict.result is None:
            return f"refused: {self.verdict.reason}"
        if self.verdict.result.held:
            return f"held already, as leaf {self.verdict.result.leaf}"
        return f"logged as leaf {self.verdict.result.leaf}"


def wait_for(spool: Spool, state_dir: Path, handed: Sequence[Handed], wait_s: int) -> bool:
    """Wait until everything is judged, the time is over or there is nobody to wait for; whether centerd runs."""
    deadline = time.monotonic() + wait_s
    while True:
        in_use = state_dir_in_use(state_dir)
        for one in handed:
            if one.verdict is None and one.name is not None:
                one.verdict = spool.verdict(one.name)
        done = all(one.verdict is not None for one in handed)
        if done or not in_use or time.monotonic() >= deadline:
            return in_use
        time.sleep(POLL_S)


def write_receipts(folder: Path, handed: Sequence[Handed], path: str, manifest: TrustedManifest) -> None:
    """Write what the branches are owed: under a checkpoint that witnesses vouched for, where there is one yet."""
    results = [
        one.verdict.result for one in handed if one.verdict is not None and one.verdict.result is not None
    ]
    if not results:
        return
    ledger = Ledger.open_to_read(path)
    try:
        # Nobody waits for the receipt of an act.
        owed = [result for result in results if ledger.branch_of(result.sha256) is not None]
        if not owed:
            return
        log = LoggedTree(ledger)
        witnessed = newest_witnessed(ledger, manifest.manifest.witness_policy)
        for result in owed:
            size = None if witnessed is None or result.leaf >= witnessed.size else witnessed.size
            target = folder / f"{result.sha256}.tlog-proof"
            write_whole(target, log.prove(result.sha256, size).encode(), mode=PUBLIC_MODE)
            print(f"{target}: its receipt", file=sys.stderr)
        sync_folder(folder)
    finally:
        ledger.close()
