"""Ed25519 keys (RFC 8032): who signs, and how a key is called. Seeds come from outside, never from here."""

from hashlib import sha256
from typing import Final

import nacl.bindings
import nacl.exceptions
import nacl.signing

from crypto.errors import EncodingError, SignatureInvalidError

SEED_BYTES: Final = 32
PUBLIC_BYTES: Final = 32
SIGNATURE_BYTES: Final = 64
KEY_ID_DIGITS: Final = 32  # hexadecimal digits of a key id: 128 bits


class SigningKey:
    """An Ed25519 private key. Printing it never shows the seed.

    ``public`` is the raw public key (32 bytes), ``key_id`` its name in envelopes.
    """

    __slots__ = ("_key", "key_id", "public")

    def __init__(self, key: nacl.signing.SigningKey) -> None:
        self._key = key
        self.public: Final = bytes(key.verify_key)
        self.key_id: Final = key_id(self.public)

    @classmethod
    def from_seed(cls, seed: bytes) -> "SigningKey":
        """Return the key of a 32-byte seed (RFC 8032 §5.1.5).

        Raises:
            EncodingError: when ``seed`` is not 32 bytes.
        """
        if len(seed) != SEED_BYTES:
            raise EncodingError(
                f"Ed25519 seed of {len(seed)} bytes: it must have {SEED_BYTES}; restore the key"
            )
        return cls(nacl.signing.SigningKey(seed))

    @property
    def seed(self) -> bytes:
        """The secret, 32 bytes."""
        return bytes(self._key)

    def sign(self, message: bytes) -> bytes:
        """Return the 64-byte signature of ``message``: the same message always gives the same signature."""
        return self._key.sign(message).signature

    def __repr__(self) -> str:
        return f"SigningKey({self.key_id})"


def key_id(public: bytes) -> str:
    """Return the name of a public key: the first 32 hexadecimal digits of the SHA-256 of its 32 bytes."""
    return sha256(public).hexdigest()[:KEY_ID_DIGITS]


def check_public(public: bytes) -> None:
    """Check a public key before it is enrolled or trusted.

    Raises:
        SignatureInvalidError: unless ``public`` is the canonical encoding of a point of the prime-order
            subgroup (which the neutral element and the other small-order points are not).
    """
    if len(public) != PUBLIC_BYTES:
        raise SignatureInvalidError(f"Ed25519 public key of {len(public)} bytes: it must have {PUBLIC_BYTES}")
    if not nacl.bindings.crypto_core_ed25519_is_valid_point(public):
        raise SignatureInvalidError(
            f"Ed25519 public key {public.hex()} is not a point of the prime-order group: enrol another key"
        )


def verify(public: bytes, message: bytes, signature: bytes) -> None:
    """Check one Ed25519 signature.

    libsodium refuses keys and R of small order, non-canonical keys, and S not below the group order, so that
    no one can turn a valid signature into another valid one.

    Raises:
        SignatureInvalidError: when ``signature`` is not one of ``public`` over ``message``.
    """
    if len(public) != PUBLIC_BYTES or len(signature) != SIGNATURE_BYTES:
        raise SignatureInvalidError(
            f"Ed25519 key of {len(public)} and signature of {len(signature)} bytes: "
            f"they must have {PUBLIC_BYTES} and {SIGNATURE_BYTES}"
        )
    try:
        nacl.signing.VerifyKey(public).verify(message, signature)
    except nacl.exceptions.BadSignatureError as error:
        raise SignatureInvalidError(f"signature by key {key_id(public)} does not fit the message") from error
