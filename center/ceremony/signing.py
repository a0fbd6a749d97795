"""The manifest and its signatures: who may sign, and how signatures of several come together."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from center.ceremony import papers
from center.ceremony.errors import CeremonyRefusedError
from crypto import codec, envelope, manifest_rules
from crypto import manifest as manifests
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError
from crypto.identity import key_id
from crypto.key_file import HeldKey
from crypto.manifest import TrustedManifest
from crypto.statements import Manifest
from crypto.wire import MANIFEST_MAX, TYPE_MANIFEST


@dataclass(frozen=True, slots=True)
class Draft:
    """A manifest on its way to being signed: its exact bytes, and the signatures so far (none verified)."""

    manifest: Manifest
    payload: bytes
    signed: Envelope | None

    @property
    def sha256(self) -> str:
        """The fingerprint that every other statement will carry."""
        return codec.sha256_hex(self.payload)


def read_draft(data: bytes, where: str) -> Draft:
    """Read an unsigned manifest, or one with signatures; raises CeremonyRefusedError naming ``where``."""
    try:
        signed = None
        if data.startswith(b'{"payload"'):
            signed = Envelope.from_bytes(data, max_bytes=MANIFEST_MAX)
            if signed.payload_type != TYPE_MANIFEST:
                raise CeremonyRefusedError(
                    f"{where}: holds {signed.payload_type!r}, no manifest: take the right file"
                )
        payload = data if signed is None else signed.payload
        return Draft(codec.from_bytes(payload, Manifest, max_bytes=MANIFEST_MAX), payload, signed)
    except EvidenceError as error:
        raise CeremonyRefusedError(f"{where}: this is no manifest, or a damaged one: {error}") from error


def sign(draft: Draft, key: HeldKey) -> Envelope:
    """Return the envelope with this holder's signature added.

    Raises:
        CeremonyRefusedError: the key is for something else, or its holder has another role in this election.
        ManifestError: the manifest contradicts itself.
    """
    manifest, owner = draft.manifest, key.owner
    if (owner.role, owner.election, owner.round) != ("manifest", manifest.election, manifest.round):
        raise CeremonyRefusedError(
            f"the key of {owner.role} {owner.id!r} for {owner.election!r} round {owner.round} does not sign the "
            f"manifest of {manifest.election!r} round {manifest.round}: take the right file"
        )
    roles = _roles_of(manifest, owner.id)
    if roles:
        raise CeremonyRefusedError(
            f"{owner.id!r} is {roles} in this manifest: whoever defines the election holds no other role in it; "
            "another holder of a manifest key must sign"
        )
    manifest_rules.check(manifest)
    for holder, public in manifest_rules.key_holders(manifest):
        if public == key.public:
            raise CeremonyRefusedError(
                f"the manifest enrols this very key as that of {holder!r}: a manifest key has no other role"
            )
    own = envelope.sign(TYPE_MANIFEST, draft.payload, [key.signing])
    return own if draft.signed is None else _merge(draft.signed, own)


def merge(drafts: Iterable[tuple[str, Draft]]) -> Envelope:
    """Put signatures together, of files by name; raises CeremonyRefusedError when they sign different manifests."""
    merged: Envelope | None = None
    first = ""
    for where, draft in drafts:
        if draft.signed is None:
            raise CeremonyRefusedError(
                f"{where}: is not signed by anybody: take what kit-ceremony manifest sign wrote"
            )
        if merged is not None and merged.payload != draft.payload:
            raise CeremonyRefusedError(
                f"{where}: is another manifest than {first} (fingerprints {papers.groups(draft.sha256)} and "
                f"{papers.groups(codec.sha256_hex(merged.payload))}): all must sign the same bytes"
            )
        first = first or where
        merged = draft.signed if merged is None else _merge(merged, draft.signed)
    if merged is None:
        raise CeremonyRefusedError("no signed manifest is given")
    return merged


def verify(data: bytes, keys: Mapping[str, bytes], threshold: int) -> TrustedManifest:
    """Believe a manifest as every other program would. ``keys``: ids of the holders to public keys.

    Raises CeremonyRefusedError saying who has signed when signatures are too few.
    """
    trusted = {key_id(public): public for public in keys.values()}
    try:
        return manifests.load(data, trusted=trusted, threshold=threshold)
    except SignatureInvalidError as error:
        raise CeremonyRefusedError(f"{error}. {_who(data, keys)}") from error
    except ManifestError as error:
        raise CeremonyRefusedError(str(error)) from error
    except EvidenceError as error:
        raise CeremonyRefusedError(f"this is no signed manifest: {error}") from error


def signers(signed: Envelope, keys: Mapping[str, bytes]) -> list[str]:
    """Names of those whose key id stands on the envelope; a key that is not theirs by its id."""
    names = {key_id(public): name for name, public in keys.items()}
    return [names.get(one.keyid, one.keyid) for one in signed.signatures]


def _who(data: bytes, keys: Mapping[str, bytes]) -> str:
    try:
        signed = Envelope.from_bytes(data, max_bytes=MANIFEST_MAX)
    except EvidenceError:
        return ""
    return f"On it stand the keys of {', '.join(signers(signed, keys))}; manifest keys are held by {', '.join(keys)}"


def _merge(one: Envelope, other: Envelope) -> Envelope:
    try:
        return envelope.merge(one, other)
    except SignatureInvalidError as error:
        raise CeremonyRefusedError(f"these signatures cannot be put together: {error}") from error


def _roles_of(manifest: Manifest, holder: str) -> str:
    board = manifest.election_key.board
    roles = {
        "a trustee": {one.id for one in board.trustees} if board else set(),
        "a commissioner": {one.id for one in manifest.commissioners},
        "an official": {one.id for one in manifest.officials},
    }
    return " and ".join(role for role, ids in roles.items() if holder in ids)
