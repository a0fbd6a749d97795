"""A trustee's answers to one order: for each envelope that it opens newly, a partial opening with its proof.

Canonical JSON. The answers stand in the order of the listing; each is for its envelope and its order alone
(crypto.trustees), so that none can be shown as one for something else.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from msgspec import Meta

from center.opening.logged import EnvelopeLeaf, Progress, VerifiedLog
from center.opening.orders import LoggedOrder
from crypto import codec
from crypto.statements import Digits, SealedTally, Statement, TrusteeBoard
from crypto.trustees import OpeningContext, TrusteeShare, partial_opening
from crypto.wire import B64, Id, Sha256

ANSWERS_MAX: Final = 64 * 1024 * 1024  # bytes of one file


class TrusteeAnswers(Statement, frozen=True, kw_only=True):
    """The file. ``answers``: base64 of ``crypto.trustees.PartialOpening``, 113 bytes each."""

    type: Literal["trustee-answers"] = "trustee-answers"
    election: Id
    round: Digits
    order_sha256: Sha256
    number: Digits
    trustee: Id
    """As the manifest names it."""
    answers: Annotated[tuple[B64, ...], Meta(min_length=1)]

    def to_bytes(self) -> bytes:
        """Canonical JSON."""
        return codec.to_bytes(self)


def read_answers(data: bytes) -> TrusteeAnswers:
    """Read a file of answers. Nothing is verified; raises EncodingError or StatementError."""
    return codec.from_bytes(data, TrusteeAnswers, max_bytes=ANSWERS_MAX)


@dataclass(frozen=True, slots=True)
class Asked:
    """One envelope that an order opens newly."""

    sha256: str
    sealed: SealedTally
    context: OpeningContext

    @property
    def enc(self) -> bytes:
        """The encapsulated key, 32 bytes."""
        return codec.unb64(self.sealed.enc)


def asked_by(order: LoggedOrder, log: VerifiedLog) -> tuple[Asked, ...]:
    """What an order asks trustees for, in the order of its listing. Never twice for one envelope."""
    return tuple(_asked(order, log))


def answer(
    share: TrusteeShare,
    board: TrusteeBoard,
    order: LoggedOrder,
    log: VerifiedLog,
    *,
    progress: Progress | None = None,
) -> TrusteeAnswers:
    """Answer an order; whether it may be answered, center.trustee decides before. The same inputs, the same bytes."""
    asked = asked_by(order, log)
    answers = []
    for done, one in enumerate(asked, 1):
        answers.append(codec.b64(partial_opening(share, one.enc, one.context).to_bytes()))
        if progress is not None:
            progress(done, len(asked))
    return TrusteeAnswers(
        election=order.statement.election,
        round=order.statement.round,
        order_sha256=order.sha256,
        number=order.number,
        trustee=board.trustees[share.trustee - 1].id,
        answers=tuple(answers),
    )


def _asked(order: LoggedOrder, log: VerifiedLog) -> Iterator[Asked]:
    for unit in order.listing.newly_counted():
        leaf = None if unit.leaf is None else log.leaves[unit.leaf]
        if not isinstance(leaf, EnvelopeLeaf) or not isinstance(leaf.statement, SealedTally):
            raise TypeError(
                f"{unit.branch} {unit.terminal} counts what is no sealed tally: the listing is wrong"
            )
        order_ = order.statement
        context = OpeningContext(order_.election, order_.round, order.sha256, leaf.sha256)
        yield Asked(leaf.sha256, leaf.statement, context)
