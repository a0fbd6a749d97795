"""Receipts: C2SP tlog-proof@v1. Proof, to be checked offline, that the centre's log holds an envelope.

The leaf is the envelope's bytes as they were sent (``merkle.leaf_hash(envelope)``); ``extra`` is the SHA-256 of the
same bytes, so that a receipt can be matched with its envelope.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, Literal, get_args

from crypto import codec, merkle, notes
from crypto.errors import EncodingError, ProofError
from crypto.notes import Checkpoint, CosignatureVerifier, NoteVerifier
from crypto.statements import WitnessPolicy
from crypto.wire import RECEIPT_MAX

Grade = Literal["acknowledged", "included", "witnessed"]
"""What a branch may hold, from least to most.

``acknowledged``: the centre's signed promise over the whole hash (acknowledgement.py). ``included``: the log has signed
for the envelope's place in it. ``witnessed``: so have the witnesses whom the policy asks for.
"""

GRADES: Final[tuple[Grade, ...]] = get_args(Grade)

MAGIC: Final = "c2sp.org/tlog-proof@v1"
_HEADER_LINES: Final = 3  # magic, extra, index


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a verified receipt shows: leaf ``index`` of the log of ``size`` leaves under ``root`` (32 bytes)."""

    grade: Literal["included", "witnessed"]
    index: int
    size: int
    root: bytes
    envelope_sha256: str


def make(envelope_bytes: bytes, index: int, proof: Sequence[bytes], checkpoint_note: str) -> str:
    """Return the receipt for the envelope at leaf ``index`` of the log whose signed checkpoint is given.

    Raises:
        ProofError: when ``proof`` does not lead from the envelope to the checkpoint's root, or the receipt would
            be longer than ``RECEIPT_MAX`` bytes.
    """
    lines = [
        MAGIC,
        f"extra {codec.b64(sha256(envelope_bytes).digest())}",
        f"index {index}",
        *map(codec.b64, proof),
        "",
        checkpoint_note,
    ]
    text = "\n".join(lines)
    parts = parse_unverified(text)
    checkpoint = Checkpoint.parse(notes.text_of(parts.note))
    _check_inclusion(envelope_bytes, parts, checkpoint)
    return text


def verify(receipt: str, envelope_bytes: bytes, *, log: NoteVerifier, policy: WitnessPolicy) -> Receipt:
    """Check ``receipt`` against the envelope that was sent, the log's key and the witnesses' keys.

    Raises:
        ProofError: when anything in it is malformed, about another envelope or another log, or does not verify.
    """
    parts = parse_unverified(receipt)
    witnesses = [CosignatureVerifier(vkey) for vkey in policy.witnesses]
    opened = notes.open_note(parts.note, [log, *witnesses])
    if log not in opened.signed_by:
        raise ProofError(f"receipt: its checkpoint is not signed by the log {log.name}")
    checkpoint = Checkpoint.parse(opened.text)
    if checkpoint.origin != log.name:
        raise ProofError(f"receipt: its checkpoint is of log {checkpoint.origin!r}, not of {log.name!r}")
    _check_inclusion(envelope_bytes, parts, checkpoint)
    # A witness with two names is one witness: cosignatures do not cover the name.
    cosigners = {verifier.public for verifier in opened.signed_by if verifier is not log}
    return Receipt(
        grade="witnessed" if 0 < policy.m <= len(cosigners) else "included",
        index=parts.index,
        size=checkpoint.size,
        root=checkpoint.root,
        envelope_sha256=parts.envelope_sha256,
    )


def delivered(receipt: Receipt, policy: WitnessPolicy) -> bool:
    """Return whether the receipt frees the outbox: witnessed, or included where the policy asks for no witness."""
    return receipt.grade == "witnessed" or policy.m == 0


def envelope_sha256_of(receipt: str) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the envelope that ``receipt`` says it is for.

    It serves to find the envelope, and proves nothing.

    Raises:
        ProofError: when ``receipt`` is malformed.
    """
    return parse_unverified(receipt).envelope_sha256


@dataclass(frozen=True, slots=True)
class Parts:
    """What stands in a receipt, unverified: whose envelope, at which leaf, proven how, under which signed note."""

    envelope_sha256: str
    index: int
    proof: tuple[bytes, ...]
    note: str


def parse_unverified(receipt: str) -> Parts:
    """Take a receipt apart. Nothing is verified.

    Raises:
        ProofError: when ``receipt`` is malformed.
    """
    # Unpaired surrogates only matter in the note, which refuses them.
    if len(receipt) > RECEIPT_MAX or len(receipt.encode("utf-8", "surrogatepass")) > RECEIPT_MAX:
        raise ProofError(f"receipt is longer than {RECEIPT_MAX} bytes")
    head, gap, note = receipt.partition("\n\n")
    lines = head.split("\n")
    if not gap or len(lines) < _HEADER_LINES or lines[0] != MAGIC:
        raise ProofError(f"receipt does not begin with {MAGIC}, extra, index, proof and an empty line")
    digest = _hash(_value(lines[1], "extra"))
    index = notes.decimal(_value(lines[2], "index"), "receipt: index")
    proof = tuple(_hash(line) for line in lines[_HEADER_LINES:])
    return Parts(digest.hex(), index, proof, note)


def _value(line: str, name: str) -> str:
    key, _, value = line.partition(" ")
    if key != name:
        raise ProofError(f"receipt: {line[:80]!r} stands where {name!r} should")
    return value


def _hash(encoded: str) -> bytes:
    try:
        digest = codec.unb64(encoded)
    except EncodingError as error:
        raise ProofError(f"receipt: {error}") from error
    if len(digest) != merkle.HASH_BYTES:
        raise ProofError(f"receipt: a hash of {len(digest)} bytes where {merkle.HASH_BYTES} should be")
    return digest


def _check_inclusion(envelope_bytes: bytes, parts: Parts, checkpoint: Checkpoint) -> None:
    if parts.envelope_sha256 != codec.sha256_hex(envelope_bytes):
        raise ProofError(f"receipt is for envelope {parts.envelope_sha256}, not for this one")
    leaf = merkle.leaf_hash(envelope_bytes)
    merkle.verify_inclusion(leaf, parts.index, checkpoint.size, parts.proof, checkpoint.root)
