"""Consistency documents: two signed checkpoints of one log, and the RFC 6962 proof that it has only grown between them.

Text, to be moved as a file: header, one base64 hash a line, and the two notes, each after an empty line.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from crypto import codec, merkle, notes
from crypto.errors import EncodingError, ProofError
from crypto.notes import Checkpoint, NoteVerifier

CONSISTENCY_MAX: Final = 2 * notes.NOTE_MAX + 8 * 1024  # bytes of one consistency document
MAGIC: Final = "branch-kit/tlog-consistency@v1"
_HEADER_LINES: Final = 3  # magic, old, new
_PARTS: Final = 5  # header, and text and signatures of two notes


@dataclass(frozen=True, slots=True)
class Consistency:
    """Two checkpoint notes of one log and the RFC 6962 §2.1.2 proof between them."""

    old_note: str
    new_note: str
    proof: tuple[bytes, ...]

    def to_text(self) -> str:
        """The document: header, one base64 hash a line, and the two notes, each after an empty line."""
        old, new = parse_unverified(self.old_note), parse_unverified(self.new_note)
        lines = [MAGIC, f"old {old.size}", f"new {new.size}", *map(codec.b64, self.proof), ""]
        return "\n".join([*lines, self.old_note, self.new_note])

    @classmethod
    def from_text(cls, text: str) -> "Consistency":
        """Take a document apart. Nothing is verified; raises ProofError when it is malformed."""
        if len(text) > CONSISTENCY_MAX:
            raise ProofError(f"consistency proof is longer than {CONSISTENCY_MAX} bytes")
        parts = text.split("\n\n")
        lines = parts[0].split("\n")
        if len(parts) != _PARTS or lines[0] != MAGIC or len(lines) < _HEADER_LINES:
            raise ProofError(
                f"not a consistency proof: {MAGIC}, old, new, hashes, and two checkpoints are needed, with an "
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

    def verify(self, log: NoteVerifier) -> Checkpoint:
        """Check signatures, origin and proof; returns the new checkpoint; raises ProofError."""
        old, new = signed_by(self.old_note, log), signed_by(self.new_note, log)
        merkle.verify_consistency(old.size, new.size, self.proof, old.root, new.root)
        return new


def signed_by(note: str, log: NoteVerifier) -> Checkpoint:
    """The checkpoint of this very log that ``note`` holds; raises ProofError."""
    checkpoint = Checkpoint.parse(notes.verify_note(note, [log]))
    if checkpoint.origin != log.name:
        raise ProofError(f"the checkpoint is of log {checkpoint.origin!r}, not of {log.name!r}")
    return checkpoint


def parse_unverified(note: str) -> Checkpoint:
    """The checkpoint of a note, whoever signed it; raises ProofError."""
    return Checkpoint.parse(notes.text_of(note))


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
