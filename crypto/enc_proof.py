"""Proof that the sealer of a tally knows the ephemeral key of its envelope, bound to header and ciphertext.

Plain Diffie-Hellman is malleable: who logs an envelope with a multiple of another's encapsulated key learns, from the
trustees' answer for his own envelope, what opens the other's. So each envelope shows that its sealer knows e with
``E = e * B``, as the TDH2 cryptosystem of Shoup and Gennaro does: nobody can show that for a point made from another's.

It is a Schnorr proof on edwards25519 in the form of RFC 9381 §5.5: ``c || s``, 16 bytes of challenge and a scalar.
E is the point of even x with u-coordinate ``enc`` (``edwards.from_x25519``).
"""

from hashlib import sha256, sha512
from typing import Final

from crypto.edwards import (
    SCALAR_BYTES,
    add_scalars,
    base_multiple,
    check_scalar,
    multiple_at_u,
    multiply_scalars,
    negate_scalar,
    scalar_from_wide,
    subtract,
)
from crypto.errors import SealError
from crypto.hpke import KEY_BYTES
from crypto.trustee_errors import GroupElementError

CHALLENGE_BYTES: Final = 16  # cLen of RFC 9381 §5.5
PROOF_BYTES: Final = CHALLENGE_BYTES + SCALAR_BYTES

_SUITE: Final = b"branch-kit/sealed-tally/enc-proof/v1/challenge"
_NONCE_PREFIX: Final = b"branch-kit/sealed-tally/enc-proof/v1/nonce"
_FRONT: Final = b"\x02"  # as RFC 9381 §5.4.3 has it
_BACK: Final = b"\x00"
_ODD_X: Final = 0x80  # in the last byte of a point (RFC 8032 §5.1.2)
_REFUSAL: Final = (
    "enc_proof does not show that the sealer knows the ephemeral key of enc: the envelope may be made from another's, "
    "or was altered; it is not to be believed, and nobody may answer for it"
)


def prove(ephemeral: bytes, *, enc: bytes, info: bytes, ciphertext: bytes) -> bytes:
    """Return the proof (48 bytes); the same inputs always give the same.

    ``ephemeral`` is the X25519 private key of ``enc``, 32 bytes; ``info`` the HPKE info, 32 bytes. The nonce is derived
    from the key and from all that the challenge covers: no nonce serves two statements.

    Raises:
        SealError: the key has another length.
    """
    if len(ephemeral) != KEY_BYTES:
        raise SealError(f"the ephemeral key has {len(ephemeral)} bytes; an X25519 key has {KEY_BYTES}")
    secret = _scalar(ephemeral)
    digest = sha256(ciphertext).digest()
    nonce = scalar_from_wide(sha512(_NONCE_PREFIX + secret + enc + info + digest).digest())
    c = _challenge(enc, base_multiple(nonce), info, digest)
    return c + add_scalars(nonce, multiply_scalars(_as_scalar(c), secret))


def is_valid(proof: bytes, *, enc: bytes, info: bytes, ciphertext: bytes) -> bool:
    """Whether ``verify`` accepts. Never raises."""
    try:
        verify(proof, enc=enc, info=info, ciphertext=ciphertext)
    except SealError:
        return False
    return True


def verify(proof: bytes, *, enc: bytes, info: bytes, ciphertext: bytes) -> None:
    """Check that the maker of ``proof`` knew the ephemeral key of ``enc``, for this info and this ciphertext.

    Raises:
        SealError: the proof does not hold; or ``enc`` is no encapsulated key, and why.
    """
    c, s = proof[:CHALLENGE_BYTES], proof[CHALLENGE_BYTES:]
    try:
        check_scalar(s, "s")  # also its length; and one proof must not have a second form
        commitment = subtract(base_multiple(s), multiple_at_u(_as_scalar(c), enc))
    except GroupElementError as exc:
        raise SealError(f"{_REFUSAL} ({exc})") from exc
    if c != _challenge(enc, commitment, info, sha256(ciphertext).digest()):
        raise SealError(_REFUSAL)


def _scalar(ephemeral: bytes) -> bytes:
    """The scalar e of an X25519 private key (RFC 7748 §5) or its negative, whichever makes a point of even x."""
    clamped = bytes([ephemeral[0] & 0xF8]) + ephemeral[1:-1] + bytes([ephemeral[-1] & 0x7F | 0x40])
    scalar = scalar_from_wide(clamped + bytes(SCALAR_BYTES))
    return negate_scalar(scalar) if base_multiple(scalar)[-1] & _ODD_X else scalar


def _challenge(enc: bytes, commitment: bytes, info: bytes, digest: bytes) -> bytes:
    return sha512(_SUITE + _FRONT + enc + commitment + info + digest + _BACK).digest()[:CHALLENGE_BYTES]


def _as_scalar(c: bytes) -> bytes:
    return c + bytes(SCALAR_BYTES - CHALLENGE_BYTES)
