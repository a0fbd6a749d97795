"""The key generation over papers: COCKTAIL-DKG (``crypto/cocktail.py``) among people with names.

Each trustee's message is signed with its static key, so that a file altered on the way is told from a participant who
cheats. The coordinator only carries: all trustees get the same file with everybody's messages, and each works out for
itself what concerns it. Nobody keeps state: whoever has its static key and the public papers can do any step again.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NoReturn, TypeVar

from center.ceremony import papers, plan_rules
from center.ceremony.enrolment import Register
from center.ceremony.errors import CeremonyRefusedError, PlanError
from center.ceremony.papers import (
    Confirmation,
    DkgCertificate,
    DkgMessages,
    DkgSession,
    RoundOne,
    RoundTwo,
    SessionTrustee,
)
from center.ceremony.plan import Member, Plan, Quorum
from crypto import cocktail, codec
from crypto.cocktail import Certificate, Outcome
from crypto.cocktail_wire import Setup, Transcript, parse_message1, session_setup
from crypto.errors import EncodingError
from crypto.key_file import HeldKey
from crypto.passphrase import Argon2Cost
from crypto.schnorr import SIGNATURE_BYTES
from crypto.statements import ElectionKey, Trustee, TrusteeBoard
from crypto.trustee_errors import BadShareError, CeremonyError, DecryptionFailedError, TrusteeError
from crypto.trustees import TrusteeKeys, TrusteeShare

NONCE_BYTES: Final = 32

_EXTENSION: Final = b"branch-kit/dkg/v1 session "
_Signed = TypeVar("_Signed", RoundOne, RoundTwo, Confirmation)

_AGAIN: Final = (
    "Stop, tell everybody, find out why; then begin anew with a new session (kit-ceremony dkg session): the "
    "messages of this one must not be used again"
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one trustee worked out from everybody's messages."""

    outcome: Outcome
    transcript: bytes

    @property
    def transcript_sha256(self) -> str:
        """What all trustees compare aloud before they sign."""
        return sha256(self.transcript).hexdigest()


def make_session(plan: Plan, register: Register, nonce: bytes) -> DkgSession:
    """Return a new session. ``nonce`` is ``NONCE_BYTES`` fresh random bytes. Raises CeremonyRefusedError."""
    if plan.opening != "trustees":
        raise CeremonyRefusedError(
            "the plan says opening = 'slip39': there is no key generation; run kit-ceremony escrow new"
        )
    for role, one in register.missing:
        if role == "trustee":
            raise CeremonyRefusedError(
                f"trustee {one!r} is not enrolled yet: all must be before a session begins"
            )
    keys = register.keys
    session = DkgSession(
        election=plan.election,
        round=plan.round,
        kid=plan.kid,
        threshold=plan.trustees.threshold,
        trustees=tuple(
            SessionTrustee(id=one.id, body=one.body, static_key=codec.b64(keys["trustee", one.id]))
            for one in plan.trustees.members
        ),
        nonce=codec.b64(nonce),
    )
    setup_of(session)
    return session


def setup_of(session: DkgSession) -> Setup:
    """What the participants of a session agree on; raises CeremonyRefusedError when it makes no session."""
    try:
        members = tuple(Member(id=one.id, body=one.body) for one in session.trustees)
        plan_rules.check_trustees(Quorum(threshold=session.threshold, members=members))
        statics = [codec.unb64(one.static_key) for one in session.trustees]
        if len(codec.unb64(session.nonce)) != NONCE_BYTES:
            raise CeremonyRefusedError("the session's nonce is too short: make a new session")
        return session_setup(bytes.fromhex(papers.sha256_of(session)), session.threshold, statics)
    except (PlanError, EncodingError) as error:
        raise CeremonyRefusedError(f"the session: {error}: make a new session") from error
    except CeremonyError as error:
        _blame(session, error)


def seat_of(session: DkgSession, key: HeldKey) -> int:
    """The seat (from 1) of a static key; raises CeremonyRefusedError when it has none."""
    owner = key.owner
    if (owner.role, owner.election, owner.round) != ("trustee", session.election, session.round):
        raise CeremonyRefusedError(
            f"the key of {owner.role} {owner.id!r} for {owner.election!r} round {owner.round} has no place in the "
            f"session for {session.election!r} round {session.round}: take the right file; one key serves one round"
        )
    for seat, one in enumerate(session.trustees, 1):
        if one.id == owner.id:
            if codec.unb64(one.static_key) != key.public:
                raise CeremonyRefusedError(
                    f"the session names the key {papers.fingerprint(codec.unb64(one.static_key))} for you, "
                    f"{owner.id!r}; yours is {papers.fingerprint(key.public)}: somebody exchanged it, or took an old "
                    f"request. {_AGAIN}"
                )
            return seat
    raise CeremonyRefusedError(
        f"the session has no seat for trustee {owner.id!r}: enrol, then make a new session"
    )


def round_one(session: DkgSession, key: HeldKey, entropy: Callable[[int], bytes]) -> RoundOne:
    """Return this trustee's message; ``entropy`` gives so many fresh random bytes."""
    setup, _ = setup_of(session), seat_of(session, key)
    random = entropy(cocktail.entropy_bytes(setup.threshold))
    message = cocktail.round1(setup, key.secret, entropy=random)
    paper = RoundOne(
        session_sha256=papers.sha256_of(session), trustee=key.owner.id, message=codec.b64(message)
    )
    return papers.sign(paper, key)


def gather(session: DkgSession, messages: Iterable[RoundOne]) -> DkgMessages:
    """Put everybody's messages together, each checked; raises CeremonyRefusedError with who is to blame."""
    ordered = _one_of_each(session, messages)
    _relay(session, ordered)
    return DkgMessages(session_sha256=papers.sha256_of(session), messages=ordered)


def round_two(session: DkgSession, messages: DkgMessages, key: HeldKey, sent: RoundOne) -> Seen:
    """Check all messages and work out this trustee's share; ``sent`` is the message that it kept.

    Raises CeremonyRefusedError with who is to blame.
    """
    seat = seat_of(session, key)
    ordered = _one_of_each(session, messages.messages)
    if ordered[seat - 1] != sent:
        raise CeremonyRefusedError(
            f"the message of {key.owner.id!r} did not come back as you sent it: whoever carried it put another in its "
            f"place, or you made two. {_AGAIN}"
        )
    relayed = _relay(session, ordered)
    try:
        own = codec.unb64(sent.message)
        outcome = cocktail.round2(setup_of(session), key.secret, relayed[seat - 1], sent=own)
    except CeremonyError as error:
        _blame(session, error)
    transcript = Transcript(outcome.setup, outcome.contributions, _extension(session)).to_bytes()
    return Seen(outcome, transcript)


def sign_transcript(session: DkgSession, seen: Seen, key: HeldKey) -> RoundTwo:
    """Return this trustee's signature over what it saw."""
    signature = cocktail.certify(seen.outcome, key.secret, extension=_extension(session))
    paper = RoundTwo(
        session_sha256=papers.sha256_of(session),
        trustee=key.owner.id,
        transcript_sha256=seen.transcript_sha256,
        signature=codec.b64(signature),
    )
    return papers.sign(paper, key)


def certify(session: DkgSession, messages: DkgMessages, signed: Iterable[RoundTwo]) -> DkgCertificate:
    """Put everybody's signatures together: the certificate. Raises CeremonyRefusedError with who is to blame."""
    setup = setup_of(session)
    gathered = gather(session, messages.messages)
    contributions = tuple(
        parse_message1(codec.unb64(one.message), setup, seat).contribution
        for seat, one in enumerate(gathered.messages, 1)
    )
    transcript = Transcript(setup, contributions, _extension(session)).to_bytes()
    ordered = _one_of_each(session, signed)
    seen = sha256(transcript).hexdigest()
    for one in ordered:
        if one.transcript_sha256 != seen:
            raise CeremonyRefusedError(
                f"trustee {one.trustee!r} saw other messages than these ({papers.groups(one.transcript_sha256)} "
                f"instead of {papers.groups(seen)}): somebody showed the trustees different files. {_AGAIN}"
            )
    certificate = DkgCertificate(
        session=session,
        transcript=codec.b64(transcript),
        signatures=codec.b64(b"".join(codec.unb64(one.signature) for one in ordered)),
    )
    outcome_of(certificate)
    return certificate


def outcome_of(certificate: DkgCertificate) -> TrusteeKeys:
    """What anybody can check of a certificate; returns the trustees' public keys. Raises CeremonyRefusedError."""
    session = certificate.session
    try:
        transcript, public = cocktail.check_certificate(_certificate(certificate))
        if (transcript.setup, transcript.extension) != (setup_of(session), _extension(session)):
            raise CeremonyRefusedError(
                "the certificate is of another session than it says: take the right file"
            )
        return TrusteeKeys.of(public, session.threshold)
    except CeremonyError as error:
        _blame(session, error)
    except (EncodingError, TrusteeError) as error:
        raise CeremonyRefusedError(f"the certificate: {error}") from error


def finish(certificate: DkgCertificate, seen: Seen, key: HeldKey) -> tuple[TrusteeShare, TrusteeKeys]:
    """Accept the key if all signed what this trustee saw; raises CeremonyRefusedError with who is to blame."""
    session = certificate.session
    keys = outcome_of(certificate)
    seat = seat_of(session, key)
    if codec.unb64(certificate.transcript) != seen.transcript:
        raise CeremonyRefusedError(
            f"the certificate is over other messages than those that {key.owner.id!r} has: somebody showed the "
            f"trustees different files. {_AGAIN}"
        )
    joined = _certificate(certificate).signatures
    signatures = [joined[at : at + SIGNATURE_BYTES] for at in range(0, len(joined), SIGNATURE_BYTES)]
    try:
        cocktail.finish(seen.outcome, enumerate(signatures, 1), extension=_extension(session))
    except CeremonyError as error:
        _blame(session, error)
    return TrusteeShare(seat, seen.outcome.share), keys


def confirm(certificate: DkgCertificate, key: HeldKey, cost: Argon2Cost) -> Confirmation:
    """Return the trustee's word that it has a share file which it opened again."""
    paper = Confirmation(
        certificate_sha256=papers.sha256_of(certificate),
        trustee=key.owner.id,
        operations=cost.operations,
        memory_kib=cost.memory_kib,
    )
    return papers.sign(paper, key)


def check_confirmations(
    certificate: DkgCertificate, confirmations: Iterable[Confirmation]
) -> tuple[Confirmation, ...]:
    """Return one confirmation of each trustee; raises CeremonyRefusedError naming who has not confirmed."""
    return _one_of_each(certificate.session, confirmations, certificate_sha256=papers.sha256_of(certificate))


def election_key(certificate: DkgCertificate) -> ElectionKey:
    """Return what the manifest says of the key; raises CeremonyRefusedError."""
    keys = outcome_of(certificate)
    session = certificate.session
    board = TrusteeBoard(
        threshold=session.threshold,
        group_key=codec.b64(keys.group_key),
        trustees=tuple(
            Trustee(id=one.id, body=one.body, verification_share=codec.b64(share))
            for one, share in zip(session.trustees, keys.shares, strict=True)
        ),
    )
    public = codec.b64(keys.x25519_public)
    return ElectionKey(kid=session.kid, public_key=public, opening="trustees", board=board)


def _certificate(certificate: DkgCertificate) -> Certificate:
    try:
        return Certificate(codec.unb64(certificate.transcript), codec.unb64(certificate.signatures))
    except EncodingError as error:
        raise CeremonyRefusedError(f"the certificate: {error}") from error


def _extension(session: DkgSession) -> bytes:
    return _EXTENSION + papers.sha256_of(session).encode()


def _relay(session: DkgSession, ordered: Sequence[RoundOne]) -> tuple[bytes, ...]:
    try:
        return cocktail.relay(
            setup_of(session), ((seat, codec.unb64(one.message)) for seat, one in enumerate(ordered, 1))
        )
    except CeremonyError as error:
        _blame(session, error)
    except EncodingError as error:
        raise CeremonyRefusedError(f"a message is no base64: {error}. {_AGAIN}") from error


def _one_of_each(
    session: DkgSession, given: Iterable[_Signed], *, certificate_sha256: str | None = None
) -> tuple[_Signed, ...]:
    """One paper of each trustee in the order of their seats, each of this session and signed by its author."""
    statics = {one.id: codec.unb64(one.static_key) for one in session.trustees}
    collected: dict[str, _Signed] = {}
    for paper in given:
        what = f"the {paper.type} of trustee {paper.trustee!r}"
        if paper.trustee not in statics:
            raise CeremonyRefusedError(f"{what}: the session has no such trustee: take the file away")
        _check_belongs(session, paper, what, certificate_sha256)
        if not papers.is_signed(paper, statics[paper.trustee], "trustee"):
            raise CeremonyRefusedError(
                f"{what} is not as that trustee wrote it: it was damaged or altered on the way, or is somebody else's. "
                "Fetch the file again from the trustee; if it stays so, begin anew with a new session"
            )
        if collected.setdefault(paper.trustee, paper) != paper:
            raise CeremonyRefusedError(
                f"there are two different ones: {what}. The trustee answered twice; ask which counts. {_AGAIN}"
            )
    for one in statics:
        if one not in collected:
            raise CeremonyRefusedError(
                f"nothing from trustee {one!r} is here: wait for the file. A trustee who does not come can be replaced "
                "in the plan; then all begin anew with a new session"
            )
    return tuple(collected[one] for one in statics)


def _check_belongs(
    session: DkgSession, paper: RoundOne | RoundTwo | Confirmation, what: str, certificate_sha256: str | None
) -> None:
    if isinstance(paper, Confirmation):
        if paper.certificate_sha256 != certificate_sha256:
            raise CeremonyRefusedError(f"{what} is for another certificate: take the right file")
    elif paper.session_sha256 != papers.sha256_of(session):
        raise CeremonyRefusedError(
            f"{what} belongs to session {papers.groups(paper.session_sha256)}, this is "
            f"{papers.groups(papers.sha256_of(session))}: messages of an old session are never used again; take the "
            "new one"
        )


def _blame(session: DkgSession, error: CeremonyError) -> NoReturn:
    """Say who is to blame by name, and what to do."""
    who = ""
    if error.participant is not None and 1 <= error.participant <= len(session.trustees):
        who = f"participant {error.participant} is trustee {session.trustees[error.participant - 1].id!r}. "
    if isinstance(error, BadShareError):
        evidence = f"The share that shows it: {error.share.hex()} for participant {error.recipient}. "
    elif isinstance(error, DecryptionFailedError):
        evidence = (
            "The message is signed by its sender: it was made so, not altered on the way (others have only your "
            "word for it). "
        )
    else:
        evidence = ""
    raise CeremonyRefusedError(f"{error}. {who}{evidence}{_AGAIN}") from error
