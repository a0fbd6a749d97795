"""``center status``: how much was received, verified, flagged and rejected."""

import argparse
import json
import sys
from pathlib import Path

from center.cli.command import OK, UNKNOWN, WARNING, Commands
from center.errors import LedgerMissingError
from center.log.ledger import LEDGER_NAME, Ledger
from center.summary import status_facts, status_lines


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    status = commands.add_parser("status", help="how much was received, verified, flagged, rejected")
    status.add_argument(
        "--state-dir", required=True, type=Path, metavar="D", help="centerd's state directory"
    )
    status.add_argument("--json", action="store_true", help="one JSON object instead of words")
    status.set_defaults(run=_status)


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
