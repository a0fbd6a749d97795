"""Plans and manifests as people read them before they put their name to them."""

from collections import Counter
from collections.abc import Iterable, Iterator

from msgspec import UnsetType

from center.ceremony import papers
from center.ceremony.plan import Member, Plan
from crypto import codec
from crypto.notes import CosignatureVerifier, NoteVerifier
from crypto.statements import ElectionKey, EnrolledKey, Manifest, Official, Schedule

_OPENINGS = {
    "trustees": "trustees: the private key exists nowhere",
    "slip39": "PLAN B, slip39: whoever brings the shares together has the whole key in one machine",
    "single-key": "SINGLE KEY, for rehearsals only: whoever has the file opens alone",
}


def plan_lines(plan: Plan) -> Iterator[str]:
    """What a plan says; its fingerprint is for the caller to print."""
    yield f"election {plan.election}, round {plan.round}, manifest version {plan.version}, election key {plan.kid}"
    yield from _supersedes(plan.supersedes)
    yield f"opening: {_OPENINGS[plan.opening]}"
    yield f"  any {plan.trustees.threshold} of {_members(plan.trustees.members)}"
    yield f"manifest: any {plan.manifest_keys.threshold} of {_members(plan.manifest_keys.members)}"
    yield f"commissioners: {_members(plan.commissioners) or 'none'}"
    yield f"log {plan.log}; {plan.witnesses.m} of {len(plan.witnesses.names)} witnesses: " + (
        ", ".join(plan.witnesses.names) or "none"
    )
    yield from _schedule(plan.schedule)
    for contest in plan.contests:
        yield f"contest {contest.id}: {len(contest.candidates)} candidates"
    yield f"{len(plan.branches)} branches, {len(plan.officials)} officials"


def manifest_lines(manifest: Manifest, sha256: str, *, everything: bool = False) -> Iterator[str]:
    """What a manifest says, with the keys of those few whom people can compare; ``everything`` adds the branches."""
    yield f"MANIFEST of election {manifest.election}, round {manifest.round}, version {manifest.version}"
    yield f"fingerprint: {papers.groups(sha256, 64)}"
    yield from _supersedes(manifest.supersedes)
    yield f"issued at {manifest.issued_at}"
    yield from _schedule(manifest.schedule)
    yield from _election_key(manifest.election_key)
    yield "commissioners:"
    yield from _keys(manifest.commissioners)
    yield f"log {_vkey(NoteVerifier(manifest.log.vkey))}"
    policy = manifest.witness_policy
    yield f"witnesses: {policy.m} of {len(policy.witnesses)} must vouch"
    yield from (f"  {_vkey(CosignatureVerifier(vkey))}" for vkey in policy.witnesses)
    yield "brokers: " + (", ".join(f"{one.host}:{one.port}" for one in manifest.endpoints) or "none")
    for contest in manifest.contests:
        blank = ", blank ballots counted" if contest.blank else ""
        yield f"contest {contest.id} ({contest.title}): {len(contest.candidates)} candidates{blank}"
        if everything:
            yield from (f"  {one.code}  {one.name}" for one in contest.candidates)
    yield (
        f"{len(manifest.branches)} branches, {len(manifest.terminals)} terminals, {len(manifest.devices)} devices, "
        f"{len(manifest.officials)} officials "
        f"({_counted(one.body for one in manifest.officials)})"
    )
    if everything:
        yield from _branches(manifest)


def _supersedes(sha256: str | UnsetType) -> Iterator[str]:
    if isinstance(sha256, str):
        yield f"supersedes manifest {papers.groups(sha256, 64)}: what branches seal under that one may still count"


def _branches(manifest: Manifest) -> Iterator[str]:
    for branch in manifest.branches:
        yield (
            f"  {branch.id} ({branch.name}): device {', '.join(branch.all_devices)}; terminals "
            f"{', '.join(branch.all_terminals)}; officials {', '.join(branch.officials)}; ballot style {branch.style}"
        )
    for what, keys in (
        ("terminals", manifest.terminals),
        ("devices", manifest.devices),
        ("officials", manifest.officials),
    ):
        yield f"keys of {what}:"
        yield from _keys(keys)


def _election_key(key: ElectionKey) -> Iterator[str]:
    yield f"election key {key.kid}, fingerprint {papers.fingerprint(codec.unb64(key.public_key))}"
    yield f"opening: {_OPENINGS[key.opening]}"
    if key.board is not None:
        yield f"  any {key.board.threshold} of these {len(key.board.trustees)} open:"
        for one in key.board.trustees:
            share = papers.fingerprint(codec.unb64(one.verification_share))
            yield f"  {one.id} ({one.body}), verification share {share}"
    if key.escrow is not None:
        yield f"  any {key.escrow.threshold} of {key.escrow.shares} shares restore it"


def _schedule(schedule: Schedule) -> Iterator[str]:
    yield f"poll opens {schedule.open_not_before}, closes {schedule.close_not_before} at the earliest"
    yield f"tallies from {schedule.tally_not_before}, opened from {schedule.opening_not_before} at the earliest"


def _keys(members: Iterable[EnrolledKey | Official]) -> Iterator[str]:
    for one in members:
        body = f" ({one.body})" if isinstance(one, Official) else ""
        yield f"  {one.id}{body}, key {papers.fingerprint(codec.unb64(one.public_key))}"


def _vkey(verifier: NoteVerifier) -> str:
    return f"{verifier.name}, key {papers.fingerprint(verifier.public)}"


def _members(members: Iterable[Member]) -> str:
    return ", ".join(f"{one.id} ({one.body})" for one in members)


def _counted(bodies: Iterable[str]) -> str:
    return ", ".join(f"{number} of {body}" for body, number in sorted(Counter(bodies).items())) or "none"
