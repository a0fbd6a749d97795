"""The Schnorr signatures of COCKTAIL-DKG (c2sp.org/cocktail-dkg, "Schnorr Signature Scheme"), Ed25519 suite.

Not EdDSA: the key is a scalar, and the prefixes keep either from being taken for the other.
"""

from hashlib import sha512
from typing import Final

from crypto.edwards import (
    POINT_BYTES,
    SCALAR_BYTES,
    add,
    add_scalars,
    base_multiple,
    check_point,
    check_scalar,
    multiple,
    multiply_scalars,
    scalar_from_wide,
)
from crypto.trustee_errors import GroupElementError

SIGNATURE_BYTES: Final = POINT_BYTES + SCALAR_BYTES

_PREFIX_NONCE: Final = b"COCKTAIL-DKG-Ed25519-SHA512-NONCE"
_PREFIX_CHALLENGE: Final = b"COCKTAIL-DKG-Ed25519-SHA512-H7"


def hash_to_scalar(data: bytes) -> bytes:
    """SHA-512, reduced to a scalar."""
    return scalar_from_wide(sha512(data).digest())


def sign(secret: bytes, message: bytes) -> bytes:
    """Return the 64-byte signature; the same secret and message always give the same.

    Raises:
        GroupElementError: for a secret that is zero or no canonical scalar, and in the case (probability 2**-252)
            that the nonce is zero: the session must then be given up, for the answer would show the secret.
    """
    public = base_multiple(check_scalar(secret, "the signing key"))
    nonce = hash_to_scalar(_PREFIX_NONCE + secret + message)
    commitment = base_multiple(nonce)
    response = add_scalars(nonce, multiply_scalars(_challenge(commitment, public, message), secret))
    return commitment + response


def is_valid(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether this is a signature of ``public`` over ``message``. Never raises."""
    if len(signature) != SIGNATURE_BYTES:
        return False
    commitment, response = signature[:POINT_BYTES], signature[POINT_BYTES:]
    try:
        check_point(commitment, "R")
        check_scalar(response, "z")
        expected = add(commitment, multiple(_challenge(commitment, public, message), public))
        return base_multiple(response) == expected
    except GroupElementError:
        return False


def _challenge(commitment: bytes, public: bytes, message: bytes) -> bytes:
    return hash_to_scalar(_PREFIX_CHALLENGE + commitment + public + message)
