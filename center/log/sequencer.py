"""The sequencer: gives envelopes and acts their place in the log, signs checkpoints over them, makes receipts.

Memory follows the disk, never the other way round: the tree grows only when the ledger has committed.
"""

from collections.abc import Sequence
from typing import Final

from center.errors import LedgerCorruptError
from center.intake.admission import Admission, Refused
from center.log.checkpoints import Checkpoint
from center.log.ledger import Ledger
from center.witness.cosignatures import keep, newest_witnessed
from crypto import acknowledgement, merkle, receipt
from crypto.codec import sha256_hex
from crypto.errors import ProofError
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import NoteSigner, NoteVerifier, verify_note
from crypto.statements import WitnessPolicy

NO_WITNESSES: Final = WitnessPolicy(m=0, witnesses=())


class Sequencer:
    """The only writer of a ledger.

    Reads the whole ledger when made. Raises LedgerCorruptError when the envelopes are not those that the newest
    checkpoint covers, and LedgerError when the disk refuses.
    """

    def __init__(self, ledger: Ledger, signer: NoteSigner, policy: WitnessPolicy = NO_WITNESSES) -> None:
        self._ledger = ledger
        self._signer = signer
        self._policy = policy
        self._tree = merkle.Tree()
        self._frontier = merkle.Frontier()
        self._newest: Checkpoint | None = None
        self._rebuild()
        self._witnessed = newest_witnessed(ledger, policy)

    @property
    def size(self) -> int:
        """How many leaves are logged."""
        return self._frontier.size

    def root_at(self, size: int) -> str | None:
        """The root (hexadecimal) over the first ``size`` leaves, None when fewer are logged."""
        return self._tree.root(size).hex() if size <= self.size else None

    @property
    def newest(self) -> Checkpoint | None:
        """The newest checkpoint, None while the log is empty."""
        return self._newest

    @property
    def witnessed_size(self) -> int:
        """How many leaves the newest checkpoint covers that enough witnesses vouched for, 0 for none."""
        return 0 if self._witnessed is None else self._witnessed.size

    def append(self, admitted: Sequence[Admission], refused: Sequence[Refused], *, at: str) -> None:
        """Log a batch under a new checkpoint, durably; ``at`` is the wall time (RFC 3339).

        Raises LedgerError, and then nothing of the batch is logged.
        """
        if not admitted and not refused:
            return
        frontier = self._frontier.copy()
        leaves = [merkle.leaf_hash(one.data) for one in admitted]
        for leaf in leaves:
            frontier.append(leaf)
        checkpoint = None
        if leaves:
            text = SignedCheckpoint(self._signer.name, frontier.size, frontier.root()).text()
            checkpoint = Checkpoint(frontier.size, self._signer.sign(text))
        self._ledger.append(admitted, refused, checkpoint, first_leaf=self._frontier.size, at=at)
        for leaf in leaves:
            self._tree.append(leaf)
        self._frontier = frontier
        self._newest = checkpoint or self._newest

    def receipt(self, sha256: str, data: bytes) -> str:
        """The receipt of a logged envelope: its inclusion under the newest checkpoint.

        Where the manifest asks for witnesses, the newest checkpoint that they vouched for comes first, if it covers
        the envelope already.

        Raises:
            KeyError: for an envelope that is not logged.
            ProofError: when the receipt would be longer than wire.RECEIPT_MAX.
        """
        leaf = self._ledger.leaf_of(sha256)
        if leaf is None or self._newest is None:
            raise KeyError(sha256)
        checkpoint = self._newest
        if self._witnessed is not None and leaf < self._witnessed.size:
            checkpoint = self._witnessed
        proof = self._tree.inclusion(leaf, checkpoint.size)
        return receipt.make(data, leaf, proof, checkpoint.note)

    def acknowledgement(self, sha256: str, data: bytes) -> str:
        """The promise that an envelope is logged, for ways that carry no proof; raises KeyError as ``receipt``."""
        if self._ledger.leaf_of(sha256) is None:
            raise KeyError(sha256)
        return acknowledgement.make(data, self._signer)

    def is_witnessed(self, sha256: str) -> bool:
        """Whether the receipt of this envelope is witnessed by now."""
        leaf = self._ledger.leaf_of(sha256)
        return leaf is not None and leaf < self.witnessed_size

    def cosigned_size(self, witness: str) -> int:
        """The size of the newest checkpoint that a witness (verifier key) vouched for, 0 for none."""
        return self._ledger.cosigned_size(witness)

    def consistency(self, old: int, new: int) -> tuple[bytes, ...]:
        """The proof that the log of ``new`` envelopes begins with that of ``old``; empty for an old log of nothing.

        Raises ProofError when the log has never had these sizes.
        """
        return self._tree.consistency(old, new) if old else ()

    def add_cosignature(self, size: int, witness: str, line: str, *, at: str) -> None:
        """Keep a good signature line of a witness (verifier key), durably; later receipts carry it.

        Raises LedgerError.
        """
        keep(self._ledger, size, witness, line, at=at)
        self._witnessed = newest_witnessed(self._ledger, self._policy)

    def look_for_cosignatures(self) -> None:
        """Use what another process put into the ledger meanwhile (``center log bring``); raises LedgerError."""
        if self._ledger.changed_elsewhere():
            self._witnessed = newest_witnessed(self._ledger, self._policy)

    def _rebuild(self) -> None:
        for entry in self._ledger.entries():
            if entry.leaf != self._frontier.size:
                raise LedgerCorruptError(
                    f"ledger: leaf {self._frontier.size} is missing: restore it from a copy"
                )
            if sha256_hex(entry.data) != entry.sha256:
                raise LedgerCorruptError(
                    f"ledger: leaf {entry.leaf} is not what was logged: restore it from a copy"
                )
            leaf = merkle.leaf_hash(entry.data)
            self._tree.append(leaf)
            self._frontier.append(leaf)
        self._newest = self._ledger.newest_checkpoint()
        signed_size = (
            0 if self._newest is None else check_note(self._newest.note, self._signer.vkey, self._frontier)
        )
        if signed_size != self._frontier.size:
            raise LedgerCorruptError(
                f"ledger: {self._frontier.size} envelopes, but the newest checkpoint covers {signed_size}: "
                "restore it from a copy"
            )


def check_note(note: str, vkey: str, frontier: merkle.Frontier) -> int:
    """Check that a checkpoint is signed by ``vkey`` and covers exactly the leaves of ``frontier``; return its size.

    Raises LedgerCorruptError naming what differs.
    """
    try:
        text = verify_note(note, [NoteVerifier(vkey)])
        checkpoint = SignedCheckpoint.parse(text)
    except ProofError as error:
        raise LedgerCorruptError(
            f"ledger: the newest checkpoint does not verify ({error}): is log_key the right one?"
        ) from error
    if (checkpoint.size, checkpoint.root) != (frontier.size, frontier.root()):
        raise LedgerCorruptError(
            f"ledger: the checkpoint of size {checkpoint.size} does not cover the {frontier.size} envelopes: "
            "restore the ledger from a copy"
        )
    return checkpoint.size
