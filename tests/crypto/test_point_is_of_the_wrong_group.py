"""Points that look like points, scalars that look like scalars, and X25519 keys that are no HPKE sender's."""

from hashlib import sha512

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from hypothesis import given
from hypothesis import strategies as st
from nacl.bindings import crypto_core_ed25519_scalar_negate

from crypto import edwards
from crypto.edwards import IDENTITY, ORDER
from crypto.hpke import x25519_public
from crypto.schnorr import hash_to_scalar, is_valid, sign
from crypto.trustee_errors import GroupElementError

FIELD = 2**255 - 19
ORDER_8 = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")
SMALL = [  # multiples of a point of order 8: all there is
    ORDER_8,
    edwards.add(ORDER_8, ORDER_8),
    bytes.fromhex("ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f"),
    IDENTITY,
]
SECRET = hash_to_scalar(b"a secret")
POINT = edwards.base_multiple(SECRET)
private_keys = st.binary(min_size=32, max_size=32)
scalars = st.binary(min_size=64, max_size=64).map(edwards.scalar_from_wide).filter(any)


def u_of(point: bytes) -> bytes:
    """The u-coordinate of any point at all."""
    y = int.from_bytes(point, "little") % 2**255
    return ((1 + y) * pow(1 - y, -1, FIELD) % FIELD).to_bytes(32, "little")


def clamped(private: bytes) -> bytes:
    """The scalar that X25519 makes of a private key (RFC 7748 §5)."""
    number = int.from_bytes(private, "little") & ~7 & (2**255 - 1) | 2**254
    return edwards.scalar_from_int(number)


@pytest.mark.parametrize("point", SMALL, ids=bytes.hex)
def test_point_of_small_order_or_with_such_a_component(point: bytes) -> None:
    with pytest.raises(GroupElementError, match=r"the key .* not a point of the prime-order group"):
        edwards.check_point(point, "the key")
    if point != IDENTITY:
        with pytest.raises(GroupElementError, match="not a point of the prime-order group"):
            edwards.check_point(edwards.add(POINT, point), "the key")
    with pytest.raises(GroupElementError, match="not of prime order"):
        edwards.multiple(SECRET, point)
    with pytest.raises(GroupElementError, match="not a point of the prime-order group"):
        edwards.to_x25519(point)


@pytest.mark.parametrize(
    "data",
    [b"", POINT[:31], POINT + b"\0", b"\x02" + bytes(31), (FIELD + 1).to_bytes(32, "little"), b"\xff" * 32],
    ids=["empty", "short", "long", "off the curve", "not canonical", "all ones"],
)
def test_bytes_that_are_no_point(data: bytes) -> None:
    with pytest.raises(GroupElementError, match="the key"):
        edwards.check_point(data, "the key")


@pytest.mark.parametrize("number", [ORDER, ORDER + 1, 2**253, 2**256 - 1])
def test_scalar_that_has_a_smaller_twin(number: int) -> None:
    with pytest.raises(GroupElementError, match="the share is not below the order"):
        edwards.check_scalar(number.to_bytes(32, "little"), "the share")
    assert edwards.check_scalar((ORDER - 1).to_bytes(32, "little"), "the share")


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_scalar_of_another_length(length: int) -> None:
    with pytest.raises(GroupElementError, match=f"the share has {length} bytes"):
        edwards.check_scalar(bytes(length), "the share")
    with pytest.raises(GroupElementError, match="reduce to no scalar"):
        edwards.scalar_from_wide(bytes(length % 64))


def test_zero_gives_the_identity_away() -> None:
    with pytest.raises(GroupElementError, match="zero"):
        edwards.base_multiple(bytes(32))
    with pytest.raises(GroupElementError, match="zero"):
        edwards.multiple(bytes(32), POINT)


@given(private=private_keys, ephemeral=private_keys)
def test_answer_differs_from_x25519(private: bytes, ephemeral: bytes) -> None:
    enc = x25519_public(ephemeral)
    expected = X25519PrivateKey.from_private_bytes(private).exchange(X25519PublicKey.from_public_bytes(enc))
    point = edwards.from_x25519(enc)
    assert edwards.to_x25519(point) == enc
    assert edwards.to_x25519(edwards.multiple(clamped(private), point)) == expected
    assert edwards.to_x25519(edwards.base_multiple(clamped(private))) == x25519_public(private)


@given(private=scalars, ephemeral=private_keys)
def test_sign_that_x25519_forgets_changes_the_answer(private: bytes, ephemeral: bytes) -> None:
    point = edwards.from_x25519(x25519_public(ephemeral))
    other = edwards.multiple(crypto_core_ed25519_scalar_negate(edwards.scalar_from_int(1)), point)
    assert edwards.add(point, other) == IDENTITY
    assert other != point
    answers = [edwards.multiple(private, each) for each in (point, other)]
    assert answers[0] != answers[1]
    assert edwards.to_x25519(answers[0]) == edwards.to_x25519(answers[1])


@pytest.mark.parametrize(
    ("public", "reason"),
    [
        (bytes(32), "of small order"),
        (b"\x01" + bytes(31), "of small order"),
        (u_of(ORDER_8), "of small order"),
        (u_of(edwards.add(POINT, ORDER_8)), "component of small order"),
        (u_of(edwards.add(POINT, SMALL[2])), "component of small order"),
        (b"\x02" + bytes(31), "on the twist"),
        ((FIELD - 1).to_bytes(32, "little"), "on the twist"),
        (FIELD.to_bytes(32, "little"), "not canonical"),
        ((FIELD + 9).to_bytes(32, "little"), "not canonical"),
        (bytes(31) + b"\x80", "not canonical"),
        (edwards.to_x25519(POINT)[:31] + bytes([edwards.to_x25519(POINT)[31] | 128]), "not canonical"),
        (bytes(31), "31 bytes"),
        (bytes(33), "33 bytes"),
    ],
)
def test_encapsulated_key_that_no_sender_makes(public: bytes, reason: str) -> None:
    with pytest.raises(GroupElementError, match=reason):
        edwards.from_x25519(public)


@given(public=private_keys)
def test_any_bytes_as_encapsulated_key_end_in_a_usable_point_or_a_refusal(public: bytes) -> None:
    try:
        point = edwards.from_x25519(public)
    except GroupElementError:
        return
    assert edwards.check_point(point, "the point")
    assert edwards.to_x25519(point) == public


@given(coefficients=st.lists(scalars, min_size=1, max_size=5), data=st.data())
def test_interpolation_misses_the_secret(coefficients: list[bytes], data: st.DataObject) -> None:
    indices = data.draw(st.permutations(range(1, 8)))[: len(coefficients)]
    points = {i: edwards.base_multiple(edwards.polynomial_at(coefficients, i)) for i in indices}
    commitment = [edwards.base_multiple(coefficient) for coefficient in coefficients]
    assert {i: edwards.commitment_at(commitment, i) for i in indices} == points
    assert edwards.interpolate(points) == commitment[0]
    assert edwards.interpolate(points, at=9) == edwards.commitment_at(commitment, 9)
    if len(coefficients) > 1:
        points.popitem()
        assert edwards.interpolate(points) != commitment[0]


def test_signature_that_does_not_hold() -> None:
    signature = sign(SECRET, b"message")
    assert is_valid(POINT, b"message", signature)
    assert not is_valid(POINT, b"massage", signature)
    assert not is_valid(edwards.add(POINT, POINT), b"message", signature)
    assert not is_valid(ORDER_8, b"message", signature)
    assert not is_valid(POINT, b"message", signature + b"\0")
    larger = (int.from_bytes(signature[32:], "little") + ORDER).to_bytes(32, "little")
    assert not is_valid(POINT, b"message", signature[:32] + larger)
    assert not is_valid(POINT, b"message", IDENTITY + signature[32:])
    assert not is_valid(POINT, b"message", edwards.add(signature[:32], ORDER_8) + signature[32:])
    for at in range(64):
        assert not is_valid(
            POINT, b"message", signature[:at] + bytes([signature[at] ^ 1]) + signature[at + 1 :]
        )


def test_signature_under_a_secret_that_is_none() -> None:
    with pytest.raises(GroupElementError, match="zero"):
        sign(bytes(32), b"")
    with pytest.raises(GroupElementError, match="the signing key"):
        sign(ORDER.to_bytes(32, "little"), b"")
    assert hash_to_scalar(b"x") == edwards.scalar_from_wide(sha512(b"x").digest())
