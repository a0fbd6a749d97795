"""Opening orders in the log: which of them hold, what each opens, and what the next one would say.

All of it follows from the manifest and the leaves. Commissioners, trustees, the centre and strangers ask here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from center.opening.chains import Link, chained
from center.opening.listing import Listing, OpenedBefore, Place, make_listing
from center.opening.logged import VerifiedLog
from crypto import codec, rfc3339
from crypto.act_statements import OpeningOrder, ScheduleChange
from crypto.errors import ProofError

Flaw = Literal["sequence", "position", "listing"]
"""What is wrong with an order: its number or predecessor; what it says of the log; what it says of the units."""


@dataclass(frozen=True, slots=True)
class LoggedOrder:
    """An order that holds. ``leaf`` is its own index, ``data`` the signed envelope."""

    number: int
    leaf: int
    sha256: str
    data: bytes
    statement: OpeningOrder
    listing: Listing


@dataclass(frozen=True, slots=True)
class VoidOrder:
    """An order that two commissioners signed and that opens nothing, and why."""

    number: int
    leaf: int
    sha256: str
    flaw: Flaw
    problem: str


@dataclass(frozen=True, slots=True)
class Orders:
    """All orders of a log. ``last`` is the newest with a place in the chain, whether it holds or not."""

    valid: tuple[LoggedOrder, ...]
    void: tuple[VoidOrder, ...]
    last: Link[OpeningOrder] | None

    def numbered(self, number: int) -> LoggedOrder | None:
        """The order of this number that holds."""
        return next((order for order in self.valid if order.number == number), None)

    def opened(self, size: int) -> dict[Place, OpenedBefore]:
        """What the orders within the first ``size`` leaves opened."""
        opened: dict[Place, OpenedBefore] = {}
        for order in self.valid:
            if order.leaf < size:
                for unit in order.listing.newly_counted():
                    before = OpenedBefore(unit, order.number, order.statement.log.size)
                    opened[unit.branch, unit.terminal] = before
        return opened


def orders_of(log: VerifiedLog) -> Orders:
    """Judge every order in the log, in its order."""
    orders = Orders((), (), None)
    for link in chained(log, OpeningOrder):
        judged = _judge(link, log, orders)
        last = link if link.problem is None else orders.last
        if isinstance(judged, LoggedOrder):
            orders = Orders((*orders.valid, judged), orders.void, last)
        else:
            orders = Orders(orders.valid, (*orders.void, judged), last)
    return orders


def draft(log: VerifiedLog, size: int) -> tuple[OpeningOrder, Listing]:
    """The next order, over the first ``size`` leaves, and the listing that it commits to.

    Raises ProofError when the log has fewer leaves.
    """
    orders = orders_of(log)
    listing = make_listing(log, size, orders.opened(size))
    order = OpeningOrder(
        election=log.manifest.manifest.election,
        round=log.manifest.manifest.round,
        manifest_sha256=log.manifest.sha256,
        number=1 if orders.last is None else orders.last.statement.number + 1,
        prev=None if orders.last is None else orders.last.leaf.sha256,
        log=listing.log,
        listing_sha256=codec.sha256_hex(listing.to_bytes()),
        counted=listing.count("counted"),
        set_aside=listing.count("set-aside"),
        absent=listing.count("absent"),
    )
    return order, listing


def problems_of(order: OpeningOrder, log: VerifiedLog) -> list[str]:
    """What would keep an order from holding if it were logged next; empty when nothing would.

    For whoever is asked to sign it.
    """
    orders = orders_of(log)
    number = 1 if orders.last is None else orders.last.statement.number + 1
    prev = None if orders.last is None else orders.last.leaf.sha256
    foreign = _foreign_order(log, len(log.leaves))
    problems = [] if foreign is None else [foreign]
    if (order.number, order.prev) != (number, prev):
        problems.append(
            f"it is number {order.number} after {order.prev}; the next is number {number} after {prev}"
        )
    before = None if orders.last is None else orders.last.leaf.index
    problem = position_problem(order, len(log.leaves), log, before)
    if problem is not None:
        return [*problems, problem]
    listing = make_listing(log, order.log.size, orders.opened(order.log.size))
    return [*problems, *_differences(order, listing)]


def position_problem(order: OpeningOrder, leaf: int, log: VerifiedLog, before: int | None) -> str | None:
    """What is wrong with what an order at index ``leaf`` says of the log, None when it is right.

    ``before`` is the index of the order before it, which it must cover.
    """
    size = order.log.size
    if size > leaf:
        return f"it covers {size} leaves, and was logged as leaf {leaf} itself"
    if before is not None and size <= before:
        return f"it covers {size} leaves, and not the order before it, which is leaf {before}"
    try:
        root = log.root_hex(size)
    except ProofError as error:
        return f"it covers {size} leaves: {error}"
    if root != order.log.root:
        return f"it covers {size} leaves with root {order.log.root}; the root of this log is {root} there"
    return None


def passed_over(order: OpeningOrder, listing: Listing, log: VerifiedLog, end: int) -> tuple[str, ...]:
    """What the order would open as if it were alone, though more of the same unit is logged before leaf ``end``.

    An order may lag behind the log: leaves go on coming while people sign. But who chooses where it ends could choose
    between two envelopes of one unit in this way, without an adjudication: so it is told to all who look.
    """
    counted = {
        (unit.branch, unit.terminal): unit for unit in listing.newly_counted() if unit.code != "adjudicated"
    }
    return tuple(
        f"leaf {index} is another sealed tally of {sealed.branch} {sealed.terminal}: the order ends at "
        f"{order.log.size} leaves, and opens leaf {counted[sealed.branch, sealed.terminal].leaf} as if it were the "
        "only one"
        for index, sha256, sealed in log.tallies()
        if order.log.size <= index < end
        and (sealed.branch, sealed.terminal) in counted
        and sha256 not in counted[sealed.branch, sealed.terminal].envelopes
    )


def opening_not_before(log: VerifiedLog) -> str:
    """The earliest time of opening: the latest that a manifest says, or to which a logged act moved it (RFC 3339).

    A branch may vote under any manifest of a chain. A change for one branch counts for all: nothing is opened while
    anyone may still vote.
    """
    manifests = (log.manifest, *log.manifest.earlier)
    times = [one.manifest.schedule.opening_not_before for one in manifests]
    times += [change.schedule.opening_not_before for _, change in log.acts(ScheduleChange)]
    return max(times, key=rfc3339.to_ms)


def _foreign_order(log: VerifiedLog, end: int) -> str | None:
    """Why no order holds that is logged at ``end``: one before it was made under another manifest."""
    leaf = next((bad.index for bad in log.bad() if bad.is_foreign_order and bad.index < end), None)
    if leaf is None:
        return None
    return (
        f"leaf {leaf} is an opening order under another manifest than version {log.manifest.manifest.version}: what it "
        "opened stays, and no other manifest comes after it"
    )


def _judge(link: Link[OpeningOrder], log: VerifiedLog, orders: Orders) -> LoggedOrder | VoidOrder:
    order, leaf = link.statement, link.leaf

    def void(flaw: Flaw, problem: str) -> VoidOrder:
        return VoidOrder(order.number, leaf.index, leaf.sha256, flaw, problem)

    if link.problem is not None:
        return void("sequence", link.problem)
    problem = _foreign_order(log, leaf.index)
    if problem is not None:
        return void("sequence", problem)
    before = None if orders.last is None else orders.last.leaf.index
    problem = position_problem(order, leaf.index, log, before)
    if problem is not None:
        return void("position", problem)
    listing = make_listing(log, order.log.size, orders.opened(order.log.size))
    differing = list(_differences(order, listing))
    if differing:
        return void("listing", f"what it says of the units is not what the log gives: {'; '.join(differing)}")
    return LoggedOrder(order.number, leaf.index, leaf.sha256, leaf.act.data, order, listing)


def _differences(order: OpeningOrder, listing: Listing) -> Iterator[str]:
    found = codec.sha256_hex(listing.to_bytes())
    if order.listing_sha256 != found:
        yield f"its listing has SHA-256 {order.listing_sha256}, that of the log {found}"
    numbers: Mapping[str, tuple[int, int]] = {
        "counted": (order.counted, listing.count("counted")),
        "set aside": (order.set_aside, listing.count("set-aside")),
        "absent": (order.absent, listing.count("absent")),
    }
    for what, (said, given) in numbers.items():
        if said != given:
            yield f"it says {said} {what}, the log gives {given}"
