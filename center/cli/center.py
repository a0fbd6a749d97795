"""``center``: what the centre holds, its proofs, its opening and its publication."""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NoReturn

from center.cli import (
    act,
    audit,
    commanding,
    importing,
    log,
    opening,
    order,
    publish,
    sms,
    submit,
    trustee,
    witness,
)
from center.cli.command import (
    DATA,
    OK,
    UNKNOWN,
    WARNING,
    Commands,
    Parser,
    Run,
    fail,
)
from center.errors import CenterError, LedgerMissingError
from center.log.ledger import LEDGER_NAME, Ledger
from center.summary import status_facts, status_lines
from crypto.errors import EvidenceError

_EXAMPLES: Final = """examples:
  center status --state-dir /var/lib/centerd          how much was received, verified, flagged, rejected
  center order --help                                 draft the orders by which tallies are opened
  center trustee --help                               a trustee checks an order and answers it
  center open --help                                  open what was ordered and answered, and sum it
  center act --help                                   draft, sign and read acts: schedules, adjudications, orders
  center submit --help                                hand acts and couriers' envelopes to centerd
  center import --help                                what couriers and telephones bring, in any order
  center sms --help                                   what branches send by SMS, and commands to them
  center command --help                               ask branches to pace, to read a message, to take a manifest
  center log --help                                   checkpoints and proofs
  center publish --help                               the folder that strangers read
  center audit --help                                 a stranger's look at that folder
  center witness --help                               vouch for logs that only grow

exit codes of status: 0 all well, 1 something flagged (and not adjudicated) or rejected, 3 no ledger
exit codes of all: 64 usage, 65 damaged ledger, wrong key or nothing that can be proven, 69 no ledger,
73 cannot write, 77 too early or not allowed, 78 configuration
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
    order.add(commands)
    trustee.add(commands)
    opening.add(commands)
    act.add(commands)
    submit.add(commands)
    commanding.add(commands)
    importing.add(commands)
    sms.add(commands)
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
