"""What a plan must satisfy, so that nobody notices on the day of the ceremony. The first broken rule is named."""

import re
from collections import Counter
from hashlib import sha256
from typing import Final

from center.ceremony import assembling
from center.ceremony.errors import CeremonyRefusedError, PlanError
from center.ceremony.plan import Plan, Quorum, people, seats
from crypto import codec, hpke
from crypto.errors import EvidenceError
from crypto.identity import SigningKey
from crypto.key_file import HOLDER_PATTERN
from crypto.statements import ElectionKey

ESCROW_SHARES_MAX: Final = 16  # SLIP-39 shares of one group


def check(plan: Plan) -> None:
    """Raise PlanError for the first rule that the plan breaks."""
    _check_trustees(plan)
    _check_manifest_keys(plan)
    _check_people(plan)
    _check_names(plan)
    _check_manifest(plan)


def separate_people(plan: Plan) -> None:
    """Raise PlanError when a holder of a manifest key holds another role: nobody defines an election he serves in."""
    definers = {one.id for one in plan.manifest_keys.members}
    for role, one in people(plan):
        if role != "manifest" and one.id in definers:
            raise PlanError(
                f"{one.id!r} holds a manifest key and is {role}: manifest keys are held by other people; name another"
            )


def check_trustees(trustees: Quorum) -> None:
    """Raise PlanError unless one person or body can neither open alone nor, with few others, prevent the opening."""
    threshold = trustees.threshold
    seats_min = 2 * threshold - 1
    if threshold < 2:  # noqa: PLR2004 - two is the least that is not one
        raise PlanError("trustees.threshold = 1: one person must not open alone; take at least 2")
    if len(trustees.members) < seats_min:
        raise PlanError(
            f"{threshold} of {len(trustees.members)} trustees: name at least {seats_min}, so that {threshold - 1} who "
            "refuse or lose their share cannot prevent the opening"
        )
    _check_quorum(trustees, "trustees", "open")


def _check_trustees(plan: Plan) -> None:
    trustees = plan.trustees
    check_trustees(trustees)
    if plan.opening == "slip39" and len(trustees.members) > ESCROW_SHARES_MAX:
        raise PlanError(f"{len(trustees.members)} SLIP-39 shares: at most {ESCROW_SHARES_MAX}")
    if plan.opening == "trustees" and not (plan.witnesses.m and plan.commissioners):
        raise PlanError(
            "trustees answer only for orders that commissioners signed and witnesses saw in time: name commissioners "
            "of two bodies and at least one witness (m = 1)"
        )


def _check_manifest_keys(plan: Plan) -> None:
    keys = plan.manifest_keys
    if keys.threshold > len(keys.members):
        raise PlanError(
            f"{keys.threshold} of {len(keys.members)} manifest keys can never sign: name more holders or lower it"
        )
    _check_quorum(keys, "manifest_keys", "sign the manifest")


def _check_quorum(quorum: Quorum, where: str, act: str) -> None:
    ids = [one.id for one in quorum.members]
    for one in ids:
        if ids.count(one) > 1:
            raise PlanError(f"{one!r} stands twice among {where}: each person counts once")
    body, members = Counter(one.body for one in quorum.members).most_common(1)[0]
    if members >= quorum.threshold:
        raise PlanError(
            f"{where}: {members} members stand for {body!r}, and {quorum.threshold} {act}: no body may do so alone; "
            "name people of other bodies or raise the threshold"
        )


def _check_people(plan: Plan) -> None:
    separate_people(plan)
    for where, members in (("commissioners", plan.commissioners), ("officials", plan.officials)):
        ids = Counter(one.id for one in members)
        for one, times in ids.items():
            if times > 1:
                raise PlanError(f"{one!r} stands twice among {where}: an id means one person")


def _check_names(plan: Plan) -> None:
    for name in (plan.log, *plan.witnesses.names):
        if "+" not in name and not re.fullmatch(HOLDER_PATTERN, name):
            raise PlanError(
                f"{name!r} is no name of a log or witness: take a URL without its scheme, such as log.example/demo"
            )


def _check_manifest(plan: Plan) -> None:
    """Make the manifest that would be, with keys that belong to nobody, and look whether it makes sense."""
    stand_ins = {seat: _stand_in(*seat) for seat in seats(plan)}
    key = ElectionKey(
        kid=plan.kid, public_key=codec.b64(hpke.x25519_public(bytes(range(32)))), opening="single-key"
    )
    try:
        assembling.assemble(plan, stand_ins, key, "2000-01-01T00:00:00Z")
    except (EvidenceError, CeremonyRefusedError) as error:
        raise PlanError(f"the manifest of this plan would be refused: {error}") from error


def _stand_in(role: str, one: str) -> bytes:
    return SigningKey.from_seed(sha256(f"stand-in for {role} {one}".encode()).digest()).public
