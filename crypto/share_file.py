"""A trustee's share at rest: a file that only a passphrase opens, for one election and round alone.

Canonical JSON. The key comes from the passphrase by Argon2id (RFC 9106), the share is encrypted with
XChaCha20-Poly1305, and everything else in the file is authenticated with it (the AAD is the canonical header). A
checksum over all of it tells damage from a wrong passphrase; it protects against nobody who alters the file on purpose
and computes it again: that shows as a wrong passphrase.
"""

import unicodedata
from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Final, Literal

import nacl.bindings as sodium
import nacl.exceptions
from msgspec import Meta

from crypto import codec
from crypto.cocktail_wire import TAG_BYTES
from crypto.edwards import SCALAR_BYTES
from crypto.errors import EncodingError, StatementError
from crypto.statements import Digits, Statement
from crypto.trustee_errors import (
    DamagedShareError,
    GroupElementError,
    OpeningError,
    OtherElectionError,
    ShareFileError,
    UnusablePassphraseError,
    WrongPassphraseError,
)
from crypto.trustees import TrusteeKeys, TrusteeShare
from crypto.wire import B64, Id, Sha256

SHARE_FILE_MAX: Final = 16 * 1024  # bytes
PASSPHRASE_MIN: Final = 12  # characters, to make a file
PASSPHRASE_MAX: Final = 1024  # bytes of UTF-8
SALT_BYTES: Final = 16
NONCE_BYTES: Final = 24
OPERATIONS_MIN: Final = 2  # passes of Argon2id
OPERATIONS_MAX: Final = 16
MEMORY_KIB_MIN: Final = 19 * 1024  # what is recommended at the least with two passes
MEMORY_KIB_MAX: Final = 1024 * 1024  # a file must not be able to ask for more than any machine has

_KEY_BYTES: Final = 32
_LENGTHS: Final = (SALT_BYTES, NONCE_BYTES, SCALAR_BYTES + TAG_BYTES)
_KIB: Final = 1024


class ShareHeader(Statement, frozen=True, kw_only=True):
    """What stands open in the file, and is authenticated."""

    type: Literal["trustee-share"] = "trustee-share"
    election: Id
    round: Digits
    trustee: Digits
    threshold: Digits
    group_key: B64
    verification_shares: tuple[B64, ...]
    kdf: Literal["argon2id13"] = "argon2id13"
    operations: Annotated[int, Meta(ge=OPERATIONS_MIN, le=OPERATIONS_MAX)]
    memory_kib: Annotated[int, Meta(ge=MEMORY_KIB_MIN, le=MEMORY_KIB_MAX)]
    salt: B64
    nonce: B64


class ShareFile(ShareHeader, frozen=True, kw_only=True):
    """The header, the encrypted share, and the checksum over both."""

    ciphertext: B64
    checksum: Sha256


@dataclass(frozen=True, slots=True)
class Argon2Cost:
    """Passes, and KiB of memory. The default takes about a second and 256 MiB."""

    operations: int = 3
    memory_kib: int = 256 * 1024


def seal_share(
    share: TrusteeShare,
    keys: TrusteeKeys,
    passphrase: str,
    *,
    election: str,
    round_number: int,
    salt: bytes,
    nonce: bytes,
    cost: Argon2Cost | None = None,
) -> bytes:
    """Return the bytes of a share file. ``salt`` (16) and ``nonce`` (24) are fresh random bytes for every file.

    Raises:
        UnusablePassphraseError: shorter than ``PASSPHRASE_MIN`` characters, or no text.
        ShareFileError: the share is not of these keys, or a length or cost is outside its limits.
    """
    if len(unicodedata.normalize("NFC", passphrase)) < PASSPHRASE_MIN:
        raise UnusablePassphraseError(
            f"the passphrase is too short: take at least {PASSPHRASE_MIN} characters"
        )
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ShareFileError(f"give {SALT_BYTES} bytes of salt and {NONCE_BYTES} of nonce")
    if not share.belongs_to(keys):
        raise ShareFileError(f"this is not trustee {share.trustee}'s share of this key: nothing was written")
    cost = cost or Argon2Cost()
    header = ShareHeader(
        election=election,
        round=round_number,
        trustee=share.trustee,
        threshold=keys.threshold,
        group_key=codec.b64(keys.group_key),
        verification_shares=tuple(map(codec.b64, keys.shares)),
        operations=cost.operations,
        memory_kib=cost.memory_kib,
        salt=codec.b64(salt),
        nonce=codec.b64(nonce),
    )
    try:
        aad = codec.to_bytes(header)
    except StatementError as exc:
        raise ShareFileError(f"the share file cannot be made: {exc}") from exc
    key = _stretch(passphrase, header)
    ciphertext = sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(share.secret, aad, nonce, key)
    checksum = _checksum(aad, ciphertext)
    fields = {name: getattr(header, name) for name in ShareHeader.__struct_fields__}
    return codec.to_bytes(ShareFile(**fields, ciphertext=codec.b64(ciphertext), checksum=checksum))


def open_share(
    data: bytes, passphrase: str, *, election: str, round_number: int, election_key: bytes
) -> tuple[TrusteeShare, TrusteeKeys]:
    """Return the share in a file, and the trustees' public keys.

    ``election_key`` is the X25519 key of the manifest (32 bytes). All checks that need no passphrase come first.

    Raises:
        DamagedShareError: the file is not as it was written.
        OtherElectionError: it is of another election, round or key.
        WrongPassphraseError: the passphrase is wrong (or file and checksum were altered on purpose).
        ShareFileError: this machine lacks the memory that the file asks for.
    """
    file, header, ciphertext = _parse(data)
    if (file.election, file.round) != (election, round_number):
        raise OtherElectionError(
            f"the file holds a share of election {file.election!r} round {file.round}, "
            f"not of {election!r} round {round_number}: take the right file"
        )
    try:
        shares = tuple(map(codec.unb64, file.verification_shares))
        keys = TrusteeKeys(file.threshold, codec.unb64(file.group_key), shares)
        verification_share = keys.share_of(file.trustee)
    except (EncodingError, OpeningError) as exc:
        raise DamagedShareError(f"the public keys in the share file do not belong together: {exc}") from exc
    if keys.x25519_public != election_key:
        raise OtherElectionError(
            f"the file holds a share of another key than that of election {election!r} round {round_number}"
        )
    key = _stretch(passphrase, header)
    try:
        nonce = codec.unb64(file.nonce)
        aad = codec.to_bytes(header)
        secret = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(ciphertext, aad, nonce, key)
        share = TrusteeShare(file.trustee, secret)
    except nacl.exceptions.CryptoError as exc:
        raise WrongPassphraseError(
            f"the passphrase does not open the share of trustee {file.trustee}: try again, mind the keyboard's "
            "language. If you are sure of it, somebody altered the file: take a copy of it"
        ) from exc
    except GroupElementError as exc:
        raise DamagedShareError(f"the file was made wrong: {exc}") from exc
    if not share.belongs_to(keys):
        raise DamagedShareError(
            f"what the file holds does not fit trustee {file.trustee}'s verification share "
            f"{verification_share.hex()}: it was made wrong"
        )
    return share, keys


def _parse(data: bytes) -> tuple[ShareFile, ShareHeader, bytes]:
    try:
        file = codec.from_bytes(data, ShareFile, max_bytes=SHARE_FILE_MAX)
        header = ShareHeader(**{name: getattr(file, name) for name in ShareHeader.__struct_fields__})
        ciphertext = codec.unb64(file.ciphertext)
        lengths = len(codec.unb64(file.salt)), len(codec.unb64(file.nonce)), len(ciphertext)
    except (EncodingError, StatementError) as exc:
        raise DamagedShareError(f"this is no share file, or a damaged one: {exc}") from exc
    if lengths != _LENGTHS or _checksum(codec.to_bytes(header), ciphertext) != file.checksum:
        raise DamagedShareError("the share file is damaged: its checksum does not fit; take a copy of it")
    return file, header, ciphertext


def _checksum(aad: bytes, ciphertext: bytes) -> str:
    return sha256(aad + ciphertext).hexdigest()


def _stretch(passphrase: str, header: ShareHeader) -> bytes:
    """Argon2id. The passphrase is taken in NFC: keyboards differ in how they compose letters."""
    try:
        text = unicodedata.normalize("NFC", passphrase).encode("utf-8")
    except UnicodeEncodeError as exc:
        raise UnusablePassphraseError("the passphrase is no Unicode text") from exc
    if len(text) > PASSPHRASE_MAX:
        raise UnusablePassphraseError(f"the passphrase has more than {PASSPHRASE_MAX} bytes")
    try:
        return sodium.crypto_pwhash_alg(
            _KEY_BYTES,
            text,
            codec.unb64(header.salt),
            header.operations,
            header.memory_kib * _KIB,
            sodium.crypto_pwhash_ALG_ARGON2ID13,
        )
    except nacl.exceptions.RuntimeError as exc:
        raise ShareFileError(
            f"Argon2id needs {header.memory_kib // _KIB} MiB of memory, which this machine does not give"
        ) from exc
