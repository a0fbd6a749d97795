"""Proofs out of the log, for people outside: that an envelope is in it, and that it has only grown.

Reads the ledger and nothing else, also while centerd writes to it. What is proven is for the receiver to verify.
"""

from center.errors import ProvingError
from center.log.checkpoints import Checkpoint
from center.log.ledger import Ledger
from center.witness.cosignatures import with_lines
from crypto import merkle, receipt
from crypto.consistency import Consistency, parse_unverified


class LoggedTree:
    """The tree under the newest checkpoint of a ledger; what centerd logs meanwhile is not looked at.

    Raises:
        ProvingError: when the log is empty, or the envelopes are not those that the checkpoint covers.
    """

    def __init__(self, ledger: Ledger) -> None:
        newest = ledger.newest_checkpoint()
        if newest is None:
            raise ProvingError("the log is empty: there is nothing to prove yet")
        self._ledger = ledger
        self.newest = newest
        self.tree = merkle.Tree()
        for entry in ledger.entries(newest.size):
            self.tree.append(merkle.leaf_hash(entry.data))
        signed = parse_unverified(newest.note)
        if (signed.size, signed.root) != (self.tree.size, self.tree.root()):
            raise ProvingError(
                f"the ledger holds {self.tree.size} envelopes that are not the {signed.size} which its newest "
                "checkpoint covers: restore it from a copy"
            )

    def checkpoint(self, size: int | None) -> Checkpoint:
        """The signed checkpoint over ``size`` envelopes, or the newest, with all cosignatures.

        Raises ProvingError naming its neighbours where there is none.
        """
        found = self.newest if size is None else self._ledger.checkpoint_at(size)
        if found is None:
            near = ", ".join(map(str, self._ledger.checkpoint_sizes_around(size or 0)))
            raise ProvingError(
                f"no checkpoint was signed over {size} envelopes (one is signed for each batch): the nearest are {near}"
            )
        return Checkpoint(found.size, with_lines(found.note, self._ledger.cosignatures(found.size).values()))

    def prove(self, sha256: str, size: int | None) -> str:
        """The tlog-proof@v1 of an envelope (hexadecimal SHA-256) under a checkpoint; raises ProvingError."""
        checkpoint = self.checkpoint(size)
        leaf = self._ledger.leaf_of(sha256)
        if leaf is None:
            raise ProvingError(f"no envelope {sha256} is logged: check the hash (64 hexadecimal digits)")
        if leaf >= checkpoint.size:
            raise ProvingError(
                f"envelope {sha256} is leaf {leaf}: a checkpoint over {checkpoint.size} does not cover it, take a "
                "later one"
            )
        entry = next(entry for entry in self._ledger.entries_from(leaf))
        return receipt.make(entry.data, leaf, self.tree.inclusion(leaf, checkpoint.size), checkpoint.note)

    def consistency(self, old: int, new: int) -> Consistency:
        """That the log of ``new`` envelopes begins with the log of ``old`` (1 or more); raises ProvingError."""
        if not 1 <= old <= new:
            raise ProvingError(
                f"from {old} to {new}: the old size is 1 or more and not above the new one (an empty log is the "
                "beginning of every log)"
            )
        before, after = self.checkpoint(old), self.checkpoint(new)
        return Consistency(before.note, after.note, self.tree.consistency(old, new))
