"""A signing key at rest: a file that only a passphrase or PIN opens, for one role, holder, election and round.

Canonical JSON; the secret rests as ``crypto/at_rest.py`` says.
"""

from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from msgspec import Meta, structs

from crypto import at_rest, cocktail, codec
from crypto import passphrase as passphrases
from crypto.at_rest import DoesNotOpenError, RestingHeader
from crypto.errors import (
    DamagedKeyFileError,
    EncodingError,
    KeyFileError,
    OtherHolderError,
    PassphraseError,
    StatementError,
    WrongPassphraseOfKeyError,
)
from crypto.identity import SigningKey
from crypto.passphrase import NONCE_BYTES, SALT_BYTES, Argon2Cost
from crypto.statements import Digits
from crypto.trustee_errors import GroupElementError
from crypto.wire import B64, Id, Sha256

KEY_FILE_MAX: Final = 4 * 1024  # bytes
PASSPHRASE_MIN: Final = 12  # characters, of all roles but those of PIN_ROLES
PIN_MIN: Final = 6  # characters

HOLDER_PATTERN: Final = r"^[A-Za-z0-9][A-Za-z0-9._:/-]{0,99}\Z"

Role = Literal["trustee", "manifest", "official", "commissioner", "device", "terminal", "log", "witness"]
"""What a key is for. ``trustee`` is the static key of the ceremony (a scalar); all others are Ed25519 seeds."""
Holder = Annotated[str, Meta(pattern=HOLDER_PATTERN)]
"""An id; for a log or witness the name in its notes, which is often a URL without its scheme."""

PIN_ROLES: Final = frozenset({"official", "commissioner"})
"""Who unlock their key many times a day, and may do so by a PIN: see docs/ceremony.md on what that is worth."""


class KeyHeader(RestingHeader, frozen=True, kw_only=True):
    """What stands open in the file, and is authenticated."""

    type: Literal["secret-key"] = "secret-key"
    election: Id
    round: Digits
    role: Role
    id: Holder
    public_key: B64


class KeyFile(KeyHeader, frozen=True, kw_only=True):
    """The header, the encrypted secret, and the checksum over both."""

    ciphertext: B64
    checksum: Sha256


@dataclass(frozen=True, slots=True)
class KeyOwner:
    """Whose key it is, and for which election and round (from 1)."""

    election: str
    round: int
    role: Role
    id: str


@dataclass(frozen=True, slots=True)
class HeldKey:
    """An opened key. ``secret`` is never printed: a scalar for ``trustee``, else an Ed25519 seed."""

    owner: KeyOwner
    secret: bytes = field(repr=False)

    @property
    def public(self) -> bytes:
        """The public key, 32 bytes."""
        return public_of(self.owner.role, self.secret)

    @property
    def signing(self) -> SigningKey:
        """The Ed25519 key; raises KeyFileError for a trustee's static key, which signs no statements."""
        if self.owner.role == "trustee":
            raise KeyFileError(f"the key of trustee {self.owner.id!r} is for the ceremony alone")
        return SigningKey.from_seed(self.secret)


def public_of(role: Role, secret: bytes) -> bytes:
    """Return the public key (32 bytes) of a secret of this role; raises KeyFileError for one that is none."""
    try:
        return cocktail.static_public(secret) if role == "trustee" else SigningKey.from_seed(secret).public
    except (EncodingError, GroupElementError) as exc:
        raise KeyFileError(f"this is no secret key of a {role}: {exc}") from exc


def passphrase_min(role: Role) -> int:
    """How many characters a new passphrase of this role has at least."""
    return PIN_MIN if role in PIN_ROLES else PASSPHRASE_MIN


def seal_key(
    key: HeldKey, passphrase: str, *, salt: bytes, nonce: bytes, cost: Argon2Cost | None = None
) -> bytes:
    """Return the bytes of a key file. ``salt`` (16) and ``nonce`` (24) are fresh random bytes for every file.

    Raises:
        PassphraseError: too short for the role, too long or no text.
        KeyFileError: the secret is none, or a length or cost is outside its limits.
        MemoryShortError: this machine does not give the memory.
    """
    least = passphrase_min(key.owner.role)
    if passphrases.characters(passphrase) < least:
        raise PassphraseError(f"the passphrase is too short: take at least {least} characters")
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise KeyFileError(f"give {SALT_BYTES} bytes of salt and {NONCE_BYTES} of nonce")
    header = KeyHeader(
        election=key.owner.election,
        round=key.owner.round,
        role=key.owner.role,
        id=key.owner.id,
        public_key=codec.b64(key.public),
        **at_rest.resting(salt, nonce, cost),
    )
    try:
        locked = at_rest.encrypt(header, key.secret, passphrase)
    except StatementError as exc:
        raise KeyFileError(f"the key file cannot be made: {exc}") from exc
    return codec.to_bytes(KeyFile(**structs.asdict(header), **locked))


def read_header(data: bytes) -> KeyHeader:
    """Return what a key file says of itself, without its passphrase; raises DamagedKeyFileError."""
    return _parse(data)[0]


def open_key(
    data: bytes,
    passphrase: str,
    *,
    role: Role | None = None,
    election: str | None = None,
    round_number: int | None = None,
) -> HeldKey:
    """Return the key in a file. What is None is not compared; all checks that need no passphrase come first.

    Raises:
        DamagedKeyFileError: the file is not as it was written.
        OtherHolderError: it is of another role, election or round.
        WrongPassphraseOfKeyError: the passphrase is wrong (or file and checksum were altered on purpose).
        PassphraseError, MemoryShortError: as ``passphrase.stretch``.
    """
    header, ciphertext = _parse(data)
    if role not in (None, header.role):
        raise OtherHolderError(
            f"this is the key of {header.role} {header.id!r}; the key of a {role} is needed here: take the right file"
        )
    if election not in (None, header.election) or round_number not in (None, header.round):
        raise OtherHolderError(
            f"the key of {header.role} {header.id!r} is for election {header.election!r} round {header.round}, not "
            f"for {election!r} round {round_number}: take the right file, or make a new key"
        )
    try:
        secret = at_rest.decrypt(header, ciphertext, passphrase)
    except DoesNotOpenError as exc:
        raise WrongPassphraseOfKeyError(
            f"the passphrase does not open the key of {header.role} {header.id!r}: try again, mind the keyboard's "
            "language. If you are sure of it, somebody altered the file: take a copy of it"
        ) from exc
    key = HeldKey(KeyOwner(header.election, header.round, header.role, header.id), secret)
    try:
        public = key.public
    except KeyFileError as exc:
        raise DamagedKeyFileError(f"the key file was made wrong: {exc}") from exc
    if codec.b64(public) != header.public_key:
        raise DamagedKeyFileError(
            f"the secret in the file is not that of {header.public_key}: it was made wrong"
        )
    return key


def _parse(data: bytes) -> tuple[KeyHeader, bytes]:
    try:
        file = codec.from_bytes(data, KeyFile, max_bytes=KEY_FILE_MAX)
        header = KeyHeader(**{name: getattr(file, name) for name in KeyHeader.__struct_fields__})
        ciphertext = codec.unb64(file.ciphertext)
        is_whole = at_rest.is_whole(header, ciphertext, file.checksum)
    except (EncodingError, StatementError) as exc:
        raise DamagedKeyFileError(f"this is no key file, or a damaged one: {exc}") from exc
    if not is_whole:
        raise DamagedKeyFileError("the key file is damaged: its checksum does not fit; take a copy of it")
    return header, ciphertext
