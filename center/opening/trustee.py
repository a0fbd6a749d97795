"""A trustee decides: may this order be answered, and for what. From the published folder alone, believing nobody.

A partial opening cannot be taken back: from the first published one, every envelope under the key counts as opened.
So everything is checked before the share is even read.
"""

from dataclasses import dataclass

from center.audit.record import printable
from center.opening.listing import LISTING_MAX, Listing, read_listing
from center.opening.logged import BadLeaf, EnvelopeLeaf
from center.opening.orders import LoggedOrder, Orders, VoidOrder, opening_not_before, orders_of
from center.opening.refusals import (
    EnvelopeNotLoggedError,
    EnvelopeNotOrderedError,
    ForeignEnvelopeError,
    ListingDiffersError,
    NotByTrusteesError,
    OrderNotLoggedError,
    OrderNotSignedError,
    OrderPositionError,
    OrderSequenceError,
    TrusteeRefusalError,
)
from center.publication import layout as publication
from center.publication.published_log import PublishedLog, read_if_there
from center.witness.witnessed_time import Cosigned, check_witnessed
from crypto import codec
from crypto.act_statements import OpeningOrder
from crypto.acts import check_act
from crypto.election_key_rules import board_keys
from crypto.errors import EvidenceError
from crypto.share_file import open_share
from crypto.statements import SealedTally, TrusteeBoard
from crypto.trustees import TrusteeShare
from crypto.wire import TYPE_OPENING_ORDER

_FLAWS: dict[str, type[TrusteeRefusalError]] = {
    "sequence": OrderSequenceError,
    "position": OrderPositionError,
    "listing": ListingDiffersError,
}


@dataclass(frozen=True, slots=True)
class Answerable:
    """An order that may be answered, and the witnesses who saw it in time."""

    order: LoggedOrder
    not_before: str
    witnesses: tuple[Cosigned, ...]


def may_answer(
    published: PublishedLog, *, number: int | None = None, handed: bytes | None = None
) -> Answerable:
    """Find the order and check all that has to be so before anybody answers.

    ``number``: which order, by default the newest. ``handed``: the order as the trustee was given it; it must be the
    one that is logged.

    Raises a TrusteeRefusalError, naming what is wrong, or EvidenceError when the checkpoint is malformed.
    """
    board_of(published)
    orders = orders_of(published.log)
    order = _find(published, orders, number) if handed is None else _find_handed(published, orders, handed)
    _check_published_listing(published, order)
    not_before = opening_not_before(published.log)
    witnesses = check_witnessed(published.note, published.manifest, not_before)
    return Answerable(order, not_before, witnesses)


def check_envelope(published: PublishedLog, order: LoggedOrder, sha256: str) -> None:
    """Check that this order opens this envelope newly.

    Raises:
        EnvelopeNotLoggedError: no leaf has this hash.
        ForeignEnvelopeError: the leaf is no authentic sealed tally of this election.
        EnvelopeNotOrderedError: the order leaves it closed, an earlier one opened it, or it came later.
    """
    leaf = published.log.index_of.get(sha256)
    if leaf is None:
        raise EnvelopeNotLoggedError(
            f"no leaf of the published log has SHA-256 {sha256}: what is not logged is not opened"
        )
    if not isinstance(leaf, EnvelopeLeaf) or not isinstance(leaf.statement, SealedTally):
        problem = getattr(leaf, "problem", "it is a ballot account or an act")
        raise ForeignEnvelopeError(f"leaf {leaf.index} is no sealed tally of this election: {problem}")
    if leaf.index >= order.statement.log.size:
        raise EnvelopeNotOrderedError(
            f"envelope {sha256} is leaf {leaf.index}; order {order.number} covers {order.statement.log.size} leaves: "
            "it waits for the next order"
        )
    unit = next(one for one in order.listing.units if sha256 in one.envelopes)
    if unit.envelope_sha256 != sha256:
        raise EnvelopeNotOrderedError(
            f"order {order.number} does not open envelope {sha256}: {unit.branch} {unit.terminal} is {unit.status} "
            f"({printable(unit.reason)})"
        )
    if unit.opened_by is not None:
        raise EnvelopeNotOrderedError(f"envelope {sha256} was opened by order {unit.opened_by} already")


def open_my_share(
    published: PublishedLog, share_file: bytes, passphrase: str
) -> tuple[TrusteeShare, TrusteeBoard]:
    """Open the trustee's share and hold it against the manifest.

    Raises crypto.trustee_errors.OtherElectionError, WrongPassphraseError, DamagedShareError or ShareFileError.
    """
    board = board_of(published)
    manifest = published.manifest
    share, _ = open_share(
        share_file,
        passphrase,
        election=manifest.manifest.election,
        round_number=manifest.manifest.round,
        election_key=manifest.election_public_key,
    )
    if share.trustee > len(board.trustees) or not share.belongs_to(board_keys(board)):
        raise NotByTrusteesError(
            f"the share is of trustee {share.trustee}, whom the manifest does not name so: take the right share"
        )
    return share, board


def board_of(published: PublishedLog) -> TrusteeBoard:
    """The trustees of the manifest; raises NotByTrusteesError."""
    key = published.manifest.manifest.election_key
    if key.board is None:
        raise NotByTrusteesError(
            f"election key {key.kid} is held as {key.opening!r}: no trustee answers for this election"
        )
    return key.board


def _find(published: PublishedLog, orders: Orders, number: int | None) -> LoggedOrder:
    """The order of this number, or the newest thing in the log that is meant as one."""
    wanted = None if number is None else orders.numbered(number)
    if wanted is not None:
        return wanted
    bad = (one for one in published.log.bad() if one.payload_type == TYPE_OPENING_ORDER)
    meant: list[tuple[int, LoggedOrder | VoidOrder | BadLeaf]] = [(one.index, one) for one in bad]
    meant += [(one.leaf, one) for one in orders.valid]
    meant += [(one.leaf, one) for one in orders.void]
    if number is not None:
        meant = [(leaf, one) for leaf, one in meant if isinstance(one, VoidOrder) and one.number == number]
    if not meant:
        which = "no opening order" if number is None else f"no opening order number {number}"
        raise OrderNotLoggedError(
            f"{which} is in the published log of {published.checkpoint.size} leaves: an order is logged first, and "
            "published; get a newer copy"
        )
    leaf, newest = max(meant, key=lambda one: one[0])
    if isinstance(newest, LoggedOrder):
        return newest
    if isinstance(newest, VoidOrder):
        raise _FLAWS[newest.flaw](
            f"order {newest.number} (leaf {leaf}) holds nothing: {newest.problem}. Do not answer it; tell the "
            "commissioners"
        )
    raise OrderNotSignedError(f"leaf {leaf} is meant as an opening order, and is none: {newest.problem}")


def _find_handed(published: PublishedLog, orders: Orders, handed: bytes) -> LoggedOrder:
    try:
        checked = check_act(handed, published.manifest)
    except EvidenceError as error:
        raise OrderNotSignedError(f"the order that you were handed does not hold: {error}") from error
    if not isinstance(checked.statement, OpeningOrder):
        raise OrderNotSignedError(f"what you were handed is no opening order but a {checked.statement.type}")
    logged = [*(one.sha256 for one in orders.valid), *(one.sha256 for one in orders.void)]
    if checked.sha256 in logged:
        return _find(published, orders, checked.statement.number)
    raise OrderNotLoggedError(
        f"the order that you were handed (number {checked.statement.number}, SHA-256 {checked.sha256}) is not in the "
        f"published log of {published.checkpoint.size} leaves: wait until it is logged and published"
    )


def _check_published_listing(published: PublishedLog, order: LoggedOrder) -> None:
    """The listing that people were shown is the one of the order: nobody was told something else."""
    name = publication.listing_name(order.number)
    data = read_if_there(published.folder, name, LISTING_MAX)
    if data is None or codec.sha256_hex(data) == order.statement.listing_sha256:
        return
    try:
        shown = read_listing(data)
    except EvidenceError as error:
        raise ListingDiffersError(f"{name}: {error}: get another copy") from error
    for sha256 in _shown_only(shown, order.listing):
        check_envelope(published, order, sha256)
    raise ListingDiffersError(
        f"{name} is not the listing that order {order.number} commits to, which follows from the log: get another "
        "copy, and find out who changed it"
    )


def _shown_only(shown: Listing, found: Listing) -> list[str]:
    """Envelopes that the published listing lets count, and the log does not."""
    right = {unit.envelope_sha256 for unit in found.units}
    return [
        unit.envelope_sha256
        for unit in shown.units
        if unit.envelope_sha256 is not None and unit.envelope_sha256 not in right
    ]
