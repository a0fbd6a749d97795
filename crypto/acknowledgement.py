"""Acknowledgements: the log's signed promise over one envelope, for rungs that cannot carry a proof.

A C2SP signed note (c2sp.org/signed-note), so that any tool for notes verifies it with the log's verifier key::

    branch-kit/acknowledgement@v1
    log <origin>
    envelope <base64 of the SHA-256 of the envelope's bytes>

    <em dash> <origin> <base64 of key hash and signature>

Its first line sets it apart from everything else that the log signs: a checkpoint's second line is a decimal number,
here it begins with ``log``. Packed it is 101 bytes, one binary SMS; ``unpack`` renders the same note again.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import codec, notes
from crypto.errors import EncodingError, ProofError
from crypto.merkle import HASH_BYTES
from crypto.notes import NoteSigner, NoteVerifier

MAGIC: Final = "branch-kit/acknowledgement@v1"
PACKED_VERSION: Final = 0xA1  # first byte; no compact carrier and no UTF-8 text begins with it
PACKED_BYTES: Final = 1 + 4 + 32 + 64
ACKNOWLEDGEMENT_MAX: Final = 2 * 1024  # bytes of one as a note: the name of the log stands in it twice

_KEY_HASH_BYTES: Final = 4  # packed: version, key hash of the log, SHA-256 of the envelope, Ed25519 signature
_LINES: Final = 3


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """What a verified acknowledgement shows: this log holds the envelope with this hash, durably.

    ``envelope_sha256`` is 64 hexadecimal digits. Where the envelope stands in the log it does not say.
    """

    origin: str
    envelope_sha256: str


def make(envelope_bytes: bytes, log: NoteSigner) -> str:
    """Return the note in which ``log`` promises that it holds the envelope. To be made when that is on the disk."""
    return log.sign(_text(log.name, sha256(envelope_bytes).digest()))


def verify(note: str, envelope_bytes: bytes, *, log: NoteVerifier) -> Acknowledgement:
    """Check an acknowledgement against the envelope that was sent and the log's key.

    Raises:
        ProofError: when anything in it is malformed, about another envelope or another log, or does not verify.
    """
    origin, digest = _parse(note)
    notes.verify_note(note, [log])
    if origin != log.name:
        raise ProofError(f"acknowledgement: it is of log {origin!r}, not of {log.name!r}")
    if digest != sha256(envelope_bytes).digest():
        raise ProofError(f"acknowledgement is for envelope {digest.hex()}, not for this one")
    return Acknowledgement(origin, digest.hex())


def is_acknowledgement(text: str) -> bool:
    """Return whether ``text`` calls itself an acknowledgement. It proves nothing."""
    return text.startswith(MAGIC + "\n")


def envelope_sha256_of(note: str) -> str:
    """Return the SHA-256 (64 hexadecimal digits) of the envelope that ``note`` says it is for, unverified.

    Raises:
        ProofError: when ``note`` is malformed.
    """
    return _parse(note)[1].hex()


def pack(note: str, *, log: NoteVerifier) -> bytes:
    """Return the ``PACKED_BYTES`` bytes from which ``unpack`` renders ``note`` again.

    Raises:
        ProofError: when ``note`` is no acknowledgement that ``log`` signed, or holds more than its one signature.
    """
    origin, digest = _parse(note)
    notes.verify_note(note, [log])
    line = note.rpartition("\n\n")[2].removesuffix("\n")
    if origin != log.name or "\n" in line:
        raise ProofError("acknowledgement: only one with the log's signature alone can be packed")
    key_and_signature = codec.unb64(line.rpartition(" ")[2])
    packed = bytes([PACKED_VERSION]) + key_and_signature[:_KEY_HASH_BYTES] + digest
    packed += key_and_signature[_KEY_HASH_BYTES:]
    return packed


def unpack(packed: bytes, *, log: NoteVerifier) -> str:
    """Return the note that was packed. Its signature is for ``verify`` to check.

    Raises:
        ProofError: when these are not the bytes of an acknowledgement of this log.
    """
    if len(packed) != PACKED_BYTES or packed[0] != PACKED_VERSION:
        raise ProofError(
            f"not a packed acknowledgement: {len(packed)} bytes beginning with {packed[:1].hex() or 'nothing'}, "
            f"{PACKED_BYTES} beginning with {PACKED_VERSION:02x} are needed"
        )
    key_hash, digest, signature = packed[1:5], packed[5:37], packed[37:]
    if key_hash != log.key_hash:
        raise ProofError(
            f"packed acknowledgement is of log key {key_hash.hex()}, not of {log.key_hash.hex()}"
        )
    return f"{_text(log.name, digest)}\n\N{EM DASH} {log.name} {codec.b64(key_hash + signature)}\n"


def _text(origin: str, digest: bytes) -> str:
    return f"{MAGIC}\nlog {origin}\nenvelope {codec.b64(digest)}\n"


def _parse(note: str) -> tuple[str, bytes]:
    """The origin and the hash in a note. Nothing is verified."""
    if len(note) > ACKNOWLEDGEMENT_MAX:
        raise ProofError(f"acknowledgement is longer than {ACKNOWLEDGEMENT_MAX} bytes")
    lines = notes.text_of(note).split("\n")
    if len(lines) != _LINES + 1 or lines[0] != MAGIC or not lines[1].startswith("log "):
        raise ProofError(f"not an acknowledgement: {MAGIC}, log and envelope are needed, one a line")
    origin, (key, _, encoded) = lines[1].removeprefix("log "), lines[2].partition(" ")
    try:
        digest = codec.unb64(encoded)
    except EncodingError as error:
        raise ProofError(f"acknowledgement: {error}") from error
    if key != "envelope" or len(digest) != HASH_BYTES:
        raise ProofError(f"acknowledgement: {lines[2][:80]!r} names no envelope by its SHA-256")
    return origin, digest
