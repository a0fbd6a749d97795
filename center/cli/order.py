"""``center order``: draft the next opening order, and see which are logged."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from center.audit.record import printable
from center.cli.command import OK, WARNING, Commands, progress_of
from center.cli.manifest_keys import add_manifest_keys, manifest_keys
from center.cli.workers import Workers
from center.config import Config, ledger_path, load_config, load_manifest
from center.edges import wall_ms
from center.errors import NoOrderError, OpeningError
from center.files import PUBLIC_MODE, UnreadableError, read_whole, write_whole
from center.log.ledger import Ledger
from center.opening.listing import Listing
from center.opening.logged import VerifiedLog
from center.opening.opening import read_log
from center.opening.orders import LoggedOrder, draft, opening_not_before, orders_of, passed_over, problems_of
from center.publication.published_log import read_published
from crypto import codec, rfc3339
from crypto.act_statements import OpeningOrder
from crypto.acts import read_act, read_draft, to_draft
from crypto.errors import EvidenceError
from crypto.wire import ENVELOPE_MAX

_EXAMPLES: Final = """examples:
  center order draft --config centerd.toml --out order-1.json --listing listing-1.json
  center order check order-1.json --config centerd.toml      would it hold? for whoever is asked to sign it
  center order check order-1.json --publication public --manifest-key KEY1 ...           the same, far from the centre
  center order list --config centerd.toml                    which orders are logged, and what they open

Then two commissioners of different bodies sign it (center act sign), it is submitted (center submit), published
(center publish), and trustees answer it (center trustee answer). docs/opening.md
exit codes: 0 drafted, shown or right, 1 so it is, with units set aside or something odd in the log, 65 damaged ledger,
69 no ledger, 73 cannot write, 77 nothing is logged yet
"""


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    order = commands.add_parser(
        "order",
        help="draft opening orders, see what they open",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    kinds = order.add_subparsers(dest="kind", required=True, metavar="WHAT")
    drafting = kinds.add_parser("draft", help="write the next order, unsigned")
    drafting.add_argument("--out", required=True, type=Path, metavar="FILE", help="the draft, to be signed")
    drafting.add_argument("--listing", type=Path, metavar="FILE", help="also write what it says of each unit")
    drafting.set_defaults(run=_draft)
    listing = kinds.add_parser("list", help="all logged orders, and whether they hold")
    listing.set_defaults(run=_list)
    for kind in (drafting, listing):
        kind.add_argument("--config", required=True, type=Path, metavar="F", help="centerd's configuration")
    checking = kinds.add_parser(
        "check", help="whether an order, drafted or signed, would hold, and what it opens"
    )
    checking.add_argument("file", type=Path, metavar="FILE", help="the draft, or what others signed")
    where = checking.add_mutually_exclusive_group(required=True)
    where.add_argument("--config", type=Path, metavar="F", help="centerd's configuration")
    where.add_argument(
        "--publication", type=Path, metavar="DIR", help="or a copy of what the centre published"
    )
    add_manifest_keys(checking, required=False)
    checking.set_defaults(run=_check)


def _draft(arguments: argparse.Namespace) -> int:
    log = _read(load_config(arguments.config))
    if not log.leaves:
        raise NoOrderError("nothing is logged yet: there is nothing to order")
    order, listing = draft(log, len(log.leaves))
    if arguments.listing is not None:
        write_whole(arguments.listing, listing.to_bytes(), mode=PUBLIC_MODE)
    data = to_draft(order)
    write_whole(arguments.out, data, mode=PUBLIC_MODE)
    print("\n".join(_draft_lines(order, listing)))
    print(f"{arguments.out}: SHA-256 {codec.sha256_hex(data)}")
    not_before = opening_not_before(log)
    if wall_ms() < rfc3339.to_ms(not_before):
        print(
            f"the opening time is {not_before}: submit the order after it, for trustees answer only when witnesses "
            "have seen it logged at or after that time"
        )
    odd = listing.count("set-aside") or listing.findings or not listing.newly_counted()
    return WARNING if odd else OK


def _check(arguments: argparse.Namespace) -> int:
    order = _read_order(arguments.file)
    log = _read(load_config(arguments.config)) if arguments.publication is None else _read_copy(arguments)
    manifest = log.manifest.manifest
    problems = problems_of(order, log)
    if (order.election, order.round, order.manifest_sha256) != (
        manifest.election,
        manifest.round,
        log.manifest.sha256,
    ):
        problems.insert(0, "it is of another election, round or manifest")
    if problems:
        raise OpeningError(f"{arguments.file}: do not sign it: {'; '.join(problems)}")
    listing = draft(log.prefix(order.log.size), order.log.size)[1]
    print("\n".join(_draft_lines(order, listing)))
    passed = passed_over(order, listing, log, len(log.leaves))
    for words in passed:
        print(f"alarm: {words}; have it drafted anew")
    print(f"{arguments.file}: it follows from the log, and would hold")
    return WARNING if passed else OK


def _read_order(path: Path) -> OpeningOrder:
    try:
        data = read_whole(path.resolve(), ENVELOPE_MAX)
        if data is None:
            raise OpeningError(f"{path}: there is no such file: check the path")
        act = read_act(data) if b'"payloadType"' in data[:ENVELOPE_MAX] else read_draft(data)
    except (UnreadableError, EvidenceError) as error:
        raise OpeningError(
            f"{path}: {error}: give what center order draft or center act sign wrote"
        ) from error
    if not isinstance(act, OpeningOrder):
        raise OpeningError(f"{path}: this is no opening order but a {act.type}")
    return act


def _read_copy(arguments: argparse.Namespace) -> VerifiedLog:
    trusted, threshold = manifest_keys(arguments)
    with Workers() as spread:
        progress = progress_of("leaves verified")
        folder = arguments.publication
        return read_published(
            folder, trusted=trusted, threshold=threshold, progress=progress, spread=spread
        ).log


def _list(arguments: argparse.Namespace) -> int:
    log = _read(load_config(arguments.config))
    orders = orders_of(log)
    lines = [(one.leaf, _order_line(one)) for one in orders.valid]
    lines += [(one.leaf, f"order {one.number}  leaf {one.leaf}  VOID: {one.problem}") for one in orders.void]
    print("\n".join(line for _, line in sorted(lines)) or "no order is logged")
    return WARNING if orders.void else OK


def _order_line(order: LoggedOrder) -> str:
    said = order.statement
    return (
        f"order {order.number}  leaf {order.leaf}  over {said.log.size} leaves  opens "
        f"{len(order.listing.newly_counted())}  counted {said.counted}, set aside {said.set_aside}, absent "
        f"{said.absent}  {order.sha256}"
    )


def _read(config: Config) -> VerifiedLog:
    manifest = load_manifest(config)
    ledger = Ledger.open_to_read(str(ledger_path(config)))
    try:
        with Workers() as spread:
            return read_log(ledger, manifest, progress=progress_of("leaves verified"), spread=spread)[1]
    finally:
        ledger.close()


def _draft_lines(order: OpeningOrder, listing: Listing) -> Iterator[str]:
    """What commissioners are asked to sign, in words."""
    yield (
        f"opening order {order.number} of election {order.election} round {order.round}, over {order.log.size} leaves "
        f"of the log"
    )
    yield (
        f"units: {len(listing.units)} expected, {order.counted} counted, {order.set_aside} set aside, "
        f"{order.absent} absent"
    )
    yield f"it opens {len(listing.newly_counted())} envelopes that no order before opened"
    for unit in listing.units:
        if unit.status != "counted":
            yield f"{unit.status}: {unit.branch} {unit.terminal} ({unit.code}): {printable(unit.reason)}"
        elif unit.code == "adjudicated":
            yield f"counted: {unit.branch} {unit.terminal} (adjudicated): {printable(unit.reason)}"
    for finding in listing.findings:
        yield f"alarm: {finding.code}: leaf {finding.leaf} {finding.branch or ''}: {printable(finding.detail)}"
