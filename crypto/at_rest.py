"""A secret at rest: the construction that share files and key files have in common.

Argon2id (RFC 9106) makes a key of the passphrase; XChaCha20-Poly1305 encrypts the secret, with the whole canonical
header as additional data. A checksum over both tells damage from a wrong passphrase; it protects against nobody who
alters the file on purpose and computes it again: that shows as a wrong passphrase.
"""

from hashlib import sha256
from typing import Annotated, Any, Final, Literal

import nacl.bindings as sodium
import nacl.exceptions
from msgspec import Meta

from crypto import codec, passphrase
from crypto.cocktail_wire import TAG_BYTES
from crypto.passphrase import (
    MEMORY_KIB_MAX,
    MEMORY_KIB_MIN,
    NONCE_BYTES,
    OPERATIONS_MAX,
    OPERATIONS_MIN,
    SALT_BYTES,
    Argon2Cost,
)
from crypto.statements import Statement
from crypto.wire import B64

SECRET_BYTES: Final = 32


class DoesNotOpenError(Exception):
    """The passphrase is wrong, or header, ciphertext or checksum were altered on purpose."""


class RestingHeader(Statement, frozen=True, kw_only=True):
    """What the header of every such file says of how its secret rests."""

    kdf: Literal["argon2id13"] = "argon2id13"
    operations: Annotated[int, Meta(ge=OPERATIONS_MIN, le=OPERATIONS_MAX)]
    memory_kib: Annotated[int, Meta(ge=MEMORY_KIB_MIN, le=MEMORY_KIB_MAX)]
    salt: B64
    nonce: B64


def resting(salt: bytes, nonce: bytes, cost: Argon2Cost | None) -> dict[str, Any]:
    """The fields of a RestingHeader; the default cost for None."""
    cost = cost or Argon2Cost()
    return {
        "operations": cost.operations,
        "memory_kib": cost.memory_kib,
        "salt": codec.b64(salt),
        "nonce": codec.b64(nonce),
    }


def encrypt(header: RestingHeader, secret: bytes, words: str) -> dict[str, Any]:
    """Encrypt a secret by a passphrase; returns ``ciphertext`` (base64) and ``checksum`` of the file.

    Raises:
        StatementError: the header breaks a limit.
        PassphraseError, MemoryShortError: as ``passphrase.stretch``.
    """
    aad = codec.to_bytes(header)
    ciphertext = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(
        secret, aad, codec.unb64(header.nonce), _key(header, words)
    )
    return {"ciphertext": codec.b64(ciphertext), "checksum": _checksum(aad, ciphertext)}


def is_whole(header: RestingHeader, ciphertext: bytes, checksum: str) -> bool:
    """Whether lengths and checksum are those of a file that nobody damaged."""
    lengths = len(codec.unb64(header.salt)), len(codec.unb64(header.nonce)), len(ciphertext)
    expected = SALT_BYTES, NONCE_BYTES, SECRET_BYTES + TAG_BYTES
    return lengths == expected and _checksum(codec.to_bytes(header), ciphertext) == checksum


def decrypt(header: RestingHeader, ciphertext: bytes, words: str) -> bytes:
    """Return the secret that ``encrypt`` encrypted.

    Raises:
        DoesNotOpenError: it does not open.
        PassphraseError, MemoryShortError: as ``passphrase.stretch``.
    """
    key = _key(header, words)
    try:
        return sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
            ciphertext, codec.to_bytes(header), codec.unb64(header.nonce), key
        )
    except nacl.exceptions.CryptoError as exc:
        raise DoesNotOpenError from exc


def _key(header: RestingHeader, words: str) -> bytes:
    cost = Argon2Cost(header.operations, header.memory_kib)
    return passphrase.stretch(words, codec.unb64(header.salt), cost)


def _checksum(aad: bytes, ciphertext: bytes) -> str:
    return sha256(aad + ciphertext).hexdigest()
