"""Anchors: each sealed envelope names size and root of the journal that it was sealed over.

The device's signature covers them, and the centre's log keeps them: so facts that were rewritten after an envelope
was sealed do not fit it any more. Checked at every start.
"""

from crypto.codec import from_bytes, unb64
from crypto.envelope import Envelope
from crypto.errors import EvidenceError
from crypto.statements import AccountSubmission, JournalCheckpoint, SealedTally
from crypto.wire import TYPE_ACCOUNT_SUBMISSION
from kit.facts import EnvelopeSealed, Fact


class AnchorError(Exception):
    """An envelope was sealed over other facts than now stand before it."""


class Anchors:
    """Feed it the root of every size, and every fact, in order."""

    def __init__(self) -> None:
        self._roots: list[str] = []

    def grow(self, root: str) -> None:
        """The root of the tree that is one fact larger than the last one (the first call: of one fact)."""
        self._roots.append(root)

    def check(self, fact: Fact) -> None:
        """Raises AnchorError if this fact is an envelope that was not sealed over the facts before it."""
        if not isinstance(fact, EnvelopeSealed):
            return
        named = anchor_of(fact)
        if not 0 < named.size <= len(self._roots) or self._roots[named.size - 1] != named.root:
            raise AnchorError(
                f"envelope {fact.seq} was sealed over other {named.size} facts than stand before it"
            )


def anchor_of(fact: EnvelopeSealed) -> JournalCheckpoint:
    """Size and root that an envelope was sealed over; raises AnchorError when it cannot be read."""
    try:
        envelope = Envelope.from_bytes(unb64(fact.envelope))
        type_ = AccountSubmission if envelope.payload_type == TYPE_ACCOUNT_SUBMISSION else SealedTally
        return from_bytes(envelope.payload, type_).journal
    except EvidenceError as error:
        raise AnchorError(f"envelope {fact.seq} cannot be read: {error}") from error
