"""Who is enrolled with which key. A request is believed for its proof of possession; for whose it is, people vouch."""

from collections.abc import Iterable
from dataclasses import dataclass

from center.ceremony import papers
from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.papers import Enrolment, EnrolmentList
from center.ceremony.plan import Plan, seats
from crypto import codec, identity
from crypto.edwards import check_point
from crypto.errors import EncodingError, SignatureInvalidError
from crypto.key_file import HeldKey
from crypto.trustee_errors import GroupElementError


@dataclass(frozen=True, slots=True)
class Register:
    """The accepted requests, and the seats of the plan (role, id) that nobody has asked for yet."""

    list: EnrolmentList
    missing: tuple[tuple[str, str], ...]

    @property
    def keys(self) -> dict[tuple[str, str], bytes]:
        """Role and id to the public key."""
        return {(one.role, one.id): codec.unb64(one.public_key) for one in self.list.enrolments}


def request(key: HeldKey, body: str | None) -> Enrolment:
    """Return the signed request to be enrolled with this key; raises CeremonyRefusedError."""
    paper = Enrolment(
        election=key.owner.election,
        round=key.owner.round,
        role=key.owner.role,
        id=key.owner.id,
        body=body,
        public_key=codec.b64(key.public),
    )
    return papers.sign(paper, key)


def register(plan: Plan, requests: Iterable[tuple[str, Enrolment]]) -> Register:
    """Verify requests, each with the file that it came in; the same one twice counts once.

    Raises CeremonyRefusedError naming file and holder: another election or round, nobody of the plan, a proof that does
    not hold, two keys for one seat, one key for two.
    """
    wanted = seats(plan)
    accepted: dict[tuple[str, str], Enrolment] = {}
    holders: dict[str, Enrolment] = {}
    for where, paper in requests:
        _check(plan, wanted, paper, where)
        seat = (paper.role, paper.id)
        first = accepted.setdefault(seat, paper)
        if first.public_key != paper.public_key:
            raise CeremonyRefusedError(
                f"{where}: a second key for {paper.role} {paper.id!r}: ask whose is right, comparing fingerprints "
                f"({_said(first)} and {_said(paper)}), and take the other file away"
            )
        other = holders.setdefault(paper.public_key, paper)
        if (other.role, other.id) != seat:
            raise CeremonyRefusedError(
                f"{where}: {paper.role} {paper.id!r} has the key of {other.role} {other.id!r}: every key has one "
                "holder and one role; make another key"
            )
    ordered = tuple(accepted[seat] for seat in wanted if seat in accepted)
    papers_ = EnrolmentList(election=plan.election, round=plan.round, enrolments=ordered)
    return Register(papers_, tuple(seat for seat in wanted if seat not in accepted))


def _check(plan: Plan, wanted: dict[tuple[str, str], str | None], paper: Enrolment, where: str) -> None:
    if (paper.election, paper.round) != (plan.election, plan.round):
        raise CeremonyRefusedError(
            f"{where}: asks to be enrolled in election {paper.election!r} round {paper.round}; this is "
            f"{plan.election!r} round {plan.round}: make a new key for it"
        )
    seat = (paper.role, paper.id)
    if seat not in wanted:
        raise CeremonyRefusedError(
            f"{where}: the plan knows no {paper.role} {paper.id!r}: correct the id or the plan"
        )
    if paper.body != wanted[seat]:
        raise CeremonyRefusedError(
            f"{where}: {paper.role} {paper.id!r} asks to be enrolled for {paper.body!r}; the plan says "
            f"{wanted[seat]!r}: correct either"
        )
    try:
        public = codec.unb64(paper.public_key)
        check_point(public, "the key") if paper.role == "trustee" else identity.check_public(public)
    except (EncodingError, GroupElementError, SignatureInvalidError) as error:
        raise CeremonyRefusedError(f"{where}: the key of {paper.role} {paper.id!r}: {error}") from error
    if not papers.is_signed(paper, public, paper.role):
        raise CeremonyRefusedError(
            f"{where}: the request of {paper.role} {paper.id!r} is not signed with its own key: it was altered on "
            "the way, or its author does not hold the key; ask for it again, in person"
        )


def _said(paper: Enrolment) -> str:
    return papers.fingerprint(codec.unb64(paper.public_key))
