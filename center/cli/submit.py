"""``center submit``: hand files to centerd: acts of the centre, and envelopes that a courier brought."""

import argparse
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center.cli.command import DATA, OK, QUEUED, Commands, natural
from center.config import ledger_path, load_config, load_manifest
from center.edges import state_dir_in_use, wall_ms
from center.errors import SpoolError
from center.files import PUBLIC_MODE, UnreadableError, read_whole, sync_folder, write_whole
from center.intake.spool import Spool, Verdict, envelope_in
from center.log.leaves import check_leaf
from center.log.ledger import Ledger
from center.log.proving import LoggedTree
from center.witness.cosignatures import newest_witnessed
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.wire import ENVELOPE_MAX

WAIT_S: Final = 10  # how long to wait for centerd, unless told otherwise
FILES_MAX: Final = 1_000  # files in one call
POLL_S: Final = 0.1

_EXAMPLES: Final = """examples:
  center submit order-1.signed --config centerd.toml            an act, signed by two commissioners of different bodies
  center submit /media/usb/*.dsse.json --config centerd.toml    envelopes that a courier brought
  center submit late.compact --config centerd.toml --wait 0     a compact carrier (as in SMS and QR); do not wait
  center submit /media/usb/*.dsse.json --config centerd.toml --receipts /media/usb    receipts for the way back

A file may be handed in as often as you like. centerd takes it within a second. To be run by whom centerd runs as.
exit codes: 0 all logged (or held already), 65 something was refused, 73 the spool cannot be used, 75 queued: centerd
takes it when it runs, 78 configuration
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    submit = commands.add_parser(
        "submit",
        help="hand acts, and envelopes brought by courier, to centerd",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    submit.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="an envelope, or its compact carrier"
    )
    submit.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    submit.add_argument(
        "--wait", type=natural, default=WAIT_S, metavar="SECONDS", help=f"for centerd; default {WAIT_S}"
    )
    submit.add_argument(
        "--receipts",
        type=Path,
        metavar="DIR",
        help="write the receipt of each envelope there, for its courier",
    )
    submit.add_argument("--json", action="store_true", help="one JSON object for each file instead of words")
    submit.set_defaults(run=_run)


@dataclass(slots=True)
class _Handed:
    """One file of the command. ``name`` is its name in the spool, None when it never got there."""

    path: Path
    name: str | None
    verdict: Verdict | None


def _run(arguments: argparse.Namespace) -> int:
    if len(arguments.files) > FILES_MAX:
        raise SpoolError(f"{len(arguments.files)} files: hand in at most {FILES_MAX} at a time")
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    state_dir = Path(config.state_dir)
    if not state_dir.is_dir():
        raise SpoolError(f"{state_dir}: there is no such state directory: start centerd once, it makes it")
    spool = Spool(state_dir)
    spool.prepare()
    handed = [_hand_in(spool, path, manifest, index) for index, path in enumerate(arguments.files)]
    in_use = _await(spool, state_dir, handed, arguments.wait)
    for one in handed:
        _tell(one, in_use=in_use, as_json=arguments.json)
    if arguments.receipts is not None and any(
        one.verdict is not None and one.verdict.result for one in handed
    ):
        _write_receipts(arguments.receipts, handed, str(ledger_path(config)), manifest)
    if any(one.verdict is not None and one.verdict.reason is not None for one in handed):
        return DATA
    return OK if all(one.verdict is not None for one in handed) else QUEUED


def _hand_in(spool: Spool, path: Path, manifest: TrustedManifest, index: int) -> _Handed:
    """Put a file into the spool, unless it is hopeless whatever the log holds."""
    try:
        data = read_whole(path.resolve(), ENVELOPE_MAX)
        if data is None:
            return _Handed(path, None, Verdict(None, "there is no such file: check the path"))
        check_leaf(envelope_in(data, manifest), manifest)
    except (UnreadableError, EvidenceError) as error:
        return _Handed(path, None, Verdict(None, str(error)))
    return _Handed(path, spool.bring(data, wall_ms=wall_ms(), index=index), None)


def _await(spool: Spool, state_dir: Path, handed: list[_Handed], wait_s: int) -> bool:
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


def _write_receipts(folder: Path, handed: list[_Handed], path: str, manifest: TrustedManifest) -> None:
    """Write what the branches are owed: under a checkpoint that witnesses vouched for, where there is one yet."""
    results = [
        one.verdict.result for one in handed if one.verdict is not None and one.verdict.result is not None
    ]
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


def _tell(one: _Handed, *, in_use: bool, as_json: bool) -> None:
    if as_json:
        result = None if one.verdict is None else one.verdict.result
        facts = {
            "file": str(one.path),
            "state": _state(one),
            "leaf": None if result is None else result.leaf,
            "envelope_sha256": None if result is None else result.sha256,
            "reason": None if one.verdict is None else one.verdict.reason,
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    if one.verdict is None:
        why = "has not taken it yet" if in_use else "is not running"
        when = "it will" if in_use else "it will be taken when it starts"
        print(f"{one.path}: queued: centerd {why}: {when}")
    elif one.verdict.result is None:
        print(f"{one.path}: refused: {one.verdict.reason}", file=sys.stderr)
    elif one.verdict.result.held:
        print(f"{one.path}: held already, as leaf {one.verdict.result.leaf}")
    else:
        print(f"{one.path}: logged as leaf {one.verdict.result.leaf}")


def _state(one: _Handed) -> str:
    if one.verdict is None:
        return "queued"
    if one.verdict.result is None:
        return "refused"
    return "held" if one.verdict.result.held else "logged"
