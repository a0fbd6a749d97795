"""Witnessed receipts that nobody has asked for: whom the centre tells by itself, and how fast.

When a witness that was silent comes back, one cosignature settles the receipts of thousands of branches. They are
told at a bounded rate. What is lost on the way is no loss: a branch that holds less asks again, in its own time.
"""

from typing import Final, Protocol

from center.log.entries import Entry
from center.log.ledger import Ledger
from center.log.sequencer import Sequencer
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.wire import topic_receipt

PUSH_MAX: Final = 20  # receipts pushed at a time
TOLD_MAX: Final = 100_000  # leaves remembered as told by an answer; more are told twice, which harms nobody


class Send(Protocol):
    """How one message gets to the broker: ``center.ports.Session.send``."""

    async def __call__(self, topic: str, payload: bytes) -> bool:
        """Hand one QoS 0 message over; False when there is no session."""


class Pushes:
    """Branches that hold less than the log can give them: every leaf that became witnessed in this life, once.

    Leaves that were witnessed when this life began are not told of again: most were told in the life before, and
    the others ask.
    """

    def __init__(self, manifest: TrustedManifest, ledger: Ledger, sequencer: Sequencer) -> None:
        self._election = manifest.manifest.election
        self._branches = frozenset(branch.id for branch in manifest.manifest.branches)
        self._ledger = ledger
        self._sequencer = sequencer
        self._next_leaf = sequencer.witnessed_size
        self._told: set[str] = set()

    def told(self, sha256: str) -> None:
        """The branch of this envelope was given its witnessed receipt, because it asked."""
        if len(self._told) < TOLD_MAX:
            self._told.add(sha256)

    @property
    def waiting(self) -> bool:
        """Whether anybody is still to be told."""
        return self._next_leaf < self._sequencer.witnessed_size

    async def send_some(self, send: Send) -> bool:
        """Tell at most PUSH_MAX branches; False when there is no session, and then those left are told later."""
        end = self._sequencer.witnessed_size
        sent = 0
        for entry in self._ledger.entries_from(self._next_leaf):
            if entry.leaf >= end or sent == PUSH_MAX:
                return True
            receipt = self._receipt(entry) if self._owed(entry) else None
            if receipt is not None:
                if not await send(topic_receipt(self._election, entry.branch), receipt):
                    return False
                sent += 1
            self._told.discard(entry.sha256)
            self._next_leaf = entry.leaf + 1
        return True

    def _receipt(self, entry: Entry) -> bytes | None:
        try:
            return self._sequencer.receipt(entry.sha256, entry.data).encode()
        except ProofError:
            return None  # too long for any message: publish, and let the branch fetch it from there

    def _owed(self, entry: Entry) -> bool:
        return entry.branch in self._branches and entry.sha256 not in self._told
