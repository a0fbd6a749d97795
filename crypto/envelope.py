"""DSSE v1 envelopes (secure-systems-lab/dsse, protocol.md): signatures over a payload and its type."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec

from crypto import codec, identity
from crypto.errors import SignatureInvalidError
from crypto.identity import SigningKey
from crypto.wire import ENVELOPE_MAX, SIGNATURES_MAX


@dataclass(frozen=True, slots=True, order=True)
class Signature:
    """One signature: ``keyid`` as in ``identity.key_id``, ``sig`` the raw 64 bytes."""

    keyid: str
    sig: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """A payload, its media type and the signatures over both, not checked yet: see ``verify``."""

    payload_type: str
    payload: bytes
    signatures: tuple[Signature, ...]

    def to_bytes(self) -> bytes:
        """Return the envelope as canonical JSON.

        Raises:
            StatementError: with no or more than ``SIGNATURES_MAX`` signatures, or a malformed one.
        """
        return codec.to_bytes(
            _WireEnvelope(
                payload=codec.b64(self.payload),
                payload_type=self.payload_type,
                signatures=tuple(
                    _WireSignature(keyid=s.keyid, sig=codec.b64(s.sig)) for s in self.signatures
                ),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes, *, max_bytes: int = ENVELOPE_MAX) -> "Envelope":
        """Return the envelope that ``data`` encodes. Its signatures are not verified here.

        Raises:
            EncodingError: when ``data``, or base64 in it, is not canonical, or is over ``max_bytes`` bytes.
            StatementError: when a field is missing, unknown or malformed.
            SignatureInvalidError: when the signatures are not in ascending order of their key ids, each id
                once (any other order would give one envelope several hashes).
        """
        wire = codec.from_bytes(data, _WireEnvelope, max_bytes=max_bytes)
        signatures = tuple(Signature(s.keyid, codec.unb64(s.sig)) for s in wire.signatures)
        ids = [s.keyid for s in signatures]
        if ids != sorted(set(ids)):
            raise SignatureInvalidError(f"signatures must be in ascending order of key id, each once: {ids}")
        return cls(wire.payload_type, codec.unb64(wire.payload), signatures)


def pae(payload_type: str, payload: bytes) -> bytes:
    """Return the bytes that a DSSE signature covers: the pre-authentication encoding of DSSE v1."""
    media = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(media), media, len(payload), payload)


def sign(payload_type: str, payload: bytes, keys: Sequence[SigningKey]) -> Envelope:
    """Return ``payload`` signed by each of ``keys``, which must differ from each other.

    Raises:
        SignatureInvalidError: when there is no key, or one is given twice.
    """
    if not keys or len({key.key_id for key in keys}) != len(keys):
        raise SignatureInvalidError(
            f"an envelope needs signing keys, each once: {[key.key_id for key in keys]}"
        )
    message = pae(payload_type, payload)
    return Envelope(payload_type, payload, tuple(sorted(Signature(k.key_id, k.sign(message)) for k in keys)))


def verify(
    envelope: Envelope, *, payload_type: str, keys: Mapping[str, bytes], threshold: int = 1
) -> tuple[str, ...]:
    """Check every signature of ``envelope`` and return the ids of the keys that signed, in ascending order.

    ``keys`` maps key id to public key (32 bytes): all keys that may sign, of which at least ``threshold``
    (1 or more) must have signed.

    Raises:
        SignatureInvalidError: for another payload type, an unknown or repeated key id, any signature that is
            wrong, or too few signatures.
        ValueError: when ``threshold`` is below 1, which would accept anything.
    """
    if threshold < 1:
        raise ValueError(f"threshold {threshold} would accept an unsigned envelope")
    if envelope.payload_type != payload_type:
        raise SignatureInvalidError(
            f"envelope holds {envelope.payload_type!r} where {payload_type!r} is expected"
        )
    ids = sorted(signature.keyid for signature in envelope.signatures)
    if len(set(ids)) != len(ids):
        raise SignatureInvalidError(f"envelope of {payload_type} is signed twice by one key: {ids}")
    if len(ids) < threshold:
        raise SignatureInvalidError(
            f"envelope of {payload_type} has {len(ids)} signatures: {threshold} are needed"
        )
    message = pae(envelope.payload_type, envelope.payload)
    for signature in envelope.signatures:
        public = keys.get(signature.keyid)
        # A key filed under a foreign id could be counted twice towards the threshold.
        if public is None or identity.key_id(public) != signature.keyid:
            raise SignatureInvalidError(
                f"{payload_type} is signed by key {signature.keyid!r}, which is not trusted for it"
            )
        identity.verify(public, message, signature.sig)
    return tuple(ids)


def merge(a: Envelope, b: Envelope) -> Envelope:
    """Return one envelope with the signatures of both, which must cover the same type and payload.

    Raises:
        SignatureInvalidError: when type or payload differ, or one key has two different signatures.
    """
    if (a.payload_type, a.payload) != (b.payload_type, b.payload):
        raise SignatureInvalidError("envelopes over different payloads cannot be merged: sign the same bytes")
    signatures = tuple(sorted(set(a.signatures) | set(b.signatures)))
    if len({signature.keyid for signature in signatures}) != len(signatures):
        raise SignatureInvalidError(
            "one key has two different signatures over the same payload: one is forged"
        )
    return Envelope(a.payload_type, a.payload, signatures)


class _WireSignature(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    keyid: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{32}\Z")]
    sig: Annotated[str, msgspec.Meta(min_length=88, max_length=88)]  # base64 of 64 bytes


class _WireEnvelope(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    payload: str  # base64: ``unb64`` is stricter than the pattern of ``B64``, and ten times as fast
    payload_type: Annotated[str, msgspec.Meta(min_length=1, max_length=200)] = msgspec.field(
        name="payloadType"
    )
    signatures: Annotated[tuple[_WireSignature, ...], msgspec.Meta(min_length=1, max_length=SIGNATURES_MAX)]
