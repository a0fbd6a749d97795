"""``center publish``: the folder that strangers read."""

import argparse
from pathlib import Path
from typing import Final

from center.cli import answers
from center.cli.command import OK, Commands, progress_of
from center.cli.workers import Workers
from center.config import ledger_path, load_chain, load_config
from center.errors import PublicationError
from center.files import UnreadableError, read_whole
from center.log.ledger import Ledger
from center.publication.layout import OPENING_MAX
from center.publication.publishing import Publisher
from crypto.notes import NOTE_MAX

_EXAMPLES: Final = """examples:
  center publish /srv/public --config centerd.toml                          again and again, while centerd runs
  center publish /srv/public --config centerd.toml --opening result.json    with what center open --out wrote
  center publish /srv/public --config centerd.toml --opening result.json --answers answers-*.json

Nothing published is ever changed or removed. Formats: docs/public-log.md
exit codes: 0 published, 65 folder, ledger or opening contradict each other, 69 no ledger, 73 cannot write
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    publish = commands.add_parser(
        "publish",
        help="write or extend the folder that strangers read",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    publish.add_argument("folder", type=Path, metavar="DIR", help="where to; made if need be")
    publish.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    publish.add_argument("--opening", type=Path, metavar="FILE", help="also publish this opening")
    publish.add_argument(
        "--cosignature",
        dest="cosignatures",
        action="append",
        default=[],
        type=Path,
        metavar="FILE",
        help="what center witness cosign wrote; once for each",
    )
    publish.add_argument(
        "--answers",
        nargs="+",
        default=[],
        type=Path,
        metavar="FILE",
        help="what center trustee answer wrote: from then on anyone can open",
    )
    publish.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    config = load_config(arguments.config)
    manifest, manifests = load_chain(config)
    opening = None if arguments.opening is None else _read(arguments.opening, OPENING_MAX)
    lines = [_read(path, NOTE_MAX).decode("utf-8", "replace") for path in arguments.cosignatures]
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        publisher = Publisher(arguments.folder, ledger, manifest, manifests)
        for one in lines:
            publisher.bring(one)
        with Workers() as spread:
            done = publisher.publish(
                opening,
                answers=answers.read_all(arguments.answers),
                progress=progress_of("envelopes published"),
                spread=spread,
            )
    finally:
        ledger.close()
    print(
        f"{arguments.folder}: {done.size} envelopes ({done.new_leaves} new), {done.new_receipts} new receipts, "
        f"{done.openings} openings"
    )
    return OK


def _read(path: Path, max_bytes: int) -> bytes:
    try:
        data = read_whole(path.resolve(), max_bytes)
    except UnreadableError as error:
        raise PublicationError(f"{path}: {error}: give what center open or center witness wrote") from error
    if data is None:
        raise PublicationError(f"{path}: there is no such file: check the path")
    return data
