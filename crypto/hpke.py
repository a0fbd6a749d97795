"""HPKE base mode, single shot (RFC 9180), in the one suite of this project: 0x0020-0x0001-0x0003.

DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, ChaCha20-Poly1305. It is written out here because the HPKE of
``cryptography`` draws its ephemeral key itself, and entropy is an argument in this package; that HPKE is the
peer in the tests.
"""

from typing import Final

import nacl.bindings as sodium
import nacl.exceptions
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF, HKDFExpand

from crypto.errors import SealError

KEY_BYTES: Final = 32  # Nsk = Npk = Nenc of X25519 (RFC 9180 §7.1)
TAG_BYTES: Final = 16  # Nt of ChaCha20-Poly1305 (RFC 9180 §7.3)

_NONCE_BYTES: Final = 12
_MODE_BASE: Final = b"\x00"
_KEM_SUITE: Final = b"KEM\x00\x20"
_HPKE_SUITE: Final = b"HPKE\x00\x20\x00\x01\x00\x03"


def x25519_public(private: bytes) -> bytes:
    """The 32-byte public key of a 32-byte X25519 private key; raises SealError for another length."""
    return sodium.crypto_scalarmult_base(_key(private, "the private key"))


def check_x25519_public(public: bytes) -> None:
    """Raise SealError unless ``public`` is 32 bytes that a Diffie-Hellman answer can depend on.

    A point of small order gives the all-zero secret whatever the other side's key is (RFC 7748 §6.1).
    """
    # Any private key shows it: clamping makes all of them multiples of the cofactor.
    _dh(bytes(KEY_BYTES), _key(public, "the public key"))


def hpke_seal(
    public: bytes, info: bytes, aad: bytes, plaintext: bytes, *, ephemeral: bytes
) -> tuple[bytes, bytes]:
    """Seal one plaintext to an X25519 public key (RFC 9180 §6.1, SealBase).

    ``ephemeral`` is the ephemeral private key ``skE``: 32 fresh random bytes, never used twice. Returns the
    encapsulated key (32 bytes) and the ciphertext (plaintext length + ``TAG_BYTES``). Raises SealError for a
    key of the wrong length or of small order.
    """
    enc = sodium.crypto_scalarmult_base(_key(ephemeral, "the ephemeral key"))
    dh = _dh(ephemeral, _key(public, "the recipient's public key"))
    key, nonce = _key_schedule(_shared_secret(dh, enc, public), info)
    return enc, ChaCha20Poly1305(key).encrypt(nonce, plaintext, aad)


def hpke_open(private: bytes, enc: bytes, info: bytes, aad: bytes, ciphertext: bytes) -> bytes:
    """Open what ``hpke_seal`` sealed (RFC 9180 §6.1, OpenBase).

    Raises SealError for keys of the wrong length or of small order, and for whatever does not open under
    exactly this key, encapsulated key, ``info`` and ``aad``.
    """
    dh = _dh(_key(private, "the private key"), _key(enc, "the encapsulated key"))
    return hpke_open_with_dh(dh, enc, x25519_public(private), info, aad, ciphertext)


def hpke_open_with_dh(
    dh: bytes, enc: bytes, public: bytes, info: bytes, aad: bytes, ciphertext: bytes
) -> bytes:
    """Open what ``hpke_seal`` sealed, from the Diffie-Hellman answer ``X25519(private, enc)`` alone.

    This is for trustees, who compute the answer together while nobody has the private key. ``public`` is the key
    that was sealed to. Raises SealError for lengths that are not ``KEY_BYTES``, for the all-zero answer (RFC 9180
    §7.1.4), and for whatever does not open under exactly these.
    """
    for data, what in ((dh, "the X25519 answer"), (enc, "the encapsulated key"), (public, "the public key")):
        if len(data) != KEY_BYTES:
            raise SealError(f"{what} has {len(data)} bytes; it must have {KEY_BYTES}")
    if dh == bytes(KEY_BYTES):
        raise SealError("the X25519 answer is all zero: the encapsulated key is of small order")
    key, nonce = _key_schedule(_shared_secret(dh, enc, public), info)
    try:
        return ChaCha20Poly1305(key).decrypt(nonce, ciphertext, aad)
    except InvalidTag as exc:
        raise SealError("the ciphertext does not open: other key, other header, or altered bytes") from exc


def _key(data: bytes, what: str) -> bytes:
    if len(data) != KEY_BYTES:
        raise SealError(f"{what} has {len(data)} bytes; an X25519 key has {KEY_BYTES}")
    return data


def _dh(private: bytes, public: bytes) -> bytes:
    """X25519 by libsodium; an all-zero answer is refused (RFC 9180 §7.1.4)."""
    try:
        return sodium.crypto_scalarmult(private, public)
    except nacl.exceptions.RuntimeError as exc:
        raise SealError("the X25519 answer is all zero: the public key is of small order") from exc


def _shared_secret(dh: bytes, enc: bytes, public: bytes) -> bytes:
    """ExtractAndExpand of DHKEM (RFC 9180 §4.1)."""
    prk = _labeled_extract(_KEM_SUITE, b"", b"eae_prk", dh)
    return _labeled_expand(_KEM_SUITE, prk, b"shared_secret", enc + public, 32)


def _key_schedule(shared_secret: bytes, info: bytes) -> tuple[bytes, bytes]:
    """Key and base nonce of base mode (RFC 9180 §5.1); single shot, so the base nonce is the nonce."""
    info_hash = _labeled_extract(_HPKE_SUITE, b"", b"info_hash", info)
    context = _MODE_BASE + _PSK_ID_HASH + info_hash
    secret = _labeled_extract(_HPKE_SUITE, shared_secret, b"secret", b"")
    key = _labeled_expand(_HPKE_SUITE, secret, b"key", context, 32)
    return key, _labeled_expand(_HPKE_SUITE, secret, b"base_nonce", context, _NONCE_BYTES)


def _labeled_extract(suite: bytes, salt: bytes, label: bytes, ikm: bytes) -> bytes:
    return HKDF.extract(SHA256(), salt, b"HPKE-v1" + suite + label + ikm)


def _labeled_expand(suite: bytes, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
    labeled_info = length.to_bytes(2, "big") + b"HPKE-v1" + suite + label + info
    return HKDFExpand(SHA256(), length, labeled_info).derive(prk)


_PSK_ID_HASH: Final = _labeled_extract(_HPKE_SUITE, b"", b"psk_id_hash", b"")  # base mode has no psk_id
