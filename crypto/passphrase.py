"""A passphrase into a key: Argon2id (RFC 9106). How every secret of the ceremony rests: shares, signing keys."""

import unicodedata
from dataclasses import dataclass
from typing import Final

import nacl.bindings as sodium
import nacl.exceptions

from crypto.errors import MemoryShortError, PassphraseError

PASSPHRASE_MAX: Final = 1024  # bytes of UTF-8
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24  # of XChaCha20-Poly1305
OPERATIONS_MIN: Final = 2  # passes of Argon2id
OPERATIONS_MAX: Final = 16
MEMORY_KIB_MIN: Final = 19 * 1024  # what is recommended at the least with two passes
MEMORY_KIB_MAX: Final = 1024 * 1024  # a file must not be able to ask for more than any machine has

_KEY_BYTES: Final = 32
_KIB: Final = 1024


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """Passes, and KiB of memory. The default takes about a second and 256 MiB."""

    operations: int = 3
    memory_kib: int = 256 * 1024


REHEARSAL_COST: Final = Argon2Cost(OPERATIONS_MIN, MEMORY_KIB_MIN)
"""The least that is accepted: for rehearsals and tests. It stands in the file, authenticated."""


def characters(passphrase: str) -> int:
    """How long a passphrase is, in characters of its NFC form."""
    return len(unicodedata.normalize("NFC", passphrase))


def stretch(passphrase: str, salt: bytes, cost: Argon2Cost) -> bytes:
    """Return the 32-byte key. The passphrase is taken in NFC: keyboards differ in how they compose letters.

    Raises:
        PassphraseError: it is no Unicode text, or over ``PASSPHRASE_MAX``.
        MemoryShortError: this machine does not give the memory.
    """
    try:
        text = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise PassphraseError("the passphrase is no Unicode text") from exc
    if len(text) > PASSPHRASE_MAX:
        raise PassphraseError(f"the passphrase has more than {PASSPHRASE_MAX} bytes")
    try:
        return sodium.crypto_pwhash_alg(
            _KEY_BYTES,
            text,
            salt,
            cost.operations,
            cost.memory_kib * _KIB,
            sodium.crypto_pwhash_ALG_ARGON2ID13,
        )
    except nacl.exceptions.RuntimeError as exc:
        raise MemoryShortError(
            f"Argon2id needs {cost.memory_kib // _KIB} MiB of memory, which this machine does not give"
        ) from exc
