"""The audit of opening orders: each held against the log, its listing recomputed, every trustee's answer checked."""

from collections.abc import Iterator

from center.audit.folder import AuditedFolder
from center.audit.record import AuditRecord
from center.errors import CenterError
from center.opening.listing import LISTING_MAX
from center.opening.logged import VerifiedLog
from center.opening.orders import LoggedOrder, opening_not_before, orders_of, passed_over
from center.opening.spread import Spread
from center.opening.threshold import AnswersFile, Combined, check_answers
from center.opening.trustee_answers import ANSWERS_MAX, read_answers
from center.publication import layout as publication
from center.witness.witnessed_time import check_witnessed
from crypto.errors import EvidenceError


class OrderAudit:
    """One audit of all orders in one log. ``note`` is the published checkpoint, None when it is at fault."""

    def __init__(
        self, folder: AuditedFolder, record: AuditRecord, log: VerifiedLog, note: str | None, spread: Spread
    ) -> None:
        self._folder = folder
        self._record = record
        self._log = log
        self._note = note
        self._spread = spread
        self._board = log.manifest.manifest.election_key.board

    def audit(self) -> Combined | None:
        """Check every order and what is published of it; what the answers open, None without trustees."""
        orders = orders_of(self._log)
        for void in orders.void:
            self._record.remark(
                publication.leaf_name(void.leaf),
                f"opening order {void.number} holds nothing, and nothing was opened by it: {void.problem}",
            )
        for order in orders.valid:
            self._order(order)
        if orders.valid:
            self._record.checked["opening orders"] = len(orders.valid)
            self._witnessed()
        if self._board is None:
            return None
        files = [file for order in orders.valid for file in self._answers(order)]
        return self._check_answers(files, orders.valid)

    def _order(self, order: LoggedOrder) -> None:
        """The published order is the leaf, the published listing the one that the log gives."""
        name = publication.order_name(order.number)
        for words in passed_over(order.statement, order.listing, self._log, order.leaf):
            self._record.remark(name, f"{words}: commissioners could choose by it what counts")
        data = self._folder.read(name, publication.ORDER_MAX)
        if data is not None and data != order.data:
            self._record.fault(
                name, f"is not the order that is logged as leaf {order.leaf}: it was changed or exchanged"
            )
        name = publication.listing_name(order.number)
        data = self._folder.read(name, LISTING_MAX)
        if data is not None and data != order.listing.to_bytes():
            self._record.fault(
                name, f"is not the listing that the log gives, and order {order.number} commits to"
            )

    def _witnessed(self) -> None:
        if self._note is None or not self._log.manifest.manifest.witness_policy.m:
            return
        try:
            seen = check_witnessed(self._note, self._log.manifest, opening_not_before(self._log))
        except (CenterError, EvidenceError) as error:
            self._record.remark(publication.CHECKPOINT, f"nobody should have opened under it: {error}")
            return
        self._record.checked["witnesses after the opening time"] = len(seen)

    def _answers(self, order: LoggedOrder) -> Iterator[AnswersFile]:
        """The published answers to an order, those that can be read."""
        for trustee in () if self._board is None else self._board.trustees:
            name = publication.answers_name(order.number, trustee.id)
            if not self._folder.exists(name):
                continue
            data = self._folder.read(name, ANSWERS_MAX)
            if data is None:
                continue
            try:
                answers = read_answers(data)
            except EvidenceError as error:
                self._record.fault(name, str(error))
                continue
            if (answers.trustee, answers.number) != (trustee.id, order.number):
                self._record.fault(
                    name,
                    f"holds answers of {answers.trustee} to order {answers.number}: its name says otherwise",
                )
                continue
            yield AnswersFile(name, answers)

    def _check_answers(self, files: list[AnswersFile], orders: tuple[LoggedOrder, ...]) -> Combined:
        def progress(done: int, total: int) -> None:
            self._record.show("answers of trustees", done, total)

        checked = check_answers(files, orders, self._log, progress=progress, spread=self._spread)
        for wrong in checked.wrong:
            self._record.fault(wrong.name, f"{wrong.trustee}: {wrong.problem}")
        if files:
            self._record.checked["trustees' answers"] = sum(
                len(file.answers.answers)
                for file in files
                if file.answers.trustee in checked.trustees.get(file.answers.number, ())
            )
        return checked
