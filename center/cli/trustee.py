"""``center trustee``: on a trustee's own machine, without a network: may this order be answered, and the answers."""

import argparse
import getpass
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from center.cli.command import OK, Commands, natural, progress_of
from center.cli.manifest_keys import add_manifest_keys, manifest_keys
from center.cli.workers import Workers
from center.errors import ConfigError
from center.files import PUBLIC_MODE, UnreadableError, read_whole, sync_folder, write_whole
from center.opening.orders import passed_over
from center.opening.trustee import Answerable, board_of, check_envelope, may_answer, open_my_share
from center.opening.trustee_answers import answer
from center.opening.trustee_memory import MEMORY_MAX, check_memory, remember
from center.publication.published_log import PublishedLog, read_published
from crypto import rfc3339
from crypto.passphrase import PASSPHRASE_MAX
from crypto.share_file import SHARE_FILE_MAX
from crypto.wire import ENVELOPE_MAX

_EXAMPLES: Final = """examples:
  center trustee check  --publication public --manifest-key KEY1 --manifest-key KEY2 --manifest-key KEY3
  center trustee answer --publication public --manifest-key KEY1 ... --share share-trustee-2.json \\
                        --remember seen.json --out answers-trustee-2.json
  center trustee check  --publication public --manifest-key KEY1 ... --envelope SHA256     would this one be opened?

Both read a copy of the published folder and nothing else: carry it to a machine without a network. The answers are
public once they leave it: from then on every envelope of the order counts as opened. docs/opening.md
exit codes: 0 may be answered, or answered; 65 something is not as it was signed, wrong share or passphrase; 69 no
publication; 73 cannot write; 77 not yet: not ordered, not logged, not witnessed at or after the opening time
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    trustee = commands.add_parser(
        "trustee",
        help="a trustee's machine: check an order, answer it",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = trustee.add_subparsers(dest="kind", required=True, metavar="WHAT")
    check = kinds.add_parser("check", help="say what would be answered, or why not; needs no share")
    check.add_argument(
        "--envelope",
        dest="envelopes",
        action="append",
        default=[],
        metavar="SHA256",
        help="also: would this envelope be opened? once for each",
    )
    check.set_defaults(run=_check)
    answering = kinds.add_parser("answer", help="answer an order with your share")
    answering.add_argument("--share", required=True, type=Path, metavar="FILE", help="your share of the key")
    answering.add_argument(
        "--out", required=True, type=Path, metavar="FILE", help="where to write the answers"
    )
    answering.add_argument(
        "--passphrase-file", type=Path, metavar="FILE", help="its first line; default: asked for"
    )
    answering.set_defaults(run=_answer)
    for kind in (check, answering):
        kind.add_argument(
            "--publication",
            required=True,
            type=Path,
            metavar="DIR",
            help="a copy of what the centre published",
        )
        add_manifest_keys(kind)
        kind.add_argument("--order", type=natural, metavar="N", help="which order; default: the newest")
        kind.add_argument(
            "--order-file",
            type=Path,
            metavar="FILE",
            help="the signed order as you were handed it: it must be logged",
        )
        kind.add_argument(
            "--remember",
            type=Path,
            metavar="FILE",
            help="the newest log that you saw; later ones must begin with it",
        )


def _check(arguments: argparse.Namespace) -> int:
    published, answerable = _look(arguments)
    for sha256 in arguments.envelopes:
        check_envelope(published, answerable.order, sha256.lower())
    print("\n".join(_lines(published, answerable)))
    print("nothing is against answering it")
    return OK


def _answer(arguments: argparse.Namespace) -> int:
    published, answerable = _look(arguments)
    for line in _lines(published, answerable):
        print(line, file=sys.stderr)
    share_file = _read(arguments.share, SHARE_FILE_MAX)
    passphrase = _passphrase(arguments.passphrase_file)
    share, board = open_my_share(published, share_file, passphrase)
    if not answerable.order.listing.newly_counted():
        print("this order opens nothing that no order before opened: there is nothing to answer")
        return OK
    progress = progress_of("envelopes answered")
    answers = answer(share, board, answerable.order, published.log, progress=progress)
    if arguments.remember is not None:
        # Before the answers: who answers a log remembers it.
        write_whole(arguments.remember, remember(published))
        sync_folder(arguments.remember.resolve().parent)
    write_whole(arguments.out, answers.to_bytes(), mode=PUBLIC_MODE)
    print(
        f"{arguments.out}: {len(answers.answers)} answers of {answers.trustee} to order {answers.number}; "
        "whoever has those of enough trustees can open these envelopes"
    )
    return OK


def _look(arguments: argparse.Namespace) -> tuple[PublishedLog, Answerable]:
    """Read the publication and decide; raises whatever is against answering."""
    trusted, threshold = manifest_keys(arguments)
    handed = None if arguments.order_file is None else _read(arguments.order_file, ENVELOPE_MAX)
    with Workers() as spread:
        published = read_published(
            arguments.publication,
            trusted=trusted,
            threshold=threshold,
            progress=progress_of("leaves verified"),
            spread=spread,
        )
    board_of(published)
    if arguments.remember is not None and arguments.remember.exists():
        check_memory(_read(arguments.remember, MEMORY_MAX), published)
    return published, may_answer(published, number=arguments.order, handed=handed)


def _lines(published: PublishedLog, answerable: Answerable) -> Iterator[str]:
    order, listing = answerable.order, answerable.order.listing
    manifest = published.manifest
    yield (
        f"election {manifest.manifest.election} round {manifest.manifest.round}, manifest {manifest.sha256}, log of "
        f"{published.checkpoint.size} leaves"
    )
    yield f"opening order {order.number}: {order.sha256}, logged as leaf {order.leaf}"
    signers = [leaf for leaf in published.log.leaves if leaf.index == order.leaf]
    for leaf in signers:
        commissioners = getattr(leaf, "act", None)
        if commissioners is not None:
            named = ", ".join(f"{one.id} ({one.body})" for one in commissioners.commissioners)
            yield f"signed by {named}"
    for one in answerable.witnesses:
        yield f"witnessed by {one.witness} at {rfc3339.to_text(one.time_s * 1000)}"
    yield f"opening time {answerable.not_before}: passed, as these witnesses say"
    yield (
        f"units: {len(listing.units)} expected, {listing.count('counted')} counted, {listing.count('set-aside')} set "
        f"aside, {listing.count('absent')} absent"
    )
    yield f"to be answered: {len(listing.newly_counted())} envelopes"
    for words in passed_over(order.statement, listing, published.log, order.leaf):
        yield f"alarm: {words}; ask the commissioners before you answer"


def _passphrase(path: Path | None) -> str:
    if path is not None:
        try:
            return _read(path, PASSPHRASE_MAX + 2).decode("utf-8").split("\n", 1)[0].removesuffix("\r")
        except UnicodeDecodeError as error:
            raise ConfigError(f"{path}: no UTF-8 text") from error
    if not sys.stdin.isatty():
        raise ConfigError("nobody can be asked for the passphrase: give --passphrase-file")
    return getpass.getpass("passphrase of your share: ")


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise ConfigError(f"{path}: {error}: take the right file") from error
    if data is None:
        raise ConfigError(f"{path}: there is no such file: check the path")
    return data
