"""Proof that one fact is in a journal: C2SP tlog-proof@v1 under a signed checkpoint of the journal.

The leaf is the fact's canonical bytes; ``extra`` is their SHA-256; ``index`` counts from 0, so that of fact 17 is 16.
The checkpoint's extension lines stay in it. Whoever has the manifest can check the device's signature on it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import codec, merkle, notes
from crypto.errors import ProofError
from crypto.journal_note import JournalName, JournalNote, name_of, open_by_device
from crypto.manifest import TrustedManifest
from crypto.notes import text_of

PROOF_MAX: Final = 8 * 1024  # characters
_MAGIC: Final = "c2sp.org/tlog-proof@v1"
_ORIGIN: Final = re.compile(r"branch-kit/journal/([^/]+)/([1-9][0-9]{0,9})/([^/]+)/([^/]+)")
_HEADER_LINES: Final = 3  # magic, extra, index


@dataclass(frozen=True, slots=True)
class Proven:
    """What a proof shows: fact ``number`` (from 1) stands in the journal ``name``, under this checkpoint."""

    name: JournalName
    number: int
    note: JournalNote


def make(bodies: Sequence[bytes], number: int, note: str) -> str:
    """Prove fact ``number`` (from 1) of these facts under a signed checkpoint.

    Raises:
        ProofError: there is no such fact, or the checkpoint is not over these facts, or not over this one.
    """
    checkpoint = JournalNote.parse(text_of(note)).checkpoint
    if not 1 <= number <= checkpoint.size:
        raise ProofError(f"fact {number} is not among the {checkpoint.size} that this checkpoint is over")
    tree = merkle.Tree([merkle.leaf_hash(body) for body in bodies[: checkpoint.size]])
    if tree.size != checkpoint.size or tree.root() != checkpoint.root:
        raise ProofError(f"the checkpoint over {checkpoint.size} facts is over others than these")
    body = bodies[number - 1]
    lines = [
        _MAGIC,
        f"extra {codec.b64(sha256(body).digest())}",
        f"index {number - 1}",
        *map(codec.b64, tree.inclusion(number - 1)),
        "",
        note,
    ]
    return "\n".join(lines)


def check(proof: str, body: bytes, manifest: TrustedManifest) -> Proven:
    """Check a proof against the fact's bytes and the device key that the manifest enrols.

    Raises:
        EvidenceError: anything in it is malformed, about another fact, journal or election, or does not verify.
    """
    if len(proof) > PROOF_MAX:
        raise ProofError(f"proof is longer than {PROOF_MAX} characters")
    head, gap, signed = proof.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(lines) < _HEADER_LINES or lines[0] != _MAGIC:
        raise ProofError(f"proof does not begin with {_MAGIC}, extra, index, hashes and an empty line")
    if lines[1] != f"extra {codec.b64(sha256(body).digest())}":
        raise ProofError("proof is for another fact than this one")
    index_word, _, digits = lines[2].partition(" ")
    if index_word != "index":
        raise ProofError(f"proof: {lines[2][:80]!r} stands where 'index' should")
    index = notes.decimal(digits, "proof: index")
    path = [codec.unb64(line) for line in lines[_HEADER_LINES:]]
    name = _name(JournalNote.parse(text_of(signed)).checkpoint.origin, manifest)
    note = open_by_device(signed, name, manifest.device_key(name.device))
    checkpoint = note.checkpoint
    merkle.verify_inclusion(merkle.leaf_hash(body), index, checkpoint.size, path, checkpoint.root)
    return Proven(name, index + 1, note)


def _name(origin: str, manifest: TrustedManifest) -> JournalName:
    match = _ORIGIN.fullmatch(origin)
    if match is None:
        raise ProofError(f"{origin!r} is no journal of a kit")
    return name_of(match[1], int(match[2]), match[3], match[4], manifest)
