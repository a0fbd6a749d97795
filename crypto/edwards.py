"""The group of the trustees: the prime-order subgroup of edwards25519, and the way to X25519 and back.

Points are RFC 8032 encodings (32 bytes), scalars 32 bytes little endian and below ``ORDER``. Whatever touches a
secret is libsodium's, which works in constant time; Python's integers see public values only (indices, Lagrange
coefficients, encapsulated keys).
"""

from collections.abc import Mapping, Sequence
from functools import lru_cache, reduce
from typing import Final

import nacl.bindings as sodium
import nacl.exceptions

from crypto.trustee_errors import GroupElementError

ORDER: Final = 2**252 + 27742317777372353535851937790883648493  # of the subgroup (RFC 8032 §5.1, L)
POINT_BYTES: Final = 32
SCALAR_BYTES: Final = 32
WIDE_BYTES: Final = 64  # bytes that reduce to a scalar with a bias below 2**-128
IDENTITY: Final = b"\x01" + bytes(31)  # as RFC 8032 encodes it; never accepted from outside

_FIELD: Final = 2**255 - 19
_D: Final = -121665 * pow(121666, -1, _FIELD) % _FIELD  # of -x^2 + y^2 = 1 + d x^2 y^2 (RFC 8032 §5.1)
_COFACTOR_DOUBLINGS: Final = 3


def check_point(data: bytes, what: str) -> bytes:
    """Return ``data`` if it is a point that may be computed with.

    Raises:
        GroupElementError: naming ``what``, unless ``data`` is the canonical encoding of a point of the
            prime-order subgroup other than the identity. Points of small and of mixed order are refused, never
            cleared: clearing maps several encodings to one point.
    """
    if len(data) != POINT_BYTES:
        raise GroupElementError(f"{what} has {len(data)} bytes; a point has {POINT_BYTES}")
    if not sodium.crypto_core_ed25519_is_valid_point(data):
        raise GroupElementError(f"{what} {data.hex()} is not a point of the prime-order group")
    return data


def check_scalar(data: bytes, what: str) -> bytes:
    """Return ``data`` if it is a canonical scalar; its value is not printed, for it may be a secret.

    Raises:
        GroupElementError: naming ``what``, unless ``data`` is 32 bytes, little endian, below ``ORDER``.
    """
    if len(data) != SCALAR_BYTES:
        raise GroupElementError(f"{what} has {len(data)} bytes; a scalar has {SCALAR_BYTES}")
    if not sodium.sodium_memcmp(sodium.crypto_core_ed25519_scalar_reduce(data + bytes(32)), data):
        raise GroupElementError(f"{what} is not below the order of the group")
    return data


def scalar_from_wide(data: bytes) -> bytes:
    """Reduce 64 bytes (little endian) to a scalar; raises GroupElementError for another length."""
    if len(data) != WIDE_BYTES:
        raise GroupElementError(f"{len(data)} bytes reduce to no scalar here: give {WIDE_BYTES}")
    return sodium.crypto_core_ed25519_scalar_reduce(data)


def scalar_from_int(value: int) -> bytes:
    """Encode a public integer of any size as a scalar."""
    return (value % ORDER).to_bytes(SCALAR_BYTES, "little")


def add_scalars(left: bytes, right: bytes) -> bytes:
    """Return ``left + right``."""
    return sodium.crypto_core_ed25519_scalar_add(left, right)


def multiply_scalars(left: bytes, right: bytes) -> bytes:
    """Return ``left * right``."""
    return sodium.crypto_core_ed25519_scalar_mul(left, right)


def negate_scalar(scalar: bytes) -> bytes:
    """Return ``-scalar``."""
    return sodium.crypto_core_ed25519_scalar_negate(scalar)


def base_multiple(scalar: bytes) -> bytes:
    """Return ``scalar * B``; raises GroupElementError for the scalar zero."""
    try:
        return sodium.crypto_scalarmult_ed25519_base_noclamp(scalar)
    except nacl.exceptions.RuntimeError as exc:
        raise GroupElementError("the scalar zero has no place here: its multiple is the identity") from exc


def multiple(scalar: bytes, point: bytes) -> bytes:
    """Return ``scalar * point``.

    Raises:
        GroupElementError: for the scalar zero, and for what ``check_point`` refuses (libsodium looks again).
    """
    try:
        return sodium.crypto_scalarmult_ed25519_noclamp(scalar, point)
    except nacl.exceptions.RuntimeError as exc:
        raise GroupElementError(f"no multiple of {point.hex()}: not of prime order, or times zero") from exc


def add(left: bytes, right: bytes) -> bytes:
    """Return ``left + right``, which may be the identity."""
    return sodium.crypto_core_ed25519_add(left, right)


def subtract(left: bytes, right: bytes) -> bytes:
    """Return ``left - right``, which may be the identity."""
    return sodium.crypto_core_ed25519_sub(left, right)


def total(points: Sequence[bytes]) -> bytes:
    """Return the sum of at least one point, which may be the identity."""
    return reduce(add, points)


def polynomial_at(coefficients: Sequence[bytes], index: int) -> bytes:
    """Evaluate a secret polynomial, constant term first, at a participant's index (from 1)."""
    at = scalar_from_int(index)
    value = bytes(SCALAR_BYTES)
    for coefficient in reversed(coefficients):
        value = add_scalars(multiply_scalars(value, at), coefficient)
    return value


def commitment_at(commitment: Sequence[bytes], index: int) -> bytes:
    """Evaluate a committed polynomial in the group: the public side of ``polynomial_at``.

    Each term is formed by itself: in Horner's scheme a hostile commitment could pass through the identity.
    """
    terms = (multiple(scalar_from_int(index**power), point) for power, point in enumerate(commitment))
    return reduce(add, terms)


def lagrange(indices: Sequence[int], at: int = 0) -> tuple[bytes, ...]:
    """Return the Lagrange coefficient of each of these indices (distinct, 1 to ORDER - 1), in their order.

    Their sum, each times the value of a polynomial at its index, is the polynomial's value ``at``; its degree must be
    below the number of indices.
    """
    coefficients = []
    for index in indices:
        numerator = denominator = 1
        for other in indices:
            if other != index:
                numerator = numerator * (other - at) % ORDER
                denominator = denominator * (other - index) % ORDER
        coefficients.append(scalar_from_int(numerator * pow(denominator, -1, ORDER)))
    return tuple(coefficients)


def interpolate(points: Mapping[int, bytes], at: int = 0) -> bytes:
    """Return the value ``at`` (none of the indices) of the lowest polynomial with these points at their indices."""
    pairs = zip(lagrange(tuple(points), at), points.values(), strict=True)
    return total([multiple(coefficient, point) for coefficient, point in pairs])


def to_x25519(point: bytes) -> bytes:
    """Return the Montgomery u-coordinate of a point: ``(1 + y) / (1 - y)`` (RFC 7748 §4.1), an X25519 public key.

    Raises:
        GroupElementError: for what ``check_point`` refuses.
    """
    check_point(point, "the point")
    return sodium.crypto_sign_ed25519_pk_to_curve25519(point)


@lru_cache(maxsize=8)  # all answers for an envelope are checked one after the other
def from_x25519(public: bytes) -> bytes:
    """Return the point of edwards25519 with this u-coordinate whose x is even (sign bit zero).

    A u-coordinate belongs to two points, E and -E. Which one is taken does not matter for the answer of a
    Diffie-Hellman: negation is an endomorphism, so ``x * -E = -(x * E)``, and the map to u forgets the sign
    (``(1 + y) / (1 - y)`` holds no x). It matters that all trustees take the *same* one, for their answers are
    added up; hence the convention.

    What a sender of HPKE makes is always a multiple of the base point. So anything else is refused here, though
    X25519 itself would compute with it: u not below 2**255 - 19 (RFC 7748 §5 would reduce it, and one key would
    have two encodings), points of the twist, of small order, and with a component of small order.

    Raises:
        GroupElementError: saying which of these it is.
    """
    y, point = _at_u(public)
    if not sodium.crypto_core_ed25519_is_valid_point(point):
        raise GroupElementError(f"the encapsulated key {public.hex()} {_what_is_wrong_with(y, point)}")
    return point


def multiple_at_u(scalar: bytes, public: bytes) -> bytes:
    """Return ``multiple(scalar, from_x25519(public))``, having looked at the point once and not twice.

    Raises:
        GroupElementError: for the scalar zero, and as ``from_x25519``.
    """
    _, point = _at_u(public)
    try:
        return sodium.crypto_scalarmult_ed25519_noclamp(scalar, point)
    except nacl.exceptions.RuntimeError as exc:
        from_x25519(public)  # knows what is wrong with it, if anything
        raise GroupElementError("the scalar zero has no place here: its multiple is the identity") from exc


def _at_u(public: bytes) -> tuple[int, bytes]:
    """Y and the encoding with even x at a u-coordinate. Whether that is a point of the group has not been looked at."""
    if len(public) != POINT_BYTES:
        raise GroupElementError(
            f"the encapsulated key has {len(public)} bytes; an X25519 key has {POINT_BYTES}"
        )
    u = int.from_bytes(public, "little")
    if u >= _FIELD:
        raise GroupElementError(f"the encapsulated key {public.hex()} is not canonical (RFC 7748 §5)")
    if u == _FIELD - 1:  # no y has this u
        raise GroupElementError(f"the encapsulated key {public.hex()} is on the twist of the curve")
    y = (u - 1) * pow(u + 1, -1, _FIELD) % _FIELD
    return y, y.to_bytes(POINT_BYTES, "little")


def _what_is_wrong_with(y: int, point: bytes) -> str:
    x_squared = (y * y - 1) * pow(_D * y * y + 1, -1, _FIELD) % _FIELD
    if pow(x_squared, (_FIELD - 1) // 2, _FIELD) == _FIELD - 1:  # Euler's criterion: no square, no x
        return "is on the twist of the curve"
    for _ in range(_COFACTOR_DOUBLINGS):
        point = add(point, point)
    return "is of small order" if point == IDENTITY else "has a component of small order"
