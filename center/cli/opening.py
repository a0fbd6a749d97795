"""``center open``: from the ledger to sums, by trustees' answers, by an escrowed key, or by a single one."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from center.cli import answers
from center.cli.command import CRITICAL, OK, WARNING, Commands, natural, progress_of
from center.cli.workers import Workers
from center.config import ledger_path, load_config, load_manifest, read_key
from center.edges import wall_ms
from center.errors import ConfigError, OpeningError
from center.files import UnreadableError, read_whole, write_whole
from center.log.ledger import Ledger
from center.opening import slip39
from center.opening.logged import VerifiedLog
from center.opening.opening import (
    check_kind,
    check_time,
    count,
    open_election,
    opener_of,
    orders_to_follow,
    read_log,
)
from center.opening.orders import Orders, opening_not_before, orders_of
from center.opening.refusals import NotWitnessedError
from center.opening.spread import Spread
from center.opening.threshold import WrongAnswers, open_by_answers
from center.opening.types import LogHead, Opening
from center.summary import PLAN_B, SINGLE_KEY, opening_lines
from center.witness.cosignatures import newest_witnessed
from center.witness.witnessed_time import check_witnessed
from crypto import codec
from crypto.manifest import TrustedManifest

_EXAMPLES: Final = """examples:
  center open --config centerd.toml --answers answers-*.json --out result.json       what trustees answered
  center open --config centerd.toml --publication public --out result.json           answers published already
  center open --config centerd.toml --publication public --answers answers-2-*.json  those, and to a later order
  center open --config centerd.toml --escrow slip39 --share s1 --share s2            plan B
  center open --config centerd.toml --key election.key --json | sha256sum            a rehearsal's single key

Which of these it is, the manifest says: none takes the place of another. The same inputs give the same bytes.
What happens on the evening: docs/opening.md
exit codes: 0 all counted and nothing odd, 1 units absent, notes, or answers not used, 2 units set aside or alarms,
65 damaged ledger, wrong key or share, 69 no ledger or too few answers, 73 cannot write, 77 too early or not ordered
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    opening = commands.add_parser(
        "open",
        help="open what the orders open, and sum it",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    opening.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    opening.add_argument(
        "--answers", nargs="+", default=[], type=Path, metavar="FILE", help="what center trustee answer wrote"
    )
    opening.add_argument(
        "--publication", type=Path, metavar="DIR", help="take the answers that are published there too"
    )
    how = opening.add_mutually_exclusive_group()
    how.add_argument("--escrow", choices=["slip39"], help="plan B: restore an ordinary key from --share")
    how.add_argument("--key", type=Path, metavar="FILE", help="the single private key, of a rehearsal")
    opening.add_argument(
        "--share",
        dest="shares",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="with --escrow: a SLIP-39 share; once for each",
    )
    opening.add_argument("--order", type=natural, metavar="N", help="follow orders up to number N, not all")
    opening.add_argument("--json", action="store_true", help="canonical JSON on stdout instead of words")
    opening.add_argument("--out", type=Path, metavar="FILE", help="also write the canonical JSON to FILE")
    opening.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    _check_way(arguments)
    config = load_config(arguments.config)
    manifest = load_manifest(config)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    wrong: Sequence[WrongAnswers] = ()
    try:
        with Workers() as spread:
            if arguments.key is not None:
                opening = _single_key(ledger, manifest, arguments, spread)
            elif arguments.escrow is not None:
                opening = _plan_b(ledger, manifest, arguments, spread)
            else:
                opening, wrong = _by_trustees(ledger, manifest, arguments, spread)
    finally:
        ledger.close()
    if arguments.out is not None:
        write_whole(arguments.out, opening.to_json())
    if arguments.json:
        sys.stdout.buffer.write(opening.to_json() + b"\n")
        sys.stdout.buffer.flush()
    else:
        print("\n".join(opening_lines(opening, manifest)))
    return max(_code(opening), WARNING if wrong else OK)


def _check_way(arguments: argparse.Namespace) -> None:
    if bool(arguments.shares) != (arguments.escrow is not None):
        raise ConfigError("--escrow slip39 and --share belong together: one --share for each holder")
    by_trustees = bool(arguments.answers) or arguments.publication is not None
    if by_trustees + (arguments.escrow is not None) + (arguments.key is not None) != 1:
        raise ConfigError(
            "what opens? Give --answers or --publication (or both), or --escrow, or --key: as the manifest says"
        )


def _single_key(
    ledger: Ledger, manifest: TrustedManifest, arguments: argparse.Namespace, spread: Spread
) -> Opening:
    check_kind(manifest, "single-key")
    private_key = read_key(arguments.key)
    print(SINGLE_KEY, file=sys.stderr)
    progress = progress_of("leaves verified")
    return open_election(ledger, manifest, private_key, wall_ms=wall_ms(), progress=progress, spread=spread)


def _plan_b(
    ledger: Ledger, manifest: TrustedManifest, arguments: argparse.Namespace, spread: Spread
) -> Opening:
    check_kind(manifest, "slip39")
    words = [slip39.words_of(_read_text(path), str(path)) for path in arguments.shares]
    head, log, orders = _read(ledger, manifest, arguments, spread)
    _check_witnessed(ledger, log, orders)
    print(PLAN_B, file=sys.stderr)
    # Restored as late as can be, and forgotten with this process: it is never written.
    private_key = slip39.restore(words, manifest.election_public_key)
    return count(log, head, opener_of(manifest, private_key), orders=orders)


def _by_trustees(
    ledger: Ledger, manifest: TrustedManifest, arguments: argparse.Namespace, spread: Spread
) -> tuple[Opening, Sequence[WrongAnswers]]:
    check_kind(manifest, "trustees")
    head, log, orders = _read(ledger, manifest, arguments, spread)
    files = answers.read_all(arguments.answers)
    if arguments.publication is not None:
        files += answers.published(arguments.publication, orders, manifest)
    numbers = {order.number for order in orders.valid}
    if arguments.order is not None:
        files = [file for file in files if file.answers.number in numbers]
    progress = progress_of("envelopes opened")
    combined = open_by_answers(files, orders.valid, log, progress=progress, spread=spread)
    for one in combined.wrong:
        print(
            f"center: {one.name}: the answers of {one.trustee} to order {one.number} are not used: {one.problem}",
            file=sys.stderr,
        )
    return count(log, head, combined, orders=orders, answered=combined.trustees), combined.wrong


def _read(
    ledger: Ledger, manifest: TrustedManifest, arguments: argparse.Namespace, spread: Spread
) -> tuple[LogHead, VerifiedLog, Orders]:
    """The log to open by, and the orders to follow.

    Where an order follows the last of them, the log ends where that one was drafted: so each set of orders has an
    opening of its own, which is published under its own name.
    """
    head, log = read_log(ledger, manifest, progress=progress_of("leaves verified"), spread=spread)
    check_time(opening_not_before(log), wall_ms())
    orders = orders_to_follow(log, arguments.order)
    later = [order for order in orders_of(log).valid if order.number > orders.valid[-1].number]
    checkpoint = ledger.checkpoint_at(later[0].statement.log.size) if later else None
    if checkpoint is not None:
        log = log.prefix(checkpoint.size)
        root = codec.b64(log.tree.root(checkpoint.size))
        head = LogHead(size=checkpoint.size, root=root, checkpoint=checkpoint.note)
        orders = orders_to_follow(log, arguments.order)
    return head, log, orders


def _check_witnessed(ledger: Ledger, log: VerifiedLog, orders: Orders) -> None:
    """Where the manifest names witnesses, they must have seen the order, and the opening time: nobody else asks."""
    policy = log.manifest.manifest.witness_policy
    if not policy.m:
        return
    witnessed = newest_witnessed(ledger, policy)
    leaf = orders.valid[-1].leaf
    if witnessed is None or witnessed.size <= leaf:
        raise NotWitnessedError(
            f"{policy.m} witnesses have to vouch for a checkpoint that covers the order (leaf {leaf}): wait for them"
        )
    check_witnessed(witnessed.note, log.manifest, opening_not_before(log))


def _read_text(path: Path) -> str:
    try:
        data = read_whole(path.resolve(), slip39.SHARE_TEXT_MAX)
        if data is None:
            raise OpeningError(f"{path}: there is no such file: check the path")
        return data.decode("utf-8")
    except (UnreadableError, UnicodeDecodeError) as error:
        raise OpeningError(f"{path}: {error}: give a file with the words of one share") from error


def _code(opening: Opening) -> int:
    alarms = any(finding.grade == "alarm" for finding in opening.findings)
    if alarms or opening.count("set-aside"):
        return CRITICAL
    return WARNING if opening.findings or opening.count("absent") else OK
