"""The papers of the ceremony: every file that is carried from one machine to another, but plan and manifest.

All are canonical JSON. Who signs a paper signs it as DSSE does, under a media type of its own, with ``proof`` empty:
Ed25519, or for trustees' static keys the Schnorr signature of the ceremony.
"""

from hashlib import sha256
from typing import Annotated, Final, Literal, TypeVar

from msgspec import Meta, structs

from center.ceremony.errors import CeremonyRefusedError
from crypto import codec, identity, schnorr
from crypto.envelope import pae
from crypto.errors import EncodingError, EvidenceError, SignatureInvalidError, StatementError
from crypto.identity import SigningKey
from crypto.key_file import HeldKey, Holder, Role
from crypto.statements import Digits, Statement
from crypto.wire import B64, MANIFEST_MAX, Id, Sha256

PAPER_MAX: Final = 4 * MANIFEST_MAX  # bytes: an enrolment is a few times as long as its line of the manifest
_MEDIA: Final = "application/vnd.branch-kit.ceremony."


class Signed(Statement, frozen=True, kw_only=True):
    """Base of papers that their author signs."""

    proof: B64 = ""
    """64 bytes over the paper with this field empty."""


class Enrolment(Signed, frozen=True, kw_only=True):
    """Somebody asks to be enrolled with a key, and shows that he holds its secret half."""

    type: Literal["enrolment"] = "enrolment"
    election: Id
    round: Digits
    role: Role
    id: Holder
    body: Id | None
    """Whom people stand for; None for devices, terminals, logs and witnesses."""
    public_key: B64


class EnrolmentList(Statement, frozen=True, kw_only=True):
    """All requests that were accepted, as they were made."""

    type: Literal["enrolments"] = "enrolments"
    election: Id
    round: Digits
    enrolments: tuple[Enrolment, ...]


class SessionTrustee(Statement, frozen=True, kw_only=True):
    """One seat of the key generation. The first has index 1."""

    id: Id
    body: Id
    static_key: B64


class DkgSession(Statement, frozen=True, kw_only=True):
    """What all trustees must agree on before they begin. ``nonce`` is fresh: a session is never held twice."""

    type: Literal["dkg-session"] = "dkg-session"
    election: Id
    round: Digits
    kid: Id
    threshold: Annotated[int, Meta(ge=2, le=64)]
    trustees: Annotated[tuple[SessionTrustee, ...], Meta(min_length=3, max_length=64)]
    nonce: B64


class RoundOne(Signed, frozen=True, kw_only=True):
    """A trustee's message 1. Its shares inside are encrypted to each trustee: the paper is no secret."""

    type: Literal["dkg-round1"] = "dkg-round1"
    session_sha256: Sha256
    trustee: Id
    message: B64


class DkgMessages(Statement, frozen=True, kw_only=True):
    """The messages of all, in the order of their seats: the same file for everybody."""

    type: Literal["dkg-messages"] = "dkg-messages"
    session_sha256: Sha256
    messages: tuple[RoundOne, ...]


class RoundTwo(Signed, frozen=True, kw_only=True):
    """A trustee's signature over what it saw. ``signature`` goes into the certificate."""

    type: Literal["dkg-round2"] = "dkg-round2"
    session_sha256: Sha256
    trustee: Id
    transcript_sha256: Sha256
    signature: B64


class DkgCertificate(Statement, frozen=True, kw_only=True):
    """What the key generation made, under the signatures of all trustees: public, and the same for everybody."""

    type: Literal["dkg-certificate"] = "dkg-certificate"
    session: DkgSession
    transcript: B64
    signatures: B64


class Confirmation(Signed, frozen=True, kw_only=True):
    """A trustee has the certificate, and a share file that it opened again. The cost is that of the share file."""

    type: Literal["dkg-confirmation"] = "dkg-confirmation"
    certificate_sha256: Sha256
    trustee: Id
    operations: Annotated[int, Meta(ge=1)]
    memory_kib: Annotated[int, Meta(ge=1)]


P = TypeVar("P", bound=Statement)
S = TypeVar("S", bound=Signed)


def to_bytes(paper: Statement) -> bytes:
    """Return the bytes of the file; raises CeremonyRefusedError when a field breaks its limits."""
    try:
        return codec.to_bytes(paper)
    except (StatementError, EncodingError) as error:
        raise CeremonyRefusedError(f"this cannot be written down: {error}") from error


def parse(data: bytes, type_: type[P], where: str) -> P:
    """Return the paper in a file; raises CeremonyRefusedError naming ``where``. Signatures are not verified."""
    try:
        return codec.from_bytes(data, type_, max_bytes=PAPER_MAX)
    except EvidenceError as error:
        raise CeremonyRefusedError(
            f"{where}: this is not the paper that is needed here, or it is damaged: {error}"
        ) from error


def sha256_of(paper: Statement) -> str:
    """SHA-256 of a paper's bytes, in hexadecimal."""
    return sha256(to_bytes(paper)).hexdigest()


def sign(paper: S, key: HeldKey) -> S:
    """Return the paper with its author's proof."""
    message = _message(paper)
    if key.owner.role == "trustee":
        proof = schnorr.sign(key.secret, message)
    else:
        proof = SigningKey.from_seed(key.secret).sign(message)
    return structs.replace(paper, proof=codec.b64(proof))


def is_signed(paper: Signed, public: bytes, role: Role) -> bool:
    """Whether the paper is as the holder of this key wrote it."""
    try:
        proof = codec.unb64(paper.proof)
        if role == "trustee":
            return schnorr.is_valid(public, _message(paper), proof)
        identity.check_public(public)
        identity.verify(public, _message(paper), proof)
    except (EncodingError, SignatureInvalidError):
        return False
    return True


def _message(paper: Signed) -> bytes:
    kind: str = paper.type  # type: ignore[attr-defined] # every paper has one
    return pae(f"{_MEDIA}{kind}+json", to_bytes(structs.replace(paper, proof="")))


def groups(hexadecimal: str, digits: int = 32) -> str:
    """A hash as it is read aloud: groups of four digits, 128 bits unless told otherwise."""
    return " ".join(hexadecimal[at : at + 4] for at in range(0, min(digits, len(hexadecimal)), 4))


def fingerprint(public: bytes) -> str:
    """A public key as it is read aloud: the groups of its key id."""
    return groups(identity.key_id(public))
