"""A round from the first envelope to the sums: intake, ledger, acts, listings, orders, trustees' answers, opening."""

from pathlib import Path

from center.intake.admission import SPOOL
from center.log.counts import Counts
from center.opening.listing import ListedUnit, Listing
from center.opening.logged import VerifiedLog
from center.opening.opening import count, orders_to_follow, read_log
from center.opening.orders import draft, orders_of
from center.opening.threshold import AnswersFile, open_by_answers
from center.opening.trustee_answers import answer
from center.opening.types import OpenedUnit, Opening
from tests.center.branch import Center, Device
from tests.center.commission import Commission
from tests.crypto.election_fixture import Election, make_election

TRUSTEES = (0, 2)  # two of three, whichever


class Round:
    """Two branches with a standby device and a standby terminal each, and a key that two of three trustees hold."""

    def __init__(self, folder: Path, *, terminals_per_branch: int = 1) -> None:
        self.election: Election = make_election(
            2, standbys=1, opening="trustees", terminals_per_branch=terminals_per_branch
        )
        self.center = Center(self.election, str(folder / "ledger.db"))
        self.commission = Commission(self.center)
        self.files: list[AnswersFile] = []

    def device(self, branch: int = 1, *, standby: bool = False) -> Device:
        return Device(self.election, f"branch-{branch}", f"standby-device-{branch}-1" if standby else None)

    def send(self, device: Device, *envelopes: bytes) -> tuple[tuple[str, ...], ...]:
        """By MQTT; returns the flags of each."""
        outcome = self.center.take(*((device, data) for data in envelopes))
        assert not outcome.refused
        return tuple(admitted.flags for admitted in outcome.admitted)

    def courier(self, data: bytes) -> tuple[str, ...]:
        """By the spool."""
        (admitted,) = self.center.take((SPOOL, data)).admitted
        return admitted.flags

    def act(self, data: bytes) -> None:
        outcome = self.commission.hand_in(data)
        assert not outcome.refused, outcome.refused
        assert outcome.acts

    def counts(self) -> Counts:
        return self.center.ledger.counts()

    def log(self) -> VerifiedLog:
        return read_log(self.center.ledger, self.election.loaded)[1]

    def listing(self) -> Listing:
        """What the next order would say."""
        return draft(self.log(), self.center.log.size)[1]

    def unit(self, terminal: str) -> ListedUnit:
        (unit,) = (unit for unit in self.listing().units if unit.terminal == terminal)
        return unit

    def order(self) -> Listing:
        """Order to open what is logged so far; the trustees answer. Returns what was ordered."""
        order, listing = draft(self.log(), self.center.log.size)
        self.act(self.commission.signed(order))
        log = self.log()
        logged = orders_of(log).valid[-1]
        assert logged.listing == listing
        if not listing.newly_counted():
            return listing  # there is nothing to answer
        board = self.election.manifest.election_key.board
        assert board is not None
        for trustee in TRUSTEES:
            answers = answer(self.election.shares[trustee], board, logged, log)
            self.files.append(AnswersFile(f"answers-{logged.number}-{trustee}", answers))
        return listing

    def open(self) -> Opening:
        head, log = read_log(self.center.ledger, self.election.loaded)
        orders = orders_to_follow(log)
        combined = open_by_answers(self.files, orders.valid, log)
        assert not combined.wrong
        return count(log, head, combined, orders=orders, answered=combined.trustees)


def opened(opening: Opening, terminal: str) -> OpenedUnit:
    (unit,) = (unit for unit in opening.units if unit.terminal == terminal)
    return unit
