"""``center submit``: hand files to centerd: acts of the centre, and envelopes that a courier brought."""

import argparse
import json
import sys
from pathlib import Path
from typing import Final

from center.cli.command import DATA, OK, QUEUED, Commands
from center.cli.handing_in import FILES_MAX, Handed, add_options, open_spool, wait_for, write_receipts
from center.config import ledger_path, load_config, load_manifest
from center.edges import wall_ms
from center.errors import SpoolError
from center.files import UnreadableError, read_whole
from center.intake.spool import Spool, Verdict, envelope_in
from center.log.leaves import check_leaf
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.wire import ENVELOPE_MAX

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
    add_options(submit)
    submit.add_argument("--json", action="store_true", help="one JSON object for each file instead of words")
    submit.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    if len(arguments.files) > FILES_MAX:
        raise SpoolError(f"{len(arguments.files)} files: hand in at most {FILES_MAX} at a time")
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    state_dir = Path(config.state_dir)
    spool = open_spool(state_dir)
    handed = [_hand_in(spool, path, manifest, index) for index, path in enumerate(arguments.files)]
    in_use = wait_for(spool, state_dir, handed, arguments.wait)
    for one in handed:
        _tell(one, in_use=in_use, as_json=arguments.json)
    if arguments.receipts is not None:
        write_receipts(arguments.receipts, handed, str(ledger_path(config)), manifest)
    if any(one.verdict is not None and one.verdict.reason is not None for one in handed):
        return DATA
    return OK if all(one.verdict is not None for one in handed) else QUEUED


def _hand_in(spool: Spool, path: Path, manifest: TrustedManifest, index: int) -> Handed:
    """Put a file into the spool, unless it is hopeless whatever the log holds."""
    try:
        data = read_whole(path.resolve(), ENVELOPE_MAX)
        if data is None:
            return Handed(str(path), None, Verdict(None, "there is no such file: check the path"))
        check_leaf(envelope_in(data, manifest), manifest)
    except (UnreadableError, EvidenceError) as error:
        return Handed(str(path), None, Verdict(None, str(error)))
    return Handed(str(path), spool.bring(data, wall_ms=wall_ms(), index=index), None)


def _tell(one: Handed, *, in_use: bool, as_json: bool) -> None:
    if as_json:
        result = None if one.verdict is None else one.verdict.result
        facts = {
            "file": one.what,
            "state": one.state,
            "leaf": None if result is None else result.leaf,
            "envelope_sha256": None if result is None else result.sha256,
            "reason": None if one.verdict is None else one.verdict.reason,
        }
        print(json.dumps(facts, ensure_ascii=False))
        return
    out = sys.stderr if one.state == "refused" else sys.stdout
    print(f"{one.what}: {one.words(in_use=in_use)}", file=out)
