"""A trustee's share at rest: a file that only a passphrase opens, for one election and round alone.

Canonical JSON; the share rests as ``crypto/at_rest.py`` says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Literal

from msgspec import structs

from crypto import at_rest, codec
from crypto import passphrase as passphrases
from crypto.at_rest import DoesNotOpenError, RestingHeader
from crypto.errors import EncodingError, MemoryShortError, PassphraseError, StatementError
from crypto.passphrase import NONCE_BYTES, SALT_BYTES, Argon2Cost
from crypto.statements import Digits
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


class ShareHeader(RestingHeader, frozen=True, kw_only=True):
    """What stands open in the file, and is authenticated."""

    type: Literal["trustee-share"] = "trustee-share"
    election: Id
    round: Digits
    trustee: Digits
    threshold: Digits
    group_key: B64
    verification_shares: tuple[B64, ...]


class ShareFile(ShareHeader, frozen=True, kw_only=True):
    """The header, the encrypted share, and the checksum over both."""

    ciphertext: B64
    checksum: Sha256


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
    if passphrases.characters(passphrase) < PASSPHRASE_MIN:
        raise UnusablePassphraseError(
            f"the passphrase is too short: take at least {PASSPHRASE_MIN} characters"
        )
    if len(salt) != SALT_BYTES or len(nonce) != NONCE_BYTES:
        raise ShareFileError(f"give {SALT_BYTES} bytes of salt and {NONCE_BYTES} of nonce")
    if not share.belongs_to(keys):
        raise ShareFileError(f"this is not trustee {share.trustee}'s share of this key: nothing was written")
    header = ShareHeader(
        election=election,
        round=round_number,
        trustee=share.trustee,
        threshold=keys.threshold,
        group_key=codec.b64(keys.group_key),
        verification_shares=tuple(map(codec.b64, keys.shares)),
        **at_rest.resting(salt, nonce, cost),
    )
    try:
        with _as_share_errors():
            locked = at_rest.encrypt(header, share.secret, passphrase)
    except StatementError as exc:
        raise ShareFileError(f"the share file cannot be made: {exc}") from exc
    return codec.to_bytes(ShareFile(**structs.asdict(header), **locked))


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
    try:
        with _as_share_errors():
            secret = at_rest.decrypt(header, ciphertext, passphrase)
        share = TrusteeShare(file.trustee, secret)
    except DoesNotOpenError as exc:
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
        is_whole = at_rest.is_whole(header, ciphertext, file.checksum)
    except (EncodingError, StatementError) as exc:
        raise DamagedShareError(f"this is no share file, or a damaged one: {exc}") from exc
    if not is_whole:
        raise DamagedShareError("the share file is damaged: its checksum does not fit; take a copy of it")
    return file, header, ciphertext


@contextmanager
def _as_share_errors() -> Iterator[None]:
    """What is wrong with a passphrase, as errors of opening: who answers an order handles those alone."""
    try:
        yield
    except PassphraseError as exc:
        raise UnusablePassphraseError(str(exc)) from exc
    except MemoryShortError as exc:
        raise ShareFileError(str(exc)) from exc
