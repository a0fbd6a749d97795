"""Manifests that follow one another: the same election, signed anew with a change."""

import dataclasses
from collections.abc import Callable

from msgspec import structs

from crypto.codec import b64
from crypto.manifest import TrustedManifest, load
from crypto.manifest_chain import linked
from crypto.statements import Manifest
from tests.center.branch import Center
from tests.center.publication import Office
from tests.crypto.election_fixture import Election, key_of

Change = Callable[[Manifest], Manifest]


def unchanged(manifest: Manifest) -> Manifest:
    return manifest


def signed(old: Election, manifest: Manifest) -> Election:
    """The election under another manifest, which knows of none before it."""
    data = old.sign_unchecked(manifest)
    loaded = load(data, trusted=old.trusted, threshold=old.threshold)
    return dataclasses.replace(old, manifest=manifest, manifest_bytes=data, loaded=loaded)


def newer(old: Election, change: Change = unchanged) -> Election:
    """The election under the next version, which supersedes the old one: as a centre goes by both."""
    following = {"version": old.manifest.version + 1, "supersedes": old.loaded.sha256}
    new = signed(old, structs.replace(change(old.manifest), **following))
    newest = TrustedManifest(old.loaded.manifest, old.loaded.sha256)
    return dataclasses.replace(new, loaded=linked(new.loaded, (newest, *old.loaded.earlier)))


def go_on_under(office: Office, new: Election) -> None:
    """The office takes the newer manifest, and keeps the older one beside it."""
    older = office.election
    name = f"manifest-{older.manifest.version}.dsse.json"
    (office.folder / name).write_bytes(older.manifest_bytes)
    (office.folder / "manifest.dsse.json").write_bytes(new.manifest_bytes)
    names = ", ".join(f'"manifest-{version}.dsse.json"' for version in range(1, new.manifest.version))
    text = office.config.read_text(encoding="utf-8")
    kept = [line for line in text.splitlines() if not line.startswith("earlier_manifests")]
    office.config.write_text("\n".join([f"earlier_manifests = [{names}]", *kept]), encoding="utf-8")
    office.center.close()
    office.center = Center(new, str(office.folder / "state" / "ledger.db"))
    office.election = new


def with_other_key(what: str, whose: str) -> Change:
    """One of ``what`` (devices, terminals, officials, commissioners) has another key; its holder keeps the old one."""

    def change(manifest: Manifest) -> Manifest:
        key = b64(key_of(f"{whose}, enrolled anew").public)
        entries = [
            structs.replace(one, public_key=key) if one.id == whose else one
            for one in getattr(manifest, what)
        ]
        return structs.replace(manifest, **{what: tuple(entries)})

    return change


def moved_to_another_port(manifest: Manifest) -> Manifest:
    """What a newer manifest may well say, and no branch has to hear."""
    endpoint = structs.replace(manifest.endpoints[0], port=manifest.endpoints[0].port + 1)
    return structs.replace(manifest, endpoints=(endpoint,))


def without_branch(branch: str) -> Change:
    """A branch that is no more."""

    def change(manifest: Manifest) -> Manifest:
        kept = tuple(one for one in manifest.branches if one.id != branch)
        return structs.replace(manifest, branches=kept)

    return change


def with_a_candidate_less(manifest: Manifest) -> Manifest:
    """Another ballot for everybody."""
    first, *others = manifest.contests
    return structs.replace(
        manifest, contests=(structs.replace(first, candidates=first.candidates[:-1]), *others)
    )
