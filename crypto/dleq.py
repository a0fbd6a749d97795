"""Proof that two points have the same secret multiple (DLEQ), as in the VRF proofs of RFC 9381.

``public = secret * B`` and ``answer = secret * base``. It is ECVRF-EDWARDS25519 with a ``base`` that is given instead
of hashed from an input: challenge as in §5.4.3, proof ``c || s`` as in §5.5, check as in §5.3 (steps 7 to 11).
"""

from collections.abc import Sequence
from hashlib import sha512
from typing import Final

from crypto.edwards import (
    SCALAR_BYTES,
    add_scalars,
    base_multiple,
    check_scalar,
    multiple,
    multiply_scalars,
    subtract,
)
from crypto.trustee_errors import GroupElementError

CHALLENGE_BYTES: Final = 16  # cLen of RFC 9381 §5.5
PROOF_BYTES: Final = CHALLENGE_BYTES + SCALAR_BYTES

_FRONT: Final = b"\x02"
_BACK: Final = b"\x00"


def challenge(suite: bytes, points: Sequence[bytes]) -> bytes:
    """Return the 16 bytes of RFC 9381 §5.4.3: ``SHA-512(suite || 0x02 || points || 0x00)``, cut.

    ``suite`` is the domain separator and must have one fixed length within its domain; ``points`` are the five of the
    RFC: public, base, answer, and the two commitments ``k * B`` and ``k * base``.
    """
    return sha512(suite + _FRONT + b"".join(points) + _BACK).digest()[:CHALLENGE_BYTES]


def prove(suite: bytes, secret: bytes, base: bytes, *, nonce: bytes) -> tuple[bytes, bytes]:
    """Return the answer ``secret * base`` and the proof for it (48 bytes).

    ``nonce`` is a secret scalar that is never used for another statement: two proofs with one nonce show the secret.

    Raises:
        GroupElementError: a zero or no scalar as secret or nonce, or a base that is no point of the group.
    """
    public = base_multiple(check_scalar(secret, "the secret"))
    answer = multiple(secret, base)
    commitments = base_multiple(check_scalar(nonce, "the nonce")), multiple(nonce, base)
    c = challenge(suite, (public, base, answer, *commitments))
    return answer, c + add_scalars(nonce, multiply_scalars(_as_scalar(c), secret))


def is_valid(suite: bytes, public: bytes, base: bytes, answer: bytes, proof: bytes) -> bool:
    """Whether ``answer`` is the same multiple of ``base`` as ``public`` is of the base point. Never raises."""
    if len(proof) != PROOF_BYTES:
        return False
    c, s = proof[:CHALLENGE_BYTES], proof[CHALLENGE_BYTES:]
    try:
        check_scalar(s, "s")
        # Every multiple below checks that its point is canonical and of prime order.
        u = subtract(base_multiple(s), multiple(_as_scalar(c), public))
        v = subtract(multiple(s, base), multiple(_as_scalar(c), answer))
    except GroupElementError:
        return False
    return c == challenge(suite, (public, base, answer, u, v))


def _as_scalar(c: bytes) -> bytes:
    return c + bytes(SCALAR_BYTES - CHALLENGE_BYTES)
