"""Our base mode against the RFC's vectors and against an implementation that nobody here wrote."""

import json
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from hypothesis import given
from hypothesis import strategies as st

from crypto.errors import SealError
from crypto.hpke import TAG_BYTES, check_x25519_public, hpke_open, hpke_seal, x25519_public

COMMITTED = Path(__file__).parent / "vectors" / "rfc9180-base-x25519-chachapoly.json"
VECTORS = Path(__file__).parents[3] / "shared" / "vectors" / "rfc9180-x25519-hkdfsha256-chachapoly.json"
PEER = Suite(KEM.X25519, KDF.HKDF_SHA256, AEAD.CHACHA20_POLY1305)

# RFC 7748 §6.1: the u-coordinates of small order that fit 255 bits, canonical or not.
SMALL_ORDER = [
    bytes(32),
    b"\x01" + bytes(31),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    (2**255 - 20).to_bytes(32, "little"),
    (2**255 - 19).to_bytes(32, "little"),
    (2**255 - 18).to_bytes(32, "little"),
]

keys = st.binary(min_size=32, max_size=32)


def vectors(path: Path, *modes: int) -> list[dict[str, Any]]:
    return [vector for vector in json.loads(path.read_bytes())["vectors"] if vector["mode"] in modes]


def check(vector: dict[str, Any]) -> None:
    raw = {name: bytes.fromhex(vector[name]) for name in ("pkRm", "skRm", "skEm", "enc", "info")}
    first = {name: bytes.fromhex(value) for name, value in vector["encryptions"][0].items()}
    sealed = hpke_seal(raw["pkRm"], raw["info"], first["aad"], first["pt"], ephemeral=raw["skEm"])
    assert sealed == (raw["enc"], first["ct"])
    assert hpke_open(raw["skRm"], raw["enc"], raw["info"], first["aad"], first["ct"]) == first["pt"]


def test_the_committed_vector_of_the_rfc() -> None:
    (vector,) = vectors(COMMITTED, 0)
    check(vector)


@pytest.mark.skipif(not VECTORS.exists(), reason="shared/vectors is not beside this clone")
def test_all_base_mode_vectors() -> None:
    found = vectors(VECTORS, 0)
    assert len(found) == 1
    for vector in found:
        check(vector)


@pytest.mark.skipif(not VECTORS.exists(), reason="shared/vectors is not beside this clone")
def test_a_ciphertext_of_another_mode_does_not_open() -> None:
    found = vectors(VECTORS, 1, 2, 3)
    assert len(found) == 3
    for vector in found:
        private, enc, info = (bytes.fromhex(vector[name]) for name in ("skRm", "enc", "info"))
        aad, ciphertext = (bytes.fromhex(vector["encryptions"][0][name]) for name in ("aad", "ct"))
        with pytest.raises(SealError):
            hpke_open(private, enc, info, aad, ciphertext)


@given(private=keys, ephemeral=keys, info=st.binary(max_size=64), plaintext=st.binary(max_size=300))
def test_the_peer_opens_what_we_seal(private: bytes, ephemeral: bytes, info: bytes, plaintext: bytes) -> None:
    enc, ciphertext = hpke_seal(x25519_public(private), info, b"", plaintext, ephemeral=ephemeral)
    assert len(ciphertext) == len(plaintext) + TAG_BYTES
    key = X25519PrivateKey.from_private_bytes(private)
    assert PEER.decrypt(enc + ciphertext, key, info) == plaintext


@given(private=keys, info=st.binary(max_size=64), plaintext=st.binary(max_size=300))
def test_we_open_what_the_peer_seals(private: bytes, info: bytes, plaintext: bytes) -> None:
    sealed = PEER.encrypt(plaintext, X25519PublicKey.from_public_bytes(x25519_public(private)), info)
    assert hpke_open(private, sealed[:32], info, b"", sealed[32:]) == plaintext


@pytest.mark.parametrize("changed", ["private", "enc", "info", "aad", "ciphertext", "truncated"])
def test_any_other_input_does_not_open(changed: str) -> None:
    private = b"\x11" * 32
    enc, ciphertext = hpke_seal(x25519_public(private), b"info", b"aad", b"votes", ephemeral=b"\x22" * 32)
    inputs = {"private": private, "enc": enc, "info": b"info", "aad": b"aad", "ciphertext": ciphertext}
    assert hpke_open(*inputs.values()) == b"votes"
    if changed == "truncated":
        inputs["ciphertext"] = ciphertext[: TAG_BYTES - 1]
    else:
        inputs[changed] = inputs[changed][:-2] + bytes([inputs[changed][-2] ^ 1]) + inputs[changed][-1:]
    with pytest.raises(SealError, match="does not open"):
        hpke_open(*inputs.values())


@pytest.mark.parametrize("point", SMALL_ORDER, ids=bytes.hex)
def test_a_point_of_small_order_would_seal_to_everybody(point: bytes) -> None:
    with pytest.raises(SealError, match="small order"):
        hpke_seal(point, b"", b"", b"votes", ephemeral=b"\x22" * 32)
    with pytest.raises(SealError, match="small order"):
        hpke_open(b"\x11" * 32, point, b"", b"", bytes(32))
    with pytest.raises(SealError, match="small order"):
        check_x25519_public(point)


@pytest.mark.parametrize("length", [0, 31, 33, 64])
def test_a_key_of_another_length_is_named(length: int) -> None:
    public = x25519_public(b"\x11" * 32)
    wrong = bytes(length)
    with pytest.raises(SealError, match=f"recipient's public key has {length} bytes"):
        hpke_seal(wrong, b"", b"", b"", ephemeral=b"\x22" * 32)
    with pytest.raises(SealError, match=f"ephemeral key has {length} bytes"):
        hpke_seal(public, b"", b"", b"", ephemeral=wrong)
    with pytest.raises(SealError, match=f"encapsulated key has {length} bytes"):
        hpke_open(b"\x11" * 32, wrong, b"", b"", bytes(16))
    with pytest.raises(SealError, match=f"private key has {length} bytes"):
        hpke_open(wrong, public, b"", b"", bytes(16))
