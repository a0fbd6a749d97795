"""``center log``: checkpoints and proofs, for people who do not have to believe the centre; and looks at the log."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final

from center.cli import log_checks
from center.cli.command import OK, Commands, natural
from center.log.ledger import LEDGER_NAME, Ledger
from center.log.proving import LoggedTree

_EXAMPLES: Final = """examples:
  center log checkpoint --state-dir /var/lib/centerd                       the newest signed checkpoint
  center log prove --state-dir /var/lib/centerd --envelope SHA256          tlog-proof@v1, as receipts are
  center log consistency --state-dir /var/lib/centerd --from 40 --to 96    that the log has only grown

  center log audit --config centerd.toml                                   the ledger, worked out from its leaves again
  center log compare RECEIPT RECEIPT --log "$(cat log.vkey)"               did the log tell everybody the same?
  center log bring LINE --config centerd.toml                              what center witness cosign wrote

All of it can be done while centerd runs. A proof shows what it shows, whoever made it; audit believes nothing but the
manifest, and cannot know what others were shown: that is what witnesses and compare are for. The published folder is
audited by: center audit. Formats: docs/public-log.md, docs/receipts.md
exit codes: 0 printed, consistent, all well, 1 undetermined, or not all witnessed, 2 a fork, 65 nothing that can be
proven, a damaged ledger, a line of no witness, 69 no ledger, 73 cannot write, 78 configuration
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    log = commands.add_parser(
        "log",
        help="checkpoints, proofs of inclusion and of consistency, audit, comparison",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = log.add_subparsers(dest="kind", required=True, metavar="WHAT")
    checkpoint = kinds.add_parser("checkpoint", help="a signed checkpoint, by default the newest")
    checkpoint.add_argument("--size", type=natural, metavar="N", help="the one over N envelopes")
    prove = kinds.add_parser("prove", help="that an envelope is in the log")
    prove.add_argument(
        "--envelope", required=True, metavar="SHA256", help="hash of the envelope, hexadecimal"
    )
    prove.add_argument("--size", type=natural, metavar="N", help="under the checkpoint over N envelopes")
    consistency = kinds.add_parser("consistency", help="that the log of M envelopes begins with that of N")
    consistency.add_argument("--from", dest="old", required=True, type=natural, metavar="N")
    consistency.add_argument("--to", dest="new", required=True, type=natural, metavar="M")
    for kind, show in ((checkpoint, _checkpoint), (prove, _prove), (consistency, _consistency)):
        kind.add_argument(
            "--state-dir", required=True, type=Path, metavar="D", help="centerd's state directory"
        )
        kind.set_defaults(run=_run, show=show)
    log_checks.add(kinds)


def _run(arguments: argparse.Namespace) -> int:
    show: Callable[[LoggedTree, argparse.Namespace], str] = arguments.show
    ledger = Ledger.open_to_read(str(arguments.state_dir / LEDGER_NAME))
    try:
        text = show(LoggedTree(ledger), arguments)
    finally:
        ledger.close()
    sys.stdout.buffer.write(text.encode())  # notes are UTF-8 whatever the locale is
    sys.stdout.buffer.flush()
    return OK


def _checkpoint(log: LoggedTree, arguments: argparse.Namespace) -> str:
    return log.checkpoint(arguments.size).note


def _prove(log: LoggedTree, arguments: argparse.Namespace) -> str:
    return log.prove(arguments.envelope.lower(), arguments.size)


def _consistency(log: LoggedTree, arguments: argparse.Namespace) -> str:
    return log.consistency(arguments.old, arguments.new).to_text()
