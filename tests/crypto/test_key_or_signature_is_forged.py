import nacl.bindings as sodium
import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from hypothesis import given
from hypothesis import strategies as st

from crypto import identity
from crypto.errors import EncodingError, SignatureInvalidError
from crypto.identity import SigningKey
from tests.crypto.byte_flips import every_bit_flipped

KEY = SigningKey.from_seed(bytes(range(32)))
MESSAGE = b"the count of branch 7"
GROUP_ORDER = 2**252 + 27742317777372353535851937790883648493
FIELD_PRIME = 2**255 - 19
ORDER_8_POINT = bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05")

# RFC 8032 §7.1, tests 1 to 3: seed, public key, message, signature.
RFC_8032 = [
    (
        "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        (
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b"
            "d25bf5f0595bbe24655141438e7a100b"
        ),
    ),
    (
        "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        (
            "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c"
            "387b2eaeb4302aeeb00d291612bb0c00"
        ),
    ),
    (
        "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        (
            "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc659"
            "4a7c15e9716ed28dc027beceea1ec40a"
        ),
    ),
]

BAD_POINTS = {
    "neutral element": (1).to_bytes(32, "little"),
    "order 2": (FIELD_PRIME - 1).to_bytes(32, "little"),
    "order 4": bytes(32),
    "order 8": ORDER_8_POINT,
    "neutral element, not canonical": (FIELD_PRIME + 1).to_bytes(32, "little"),
    "neutral element with a sign": (1 | 1 << 255).to_bytes(32, "little"),
    "not on the curve": (2).to_bytes(32, "little"),
    "with a part of order 8": sodium.crypto_core_ed25519_add(KEY.public, ORDER_8_POINT),
}


@pytest.mark.parametrize(("seed", "public", "message", "signature"), RFC_8032)
def test_rfc_8032_is_what_we_speak(seed: str, public: str, message: str, signature: str) -> None:
    key = SigningKey.from_seed(bytes.fromhex(seed))
    assert key.public.hex() == public
    assert key.sign(bytes.fromhex(message)).hex() == signature
    identity.check_public(key.public)
    identity.verify(key.public, bytes.fromhex(message), bytes.fromhex(signature))


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=64))
def test_another_implementation_agrees(seed: bytes, message: bytes) -> None:
    key, peer = SigningKey.from_seed(seed), Ed25519PrivateKey.from_private_bytes(seed)
    assert key.sign(message) == peer.sign(message)
    identity.verify(peer.public_key().public_bytes_raw(), message, peer.sign(message))
    Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(message), message)
    with pytest.raises(InvalidSignature):
        Ed25519PublicKey.from_public_bytes(key.public).verify(key.sign(message), message + b".")


def test_key_id_is_half_a_hash_of_the_public_key() -> None:
    assert KEY.public.hex() == "03a107bff3ce10be1d70dd18e74bc09967e4d6309ba50d5f1ddc8664125531b8"
    assert KEY.key_id == identity.key_id(KEY.public) == "56475aa75463474c0285df5dbf2bcab7"


def test_printed_key_does_not_tell_its_seed() -> None:
    assert KEY.seed == bytes(range(32))
    assert repr(KEY) == str(KEY) == "SigningKey(56475aa75463474c0285df5dbf2bcab7)"


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_seed_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(EncodingError, match=f"{length} bytes"):
        SigningKey.from_seed(bytes(length))


@pytest.mark.parametrize("name", BAD_POINTS)
def test_point_that_is_no_honest_key_is_refused(name: str) -> None:
    with pytest.raises(SignatureInvalidError, match="prime-order"):
        identity.check_public(BAD_POINTS[name])


@pytest.mark.parametrize("length", [0, 31, 33])
def test_key_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureInvalidError, match=f"{length} bytes"):
        identity.check_public(bytes(length))
    with pytest.raises(SignatureInvalidError, match=f"{length} and signature"):
        identity.verify(bytes(length), MESSAGE, KEY.sign(MESSAGE))


@pytest.mark.parametrize("name", [name for name in BAD_POINTS if "part" not in name and "curve" not in name])
def test_key_of_small_order_cannot_sign_everything(name: str) -> None:
    # R = A, S = 0 satisfies the cofactorless equation under a key of small order for some or all messages.
    for message in (b"%d" % number for number in range(16)):
        with pytest.raises(SignatureInvalidError):
            identity.verify(BAD_POINTS[name], message, BAD_POINTS[name] + bytes(32))


def test_signature_with_a_greater_s_is_refused() -> None:
    signature = KEY.sign(MESSAGE)
    greater = int.from_bytes(signature[32:], "little") + GROUP_ORDER
    with pytest.raises(SignatureInvalidError):
        identity.verify(KEY.public, MESSAGE, signature[:32] + greater.to_bytes(32, "little"))


def test_signature_with_any_bit_flipped_is_refused() -> None:
    for changed in every_bit_flipped(KEY.sign(MESSAGE)):
        with pytest.raises(SignatureInvalidError):
            identity.verify(KEY.public, MESSAGE, changed)


@pytest.mark.parametrize("length", [0, 63, 65])
def test_signature_of_the_wrong_length_is_refused(length: int) -> None:
    with pytest.raises(SignatureInvalidError, match=f"signature of {length} bytes"):
        identity.verify(KEY.public, MESSAGE, (KEY.sign(MESSAGE) + b"\0")[:length])


def test_signature_of_another_key_is_refused() -> None:
    other = SigningKey.from_seed(bytes(32))
    with pytest.raises(SignatureInvalidError, match=KEY.key_id):
        identity.verify(KEY.public, MESSAGE, other.sign(MESSAGE))
