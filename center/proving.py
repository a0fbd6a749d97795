"""Proofs out of the log, for people outside: that an envelope is in it, and that it has only grown.

Reads the ledger and nothing else, also while centerd writes to it. What is proven is for the receiver to verify.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from center.cosignatures import with_lines
from center.errors import ProvingError
from center.ledger import Checkpoint, Ledger
from crypto import codec, merkle, notes, receipt
from crypto.errors import EncodingError, ProofError
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import NoteVerifier

CONSISTENCY_MAX: Final = 2 * notes.NOTE_MAX + 8 * 1024  # bytes of one consistency document
_MAGIC: Final = "branch-kit/tlog-consistency@v1"
_HEADER_LINES: Final = 3  # magic, old, new
_PARTS: Final = 5  # header, and text and signatures of two notes


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

    def consistency(self, old: int, new: int) -> "Consistency":
        """That the log of ``new`` envelopes begins with the log of ``old`` (1 or more); raises ProvingError."""
        if not 1 <= old <= new:
            raise ProvingError(
                f"from {old} to {new}: the old size is 1 or more and not above the new one (an empty log is the "
                "beginning of every log)"
            )
        before, after = self.checkpoint(old), self.checkpoint(new)
        return Consistency(before.note, after.note, self.tree.consistency(old, new))


@dataclass(frozen=True, slots=True)
class Consistency:
    """Two checkpoint notes of one log and the RFC 6962 §2.1.2 proof between them."""

    old_note: str
    new_note: str
    proof: tuple[bytes, ...]

    def to_text(self) -> str:
        """The document: header, one base64 hash a line, and the two notes, each after an empty line."""
        old, new = parse_unverified(self.old_note), parse_unverified(self.new_note)
        lines = [_MAGIC, f"old {old.size}", f"new {new.size}", *map(codec.b64, self.proof), ""]
        return "\n".join([*lines, self.old_note, self.new_note])

    @classmethod
    def from_text(cls, text: str) -> "Consistency":
        """Take a document apart. Nothing is verified; raises ProofError when it is malformed."""
        if len(text) > CONSISTENCY_MAX:
            raise ProofError(f"consistency proof is longer than {CONSISTENCY_MAX} bytes")
        parts = text.split("\n\n")
        lines = parts[0].split("\n")
        if len(parts) != _PARTS or lines[0] != _MAGIC or len(lines) < _HEADER_LINES:
            raise ProofError(
                f"not a consistency proof: {_MAGIC}, old, new, hashes, and two checkpoints are needed, with an "
                "empty line before each checkpoint"
            )
        found = cls(f"{parts[1]}\n\n{parts[2]}\n", f"{parts[3]}\n\n{parts[4]}", hashes(lines[_HEADER_LINES:]))
        sizes = [
            f"old {parse_unverified(found.old_note).size}",
            f"new {parse_unverified(found.new_note).size}",
        ]
        if lines[1:_HEADER_LINES] != sizes:
            raise ProofError(f"consistency proof says {lines[1:3]}, its checkpoints say {sizes}")
        return found

    def verify(self, log: NoteVerifier) -> SignedCheckpoint:
        """Check signatures, origin and proof; returns the new checkpoint; raises ProofError."""
        old, new = signed_by(self.old_note, log), signed_by(self.new_note, log)
        merkle.verify_consistency(old.size, new.size, self.proof, old.root, new.root)
        return new


def signed_by(note: str, log: NoteVerifier) -> SignedCheckpoint:
    """The checkpoint of this very log that ``note`` holds; raises ProofError."""
    checkpoint = SignedCheckpoint.parse(notes.verify_note(note, [log]))
    if checkpoint.origin != log.name:
        raise ProofError(f"the checkpoint is of log {checkpoint.origin!r}, not of {log.name!r}")
    return checkpoint


def parse_unverified(note: str) -> SignedCheckpoint:
    """The checkpoint of a note, whoever signed it; raises ProofError."""
    return SignedCheckpoint.parse(notes.text_of(note))


def hashes(lines: Sequence[str]) -> tuple[bytes, ...]:
    """Base64 hashes, one a line; raises ProofError."""
    if len(lines) > merkle.PROOF_MAX:
        raise ProofError(f"a proof of {len(lines)} hashes: at most {merkle.PROOF_MAX} are ever needed")
    try:
        found = tuple(map(codec.unb64, lines))
    except EncodingError as error:
        raise ProofError(f"consistency proof: {error}") from error
    if any(len(one) != merkle.HASH_BYTES for one in found):
        raise ProofError(f"consistency proof: a hash is not {merkle.HASH_BYTES} bytes long")
    return found
