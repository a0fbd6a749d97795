"""A request for the parts of a concatenated SMS that did not come: one short binary message, signed by the log.

What the log signs is a C2SP signed note (c2sp.org/signed-note)::

    branch-kit/missing-parts@v1
    log <origin>
    at <seconds since 1970>
    message <reference> <parts in all>
    missing <numbers of parts, from 1, with commas between them>
    received <base64 of the SHA-256 of the parts that came>

    <em dash> <origin> <base64 of key hash and signature>

On the air it is packed, after the rules of ``crypto.sms`` for references and numbers of parts::

    0xA2 | key hash, 4 | at, 4 | reference | parts in all | bits | SHA-256, 32 | signature, 64

``bits`` has one bit for each part, the first in the highest bit of the first octet; those of missing parts are set,
those beyond the last part are clear. The hash is over the user data of all the parts that came, in their order: so a
request is about one envelope, and whoever makes one up must have its parts. ``at`` grows with every request, so that
the sender follows each once. A *wish* is what a gateway asks the log to sign: the same without key hash, time and
signature.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import codec, notes
from crypto.errors import EncodingError, ProofError
from crypto.merkle import HASH_BYTES
from crypto.notes import NoteSigner, NoteVerifier
from crypto.sms import REFERENCE_MAX

MAGIC: Final = "branch-kit/missing-parts@v1"
FIRST_BYTE: Final = 0xA2  # no compact carrier, acknowledgement, command or UTF-8 text begins with it
TOTAL_MAX: Final = 200  # parts of a message whose parts can be asked for: more bits fit into no single SMS
AT_MAX: Final = 2**32 - 1  # seconds since 1970

_KEY_HASH_BYTES: Final = 4
_TIME_BYTES: Final = 4
_SIGNATURE_BYTES: Final = 64
_HEAD_OCTETS: Final = 1 + _KEY_HASH_BYTES + _TIME_BYTES
WISH_OCTETS_MAX: Final = 3 + (TOTAL_MAX + 7) // 8 + HASH_BYTES  # octets of one wish
MISSING_OCTETS_MAX: Final = WISH_OCTETS_MAX + _HEAD_OCTETS - 1 + _SIGNATURE_BYTES  # octets of one request


class MissingRequestError(EncodingError):
    """Bytes that are no request for missing parts."""


@dataclass(frozen=True, slots=True)
class MissingParts:
    """Parts that did not come, numbered from 1, ascending: at least one, and never all ``total`` of them.

    ``received``: what ``hash_of`` says of the parts that came, 64 hexadecimal digits.
    """

    reference: int
    total: int
    missing: tuple[int, ...]
    received: str


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """What a verified request says. ``at_s``: when the log signed it, seconds since 1970 by the centre's clock."""

    at_s: int
    parts: MissingParts


def hash_of(user_data: Iterable[bytes]) -> str:
    """Return the SHA-256 (hexadecimal) over parts as they stand in SMS, header included, in ascending order."""
    return sha256(b"".join(user_data)).hexdigest()


def wish(parts: MissingParts) -> bytes:
    """Return what a gateway gives to the log for signing, at most ``WISH_OCTETS_MAX`` bytes.

    Raises:
        ValueError: a number in it is out of range, or nothing or everything is missing.
    """
    wanted, total = set(parts.missing), parts.total
    if not 0 <= parts.reference <= REFERENCE_MAX or not 1 < total <= TOTAL_MAX:
        raise ValueError(
            f"reference {parts.reference}, {total} parts: 0 to 255 and 2 to {TOTAL_MAX} are possible"
        )
    if not 0 < len(wanted) < total or min(wanted) < 1 or max(wanted) > total:
        raise ValueError(f"parts {sorted(wanted)} of {total}: name at least one of them, and never all")
    size = (total + 7) // 8
    bits = sum(1 << (8 * size - number) for number in wanted)
    digest = bytes.fromhex(parts.received)
    if len(digest) != HASH_BYTES:
        raise ValueError(f"a hash of {len(digest)} bytes over parts: it has {HASH_BYTES}")
    return bytes([FIRST_BYTE, parts.reference, total]) + bits.to_bytes(size, "big") + digest


def read_wish(data: bytes) -> MissingParts:
    """Read a wish: exactly what ``wish`` writes, and nothing else.

    Raises:
        MissingRequestError: it is not.
    """
    if data[:1] != bytes([FIRST_BYTE]):
        raise MissingRequestError(f"{len(data)} bytes are no request for missing parts: it begins with A2")
    return _read(data[1:])


def make(parts: MissingParts, log: NoteSigner, *, at_s: int) -> bytes:
    """Return the signed request, at most ``MISSING_OCTETS_MAX`` bytes; ``crypto.sms.split`` makes one message of it.

    ``at_s``: 0 to ``AT_MAX``.

    Raises:
        ValueError: as ``wish``, or ``at_s`` is out of range.
    """
    if not 0 <= at_s <= AT_MAX:
        raise ValueError(f"{at_s} seconds since 1970: 0 to {AT_MAX} are possible")
    body = wish(parts)[1:]
    note = log.sign(_text(log.name, at_s, parts))
    key_and_signature = codec.unb64(note.removesuffix("\n").rpartition(" ")[2])
    return (
        bytes([FIRST_BYTE])
        + key_and_signature[:_KEY_HASH_BYTES]
        + at_s.to_bytes(_TIME_BYTES, "big")
        + body
        + key_and_signature[_KEY_HASH_BYTES:]
    )


def read(data: bytes, *, log: NoteVerifier) -> SignedRequest:
    """Read and verify a request.

    Raises:
        MissingRequestError: it is not what ``make`` writes.
        ProofError: ``log`` did not sign it.
    """
    if data[:1] != bytes([FIRST_BYTE]) or len(data) <= _HEAD_OCTETS + _SIGNATURE_BYTES:
        raise MissingRequestError(
            f"{len(data)} bytes are no signed request for missing parts: it begins with A2 and holds a signature"
        )
    key_hash, at_s = data[1 : 1 + _KEY_HASH_BYTES], int.from_bytes(data[5:_HEAD_OCTETS], "big")
    parts = _read(data[_HEAD_OCTETS:-_SIGNATURE_BYTES])
    if key_hash != log.key_hash:
        raise ProofError(
            f"request for missing parts: it is of log key {key_hash.hex()}, not of {log.key_hash.hex()}"
        )
    signature = codec.b64(key_hash + data[-_SIGNATURE_BYTES:])
    notes.verify_note(
        f"{_text(log.name, at_s, parts)}\n\N{EM DASH} {log.name} {signature}\n",
        [log],
    )
    return SignedRequest(at_s, parts)


def _read(body: bytes) -> MissingParts:
    """A wish without its first byte."""
    if len(body) < 2:  # noqa: PLR2004 - reference and number of parts
        raise MissingRequestError(f"a request for missing parts of {len(body)} bytes: it was cut")
    reference, total = body[0], body[1]
    size = (total + 7) // 8
    if not 1 < total <= TOTAL_MAX or len(body) != 2 + size + HASH_BYTES:
        raise MissingRequestError(
            f"a request for some of {total} parts (2 to {TOTAL_MAX}) has {2 + size + HASH_BYTES} bytes for them, this "
            f"one {len(body)}: it was cut or is not one"
        )
    bits = int.from_bytes(body[2 : 2 + size], "big")
    missing = tuple(number for number in range(1, total + 1) if bits >> (8 * size - number) & 1)
    if not 0 < len(missing) < total or bits & ((1 << (8 * size - total)) - 1):
        raise MissingRequestError(
            f"a request names some of {total} parts, this one {len(missing)}, or others"
        )
    return MissingParts(reference, total, missing, body[2 + size :].hex())


def _text(origin: str, at_s: int, parts: MissingParts) -> str:
    return (
        f"{MAGIC}\n"
        f"log {origin}\n"
        f"at {at_s}\n"
        f"message {parts.reference} {parts.total}\n"
        f"missing {','.join(map(str, parts.missing))}\n"
        f"received {codec.b64(bytes.fromhex(parts.received))}\n"
    )
