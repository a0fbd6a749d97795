"""``center``: what the centre holds, its proofs, its opening and its publication."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from center.cli import act, audit, log, publish, submit, witness
from center.cli.command import (
    CRITICAL,
    DATA,
    OK,
    UNKNOWN,
    WARNING,
    Commands,
    Parser,
    Run,
    fail,
    progress_of,
)
from center.config import ledger_path, load_config, load_manifest, read_key
from center.edges import wall_ms
from center.errors import CenterError, LedgerMissingError
from center.files import write_whole
from center.ledger import LEDGER_NAME, Ledger
from center.opening import open_election
from center.opening_types import Opening
from center.summary import SINGLE_KEY, opening_lines, status_facts, status_lines
from crypto.errors import EvidenceError

_EXAMPLES: Final = """examples:
  center status --state-dir /var/lib/centerd          how much was received, verified, flagged, rejected
  center open --config centerd.toml --key election.key --out result.json
  center open --config centerd.toml --key election.key --json | sha256sum
  center act --help                                   draft, sign and read acts: schedules, adjudications, orders
  center submit --help                                hand acts and couriers' envelopes to centerd
  center log --help                                   checkpoints and proofs
  center publish --help                               the folder that strangers read
  center audit --help                                 a stranger's look at that folder
  center witness --help                               vouch for logs that only grow

exit codes of status: 0 all well, 1 something flagged (and not adjudicated) or rejected, 3 no ledger
exit codes of open: 0 all counted and nothing odd, 1 units absent or notes, 2 units set aside or alarms
exit codes of all: 64 usage, 65 damaged ledger, wrong key or nothing that can be proven, 69 no ledger,
73 cannot write, 77 too early, 78 configuration
"""


def main_center(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``center``; ends the process with the exit code."""
    sys.exit(_center(argv))


def _center(argv: Sequence[str] | None) -> int:
    parser = Parser(
        "center",
        description="What the centre holds, its proofs, its opening.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_status(commands)
    _add_open(commands)
    act.add(commands)
    submit.add(commands)
    log.add(commands)
    publish.add(commands)
    audit.add(commands)
    witness.add(commands)
    arguments = parser.parse_args(argv)
    run: Run = arguments.run
    try:
        return run(arguments)
    except CenterError as error:
        return fail("center", error)
    except EvidenceError as error:
        print(f"center: {error}", file=sys.stderr)
        return DATA


def _add_status(commands: Commands) -> None:
    status = commands.add_parser("status", help="how much was received, verified, flagged, rejected")
    status.add_argument(
        "--state-dir", required=True, type=Path, metavar="D", help="centerd's state directory"
    )
    status.add_argument("--json", action="store_true", help="one JSON object instead of words")
    status.set_defaults(run=_status)


def _add_open(commands: Commands) -> None:
    opening = commands.add_parser("open", help="open all sealed tallies and sum them", description=SINGLE_KEY)
    opening.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    opening.add_argument("--key", required=True, type=Path, metavar="FILE", help="the election's private key")
    opening.add_argument("--json", action="store_true", help="canonical JSON on stdout instead of words")
    opening.add_argument("--out", type=Path, metavar="FILE", help="also write the canonical JSON to FILE")
    opening.set_defaults(run=_open)


def _status(arguments: argparse.Namespace) -> int:
    try:
        ledger = Ledger.open_to_read(str(arguments.state_dir / LEDGER_NAME))
    except LedgerMissingError as error:
        print(f"center: {error}", file=sys.stderr)
        return UNKNOWN
    try:
        facts = status_facts(ledger.identity, ledger.counts(), ledger.newest_checkpoint())
    finally:
        ledger.close()
    if arguments.json:
        print(json.dumps(facts))
    else:
        print("\n".join(status_lines(facts)))
    return WARNING if facts["flagged"] or facts["rejected"] else OK


def _open(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    private_key = read_key(arguments.key)
    print(SINGLE_KEY, file=sys.stderr)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        progress = progress_of("envelopes opened")
        opening = open_election(ledger, manifest, private_key, wall_ms=wall_ms(), progress=progress)
    finally:
        ledger.close()
    if arguments.out is not None:
        write_whole(arguments.out, opening.to_json())
    if arguments.json:
        sys.stdout.buffer.write(opening.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        print("\n".join(opening_lines(opening, manifest)))
    return _opening_code(opening)


def _opening_code(opening: Opening) -> int:
    alarms = any(finding.grade == "alarm" for finding in opening.findings)
    if alarms or opening.count("set-aside"):
        return CRITICAL
    return WARNING if opening.findings or opening.count("absent") else OK
