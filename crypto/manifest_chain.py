"""A chain of manifests: a centre goes by the newest, and reads what was made under those before it.

The signers decide: a newer manifest names the one that it ``supersedes`` by its fingerprint. What was made under an
earlier one is read by that one, and believed where the newest says the same of whoever made it and of how it is read.
Whatever the newest withdrew speaks no more; what it added takes nothing away.
"""

import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from crypto.errors import ManifestError
from crypto.manifest import TrustedManifest
from crypto.statements import BranchEntry, EnrolledKey, Submission

EARLIER_MAX: Final = 15  # manifests before the newest
PREFIX_BYTES: Final = 4  # by so much of their fingerprints carriers tell manifests apart (crypto.carrier)


def linked(newest: TrustedManifest, earlier: Sequence[TrustedManifest]) -> TrustedManifest:
    """The newest manifest, with those before it in whatever order they are given; each is verified by itself already.

    All of them, down to the one that supersedes none: without one of them branches would be refused that may speak, and
    opened would be before its time.

    Raises ManifestError naming the two that do not follow one another, and why, or the one that is missing.
    """
    if len(earlier) > EARLIER_MAX:
        raise ManifestError(f"{len(earlier)} earlier manifests: at most {EARLIER_MAX} make a chain")
    chain = sorted(earlier, key=lambda one: one.manifest.version, reverse=True)
    for newer, older in zip([newest, *chain], chain, strict=False):
        _check_link(newer, older)
    oldest = [newest, *chain][-1]
    if isinstance(oldest.manifest.supersedes, str):
        raise ManifestError(
            f"manifest version {oldest.manifest.version} ({oldest.sha256[:16]}) supersedes "
            f"{oldest.manifest.supersedes[:16]}, which is missing: give every manifest of the chain"
        )
    prefixes = {one.sha256[: 2 * PREFIX_BYTES] for one in (newest, *chain)}
    if len(prefixes) <= len(chain):
        raise ManifestError(
            "two manifests of the chain have fingerprints that begin alike: give the newest another issued_at, and "
            "have it signed anew"
        )
    return TrustedManifest(newest.manifest, newest.sha256, tuple(chain))


def manifest_of(
    newest: TrustedManifest, sha256: str, *, branch: str, device: str, terminal: str | None = None
) -> TrustedManifest:
    """The manifest of the chain by which something of a branch is read; the newest where ``sha256`` is none of them.

    Raises ManifestError where the newest says otherwise of its branch, device or terminal: what differs, what to do.
    """
    was = named(newest, sha256)
    if was is None or was is newest:
        return newest
    differing = next(_differences(was, newest, branch, device, terminal), None)
    if differing is None:
        return was
    raise ManifestError(
        f"made under manifest version {was.manifest.version}, and in version {newest.manifest.version} {differing}: "
        f"nothing of it is taken. Keep it; whoever signs manifests decides, by one that supersedes version "
        f"{newest.manifest.version} and lets it stand"
    )


def manifest_of_submission(newest: TrustedManifest, submission: Submission) -> TrustedManifest:
    """``manifest_of`` for an envelope of a branch device."""
    return manifest_of(
        newest,
        submission.manifest_sha256,
        branch=submission.branch,
        device=submission.device,
        terminal=submission.terminal,
    )


def manifest_of_act(newest: TrustedManifest, sha256: str) -> TrustedManifest:
    """The manifest of the chain under which an act was made; the newest where ``sha256`` is none of them."""
    return named(newest, sha256) or newest


def named(newest: TrustedManifest, sha256: str) -> TrustedManifest | None:
    """The manifest of the chain with this fingerprint, or with one that begins so; None where there is none."""
    return next((one for one in (newest, *newest.earlier) if one.sha256.startswith(sha256)), None)


def device_of_key(newest: TrustedManifest, keyid: str) -> EnrolledKey:
    """The device whose key has this key id; raises ManifestError, with other words for a key that was withdrawn."""
    try:
        return newest.device_of_key(keyid)
    except ManifestError:
        withdrawn = next(_holders(newest, lambda one: one.device_of_key(keyid)), None)
        if withdrawn is None:
            raise
    raise ManifestError(_withdrawn(newest, f"device {withdrawn.id!r}"))


def withdrawn_commissioner(newest: TrustedManifest, keyids: Sequence[str]) -> str | None:
    """Why an act with signatures of these keys is not taken, where one of them is of a commissioner of old."""
    for keyid in keyids:
        if keyid not in newest.commissioners:
            for one in newest.earlier:
                if keyid in one.commissioners:
                    return _withdrawn(newest, f"commissioner {one.commissioners[keyid].id!r}")
    return None


def withdrawals(newest: TrustedManifest) -> Iterator[str]:
    """What the newest says otherwise than an earlier one, so that a branch that opened under that would be refused."""
    for was in newest.earlier:
        for branch in was.manifest.branches:
            found: dict[str, None] = {}
            for device, terminal in itertools.zip_longest(branch.all_devices, branch.all_terminals):
                first = branch.device if device is None else device
                found |= dict.fromkeys(_differences(was, newest, branch.id, first, terminal))
            yield from (f"version {was.manifest.version}: {one}" for one in found)


def _withdrawn(newest: TrustedManifest, whom: str) -> str:
    return (
        f"the key of {whom} was withdrawn: an earlier manifest has it, and version {newest.manifest.version} has not. "
        "What it signs is not taken any more"
    )


def _check_link(newer: TrustedManifest, older: TrustedManifest) -> None:
    new, old = newer.manifest, older.manifest
    what = f"manifest version {new.version} ({newer.sha256[:16]})"
    before = f"version {old.version} ({older.sha256[:16]})"
    if new.version <= old.version:
        raise ManifestError(
            f"{what} is not newer than {before}: each manifest of a chain has a version of its own"
        )
    if new.supersedes != older.sha256:
        said = f"names {new.supersedes[:16]}" if isinstance(new.supersedes, str) else "names none"
        raise ManifestError(
            f"{what} does not supersede {before}, it {said}: give every manifest of the chain, or have a newest one "
            "signed that names the one before it"
        )
    for name, same in (
        ("election", new.election == old.election),
        ("round", new.round == old.round),
        ("log", new.log == old.log),
        ("witness policy", new.witness_policy == old.witness_policy),
        ("election key", new.election_key == old.election_key),
    ):
        if not same:
            raise ManifestError(
                f"{what} has another {name} than {before}: receipts and tallies of the one would not hold under the "
                "other; a chain keeps them"
            )


def _differences(
    was: TrustedManifest, now: TrustedManifest, branch: str, device: str, terminal: str | None
) -> Iterator[str]:
    """What the two say otherwise of who may speak for a branch here, and of how its count is read."""
    old = was.branch(branch)
    new = _found(lambda: now.branch(branch))
    if new is None:
        yield f"there is no branch {branch!r}"
        return
    if was.definition_sha256(branch) != now.definition_sha256(branch):
        yield f"the ballot of branch {branch!r} (style, contests, candidates) is another one"
    if not _stays(device, old.all_devices, new.all_devices, was.device_key, now.device_key):
        yield f"device {device!r} of branch {branch!r} is withdrawn or has another key"
    if terminal is not None and not _stays(
        terminal, old.all_terminals, new.all_terminals, was.terminal_key, now.terminal_key
    ):
        yield f"terminal {terminal!r} of branch {branch!r} is withdrawn or has another key"
    officials = now.officials_of(branch)
    for keyid, official in was.officials_of(branch).items():
        if officials.get(keyid) != official:
            yield f"official {official.id!r} of branch {branch!r} is withdrawn, or has another key or body"


def _stays(
    one: str,
    before: Sequence[str],
    after: Sequence[str],
    key_before: Callable[[str], bytes],
    key_after: Callable[[str], bytes],
) -> bool:
    """Whether an id that belonged to a branch still does, with its key; whether it ever did is asked elsewhere."""
    return one not in before or (one in after and key_before(one) == key_after(one))


def _found(look_up: Callable[[], BranchEntry]) -> BranchEntry | None:
    try:
        return look_up()
    except ManifestError:
        return None


def _holders(
    newest: TrustedManifest, look_up: Callable[[TrustedManifest], EnrolledKey]
) -> Iterator[EnrolledKey]:
    for one in newest.earlier:
        try:
            yield look_up(one)
        except ManifestError:
            continue
