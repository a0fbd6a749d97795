"""A centre in one object: a real log that grows, signs checkpoints and writes receipts, without a broker."""

from hashlib import sha256

from crypto import merkle, receipt
from crypto.notes import Checkpoint, Cosigner
from tests.crypto.election_fixture import Election


class Center:
    """``take`` is what the centre does with an envelope: the same bytes always get the same leaf."""

    def __init__(self, election: Election, witnesses: tuple[Cosigner, ...] = ()) -> None:
        self._election, self._witnesses = election, witnesses
        self._tree = merkle.Tree([merkle.leaf_hash(b"an envelope of another branch")])
        self._leaves: dict[str, int] = {}
        self.taken: list[bytes] = []

    def take(self, data: bytes) -> str:
        """Log the envelope unless it is logged already, and answer with its receipt."""
        digest = sha256(data).hexdigest()
        if digest not in self._leaves:
            self._leaves[digest] = self._tree.append(merkle.leaf_hash(data))
            self.taken.append(data)
        return self.receipt(data)

    def receipt(self, data: bytes) -> str:
        """The receipt of something that is in the log."""
        index = self._leaves[sha256(data).hexdigest()]
        log = self._election.log
        note = log.sign(Checkpoint(log.name, self._tree.size, self._tree.root()).text())
        for witness in self._witnesses:
            note = witness.cosign(note, 1_800_000_000)
        return receipt.make(data, index, self._tree.inclusion(index), note)
