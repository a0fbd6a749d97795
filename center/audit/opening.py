"""The audit of the opening: the published results, recomputed from the log, and the totals taken from them."""

from typing import Final

from center.audit.folder import AuditedFolder
from center.audit.log import AuditedLog
from center.audit.orders import OrderAudit
from center.audit.record import AuditRecord
from center.errors import OpeningError
from center.opening import recount
from center.opening.logged import Leaf, VerifiedLog, bad_leaf, known_leaf
from center.opening.opening import orders_to_follow
from center.opening.orders import Orders, orders_of
from center.opening.spread import Spread, here
from center.opening.threshold import Combined
from center.opening.types import Opening, OpeningFinding
from center.publication import layout as publication
from center.publication.published_note import check_note
from crypto import codec
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.statements import OpeningKind

SINGLE_KEY_UNCHECKED: Final = (
    (
        "single key: what the envelopes decrypt to cannot be recomputed without the key. Checked instead: the "
        "terminal signed the published counts, and the device committed to them before they were logged"
    ),
    "single key: whether its holder opened envelopes early or in secret",
)
SLIP39_UNCHECKED: Final = (
    (
        "plan B (SLIP-39): what the envelopes decrypt to cannot be recomputed without the key. Checked instead: the "
        "orders and their listings, that the terminal signed the published counts, and that the device committed to "
        "them before they were logged"
    ),
    "plan B (SLIP-39): whether the key, once it lay whole in one machine, opened more than was published, or earlier",
)
TRUSTEES_UNCHECKED: Final = (
    "trustees: whether as many of them as open together did so elsewhere, in secret: nothing published can show it",
)
_UNCHECKED: Final[dict[OpeningKind, tuple[str, ...]]] = {
    "single-key": SINGLE_KEY_UNCHECKED,
    "slip39": SLIP39_UNCHECKED,
    "trustees": TRUSTEES_UNCHECKED,
}
NOT_OPENED: Final = "the results: no opening is published"


class OpeningAudit:
    """One audit of all the openings of one folder."""

    def __init__(
        self,
        folder: AuditedFolder,
        record: AuditRecord,
        trusted: TrustedManifest,
        log: AuditedLog,
        spread: Spread = here,
    ) -> None:
        self._folder = folder
        self._record = record
        self._trusted = trusted
        self._log = log
        self._spread = spread
        self._kind = trusted.manifest.election_key.opening
        self._verified = _verified(log, trusted)
        self._combined: Combined | None = None
        self._files: list[publication.OpeningFile] = []

    def audit(self) -> tuple[Opening | None, tuple[OpeningFinding, ...]]:
        """The newest opening, None when there is none or it is at fault, and what reconciliation finds."""
        if self._log.tree_holds and self._kind != "single-key":
            orders = OrderAudit(self._folder, self._record, self._verified, self._log.note, self._spread)
            self._combined = orders.audit()
        names = sorted(
            self._folder.names(publication.OPENINGS), key=lambda name: publication.opening_size(name) or 0
        )
        names = [name for name in names if publication.opening_size(name) is not None]
        if not names and not self._folder.exists(publication.TOTALS):
            self._record.unchecked.append(NOT_OPENED)
            return None, self._findings_without_opening()
        self._record.unchecked += _UNCHECKED[self._kind]
        data = self._folder.read(publication.TOTALS, publication.TOTALS_MAX)
        newest: Opening | None = None
        for name in names:
            opening = self._opening(name)
            newest = opening if name == names[-1] else newest
        if data is not None:
            self._totals(data, newest)
        if newest is not None:
            self._left_out(names[-1], newest)
        return newest, () if newest is None else newest.findings

    def _left_out(self, name: str, newest: Opening) -> None:
        """What the log holds and the newest opening does not know of: nothing is left out in silence."""
        later = [index for index, _, _ in self._verified.tallies() if index >= newest.log.size]
        if later:
            self._record.remark(
                name,
                f"counts the first {newest.log.size} leaves: {len(later)} sealed tallies that were logged after them "
                f"(from leaf {later[0]} on) are in no opening",
            )
        if self._kind == "single-key":
            return
        followed = newest.orders[-1].number if newest.orders else 0
        for order in orders_of(self._verified).valid:
            number = len(order.listing.newly_counted())
            if order.number > followed and number:
                self._record.remark(
                    publication.order_name(order.number),
                    f"is logged as leaf {order.leaf} and opens {number} more envelopes, but {name} ends with order "
                    f"{followed}: they are in no totals yet",
                )

    def _findings_without_opening(self) -> tuple[OpeningFinding, ...]:
        if not self._log.tree_holds:
            return ()
        return recount.findings_without_opening(self._verified)

    def _opening(self, name: str) -> Opening | None:
        """Recompute one opening; returns it when nothing about it is at fault."""
        data = self._folder.read(name, publication.OPENING_MAX)
        if data is None:
            return None
        self._files.append(publication.OpeningFile(file=name, sha256=codec.sha256_hex(data)))
        try:
            opening = publication.decode_opening(data)
        except EvidenceError as error:
            self._record.fault(name, str(error))
            return None
        if not self._log.tree_holds:
            self._record.unchecked.append(f"{name}: the log that it counts is at fault")
            return None
        problem = self._head_problem(name, opening)
        if problem is not None:
            self._record.fault(name, problem)
            return None
        log = self._verified.prefix(opening.log.size)
        orders: Orders | None = None
        if self._kind != "single-key":
            orders = self._orders(name, opening, log)
            if orders is None:
                return None
        problems, unchecked = recount.compare(opening, log, orders=orders, answers=self._combined)
        self._record.unchecked += [f"{name}: {sentence}" for sentence in unchecked]
        for problem in problems:
            self._record.fault(name, problem)
        if problems:
            return None
        self._record.checked["openings"] = self._record.checked.get("openings", 0) + 1
        return opening

    def _orders(self, name: str, opening: Opening, log: VerifiedLog) -> Orders | None:
        """The orders that an opening says it followed, as the log gives them; None when that cannot be."""
        if not opening.orders:
            self._record.fault(name, "follows no order: nothing may be opened without one")
            return None
        last = opening.orders[-1].number
        try:
            orders = orders_to_follow(log, last)
        except OpeningError as error:
            self._record.fault(name, f"says that it followed order {last}: {error}")
            return None
        if self._combined is not None and not self._answered(name, opening):
            return None
        return orders

    def _answered(self, name: str, opening: Opening) -> bool:
        """Whether the answers of the trustees whom the opening names are published, and hold."""
        given = {} if self._combined is None else self._combined.trustees
        missing = [
            f"{trustee}'s to order {order.number}"
            for order in opening.orders
            for trustee in order.trustees
            if trustee not in given.get(order.number, ())
        ]
        board = self._trusted.manifest.election_key.board
        threshold = 0 if board is None else board.threshold
        missing += [
            f"{threshold} trustees' to order {order.number}, of which it names {len(set(order.trustees))}"
            for order in opening.orders
            if order.opened and len(set(order.trustees)) < threshold
        ]
        if missing:
            self._record.fault(
                name, f"is made with answers that are not published, or do not hold: {', '.join(missing)}"
            )
        return not missing

    def _head_problem(self, name: str, opening: Opening) -> str | None:
        """What is wrong with the head of the log that the opening says it counts."""
        head, tree = opening.log, self._log.tree
        try:
            signed = None if head.checkpoint is None else check_note(head.checkpoint, self._trusted)[0]
            recount.check_head(head, signed)
        except ProofError as error:
            return str(error)
        if name != publication.opening_name(head.size):
            return f"counts {head.size} envelopes, its name says otherwise"
        if head.size > tree.size or codec.b64(tree.root(head.size)) != head.root:
            return f"counts {head.size} envelopes that are not the first of this log"
        return None

    def _totals(self, data: bytes, newest: Opening | None) -> None:
        try:
            totals = publication.decode_totals(data)
        except EvidenceError as error:
            self._record.fault(publication.TOTALS, str(error))
            return
        present = {one.file: one.sha256 for one in self._files}
        for one in totals.openings:
            if present.get(one.file) != one.sha256:
                problem = (
                    f"{one.file} is not the opening of hash {one.sha256} that {publication.TOTALS} names"
                )
                self._record.fault(one.file, problem)
                self._record.fault(publication.TOTALS, problem)
        if newest is None:
            self._record.unchecked.append("totals.json: the opening that it is taken from is at fault")
        elif publication.totals_of(newest, tuple(self._files)) != data:
            self._record.fault(publication.TOTALS, "is not what the openings add up to")
        else:
            self._record.checked["totals"] = 1


def _verified(log: AuditedLog, trusted: TrustedManifest) -> VerifiedLog:
    """The leaves that were read, as the opening reads a log."""
    leaves: list[Leaf] = []
    for index, leaf in enumerate(log.leaves):
        if leaf is None:
            break
        if leaf.checked is None:
            leaves.append(bad_leaf(index, leaf.data, "it does not verify", trusted))
        else:
            leaves.append(known_leaf(index, leaf.checked))
    return VerifiedLog(trusted, tuple(leaves), log.tree)
