"""``center``: what the centre holds, its proofs, its opening and its publication."""

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from center.cli.command import DATA, Parser, Run, fail
from center.errors import CenterError
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


_COMMANDS: Final = {
    "status": "status",
    "order": "order",
    "trustee": "trustee",
    "open": "opening",
    "act": "act",
    "submit": "submit",
    "command": "commanding",
    "import": "importing",
    "sms": "sms",
    "log": "log",
    "publish": "publish",
    "audit": "audit",
    "witness": "witness",
}
"""Where each command is. Each needs other things: only the one that is asked for is loaded, to begin at once."""


def main_center(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``center``; ends the process with the exit code."""
    sys.exit(_center(sys.argv[1:] if argv is None else argv))


def _center(argv: Sequence[str]) -> int:
    parser = Parser(
        "center",
        description="What the centre holds, its proofs, its opening.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    asked = argv[0] if argv else ""
    # Without a command that we know, the help or the refusal shows them all.
    for name in [asked] if asked in _COMMANDS else _COMMANDS:
        importlib.import_module(f"center.cli.{_COMMANDS[name]}").add(commands)
    arguments = parser.parse_args(argv)
    run: Run = arguments.run
    try:
        return run(arguments)
    except CenterError as error:
        return fail("center", error)
    except EvidenceError as error:
        print(f"center: {error}", file=sys.stderr)
        return DATA
