"""From a plan, enrolled keys and an election key to the manifest."""

from collections.abc import Iterable, Mapping

from center.ceremony.errors import CeremonyRefusedError
from center.ceremony.plan import Member, Plan
from crypto import codec, manifest_rules
from crypto.errors import EvidenceError
from crypto.notes import CosignatureVerifier, NoteVerifier
from crypto.statements import (
    ElectionKey,
    EnrolledKey,
    LogIdentity,
    Manifest,
    Official,
    WitnessPolicy,
)

Keys = Mapping[tuple[str, str], bytes]
"""Role and id to the public key (32 bytes)."""


def assemble(plan: Plan, keys: Keys, election_key: ElectionKey, issued_at: str) -> Manifest:
    """Return the manifest, checked against itself. ``issued_at`` is RFC 3339 in UTC.

    Raises:
        CeremonyRefusedError: a key that the plan asks for is not enrolled.
        ManifestError: the manifest contradicts itself.
    """
    branches = plan.branches
    manifest = Manifest(
        version=plan.version,
        election=plan.election,
        round=plan.round,
        issued_at=issued_at,
        contests=plan.contests,
        ballot_styles=plan.ballot_styles,
        branches=branches,
        terminals=_enrolled(keys, "terminal", (one for branch in branches for one in branch.all_terminals)),
        devices=_enrolled(keys, "device", (one for branch in branches for one in branch.all_devices)),
        officials=_people(keys, "official", plan.officials),
        commissioners=_people(keys, "commissioner", plan.commissioners),
        election_key=election_key,
        log=LogIdentity(vkey=_vkey(keys, "log", plan.log, NoteVerifier)),
        witness_policy=WitnessPolicy(
            m=plan.witnesses.m,
            witnesses=tuple(_vkey(keys, "witness", one, CosignatureVerifier) for one in plan.witnesses.names),
        ),
        endpoints=plan.endpoints,
        schedule=plan.schedule,
        supersedes=plan.supersedes,
    )
    manifest_rules.check(manifest)
    return manifest


def _enrolled(keys: Keys, role: str, ids: Iterable[str]) -> tuple[EnrolledKey, ...]:
    return tuple(EnrolledKey(id=one, public_key=codec.b64(_key(keys, role, one))) for one in ids)


def _people(keys: Keys, role: str, members: Iterable[Member]) -> tuple[Official, ...]:
    return tuple(
        Official(id=one.id, body=one.body, public_key=codec.b64(_key(keys, role, one.id))) for one in members
    )


def _key(keys: Keys, role: str, one: str) -> bytes:
    if (role, one) not in keys:
        raise CeremonyRefusedError(
            f"{role} {one!r} of the plan is not enrolled: run kit-ceremony key new --role {role} --id {one}, and "
            "kit-ceremony enrol with the request"
        )
    return keys[role, one]


def _vkey(keys: Keys, role: str, name: str, verifier: type[NoteVerifier]) -> str:
    """The verifier key of a log or witness: given whole in the plan, or made of the name and the enrolled key."""
    if "+" in name:
        return name
    try:
        return verifier.vkey_of(name, _key(keys, role, name))
    except EvidenceError as error:
        raise CeremonyRefusedError(f"the {role} {name!r}: {error}") from error
