"""The opening of a world's log: ordered by two commissioners, logged, witnessed, answered by trustees, combined."""

from typing import NoReturn

from center.intake.admission import SPOOL
from center.intake.intake import Intake
from center.log.ledger import Ledger
from center.log.sequencer import Sequencer
from center.opening.opening import check_time, count, orders_to_follow, read_log
from center.opening.orders import draft, opening_not_before
from center.opening.threshold import AnswersFile, open_by_answers
from center.opening.trustee_answers import answer
from center.opening.types import Opening
from center.witness.witnessed_time import check_witnessed
from crypto.acts import sign_act
from crypto.errors import SealError
from crypto.notes import NoteSigner
from crypto.statements import SealedTally
from simulators.election import Election
from simulators.trustees import THRESHOLD


class NotOpenedError(Exception):
    """The centre refused the order to open."""


def open_by_trustees(ledger: Ledger, election: Election, signer: NoteSigner, wall_ms: int) -> Opening:
    """Everything that happens on the evening, on a ledger that nobody else writes to.

    Raises NotOpenedError, CenterError: what would stop officials or trustees stops a world.
    """
    manifest = election.trusted
    sequencer = Sequencer(ledger, signer, manifest.manifest.witness_policy)
    head, before = read_log(ledger, manifest)
    if not before.leaves:
        return count(before, head, _unopened)  # nothing to order, and every unit absent
    order, _ = draft(before, len(before.leaves))
    signed = sign_act(order, list(election.commissioners.values()))
    refused = Intake(manifest, ledger, sequencer).process([(SPOOL, signed)], wall_ms=wall_ms).refused
    if refused:
        raise NotOpenedError(f"the order was refused: {refused[0].reason}")
    newest = ledger.newest_checkpoint()
    if newest is None:
        raise NotOpenedError("the order is not in the log")
    note = newest.note
    for cosigner in election.cosigners():
        note = cosigner.cosign(note, wall_ms // 1000)
    return open_ordered(ledger, election, note, wall_ms)[0]


def open_ordered(
    ledger: Ledger, election: Election, note: str, wall_ms: int
) -> tuple[Opening, list[AnswersFile]]:
    """What the orders in a log open, and how: enough trustees answer them all.

    ``note``: the checkpoint that witnesses saw. Raises CenterError, ProofError.
    """
    manifest = election.trusted
    head, log = read_log(ledger, manifest)
    orders = orders_to_follow(log)
    check_witnessed(note, manifest, opening_not_before(log))
    check_time(opening_not_before(log), wall_ms)
    board = election.board
    files = [
        AnswersFile(board.statement.trustees[share.trustee - 1].id, answer(share, board.statement, one, log))
        for share in board.shares[:THRESHOLD]
        for one in orders.valid
        if one.listing.newly_counted()
    ]
    combined = open_by_answers(files, orders.valid, log)
    return count(log, head, combined, orders=orders, answered=combined.trustees), files


def _unopened(sealed: SealedTally, sha256: str) -> NoReturn:
    raise SealError(f"envelope {sha256} of branch {sealed.branch}: no order opened it")
