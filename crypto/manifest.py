"""The manifest: root of trust. Signed by k of n manifest keys, checked against itself, then looked things up in.

What ``load`` refuses, in this order: bytes that are not canonical; fewer than ``threshold`` good signatures, or any
bad one; a version older than one already seen; keys with two roles; whatever ``manifest_rules`` forbids.
"""

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

import msgspec

from crypto import canonical, codec, envelope, manifest_rules
from crypto.envelope import Envelope
from crypto.errors import ManifestError
from crypto.identity import SigningKey, key_id
from crypto.notes import NoteVerifier
from crypto.statements import BallotStyle, BranchEntry, Contest, EnrolledKey, Manifest, Official
from crypto.wire import MANIFEST_MAX, TYPE_MANIFEST

_T = TypeVar("_T")


class TrustedManifest:
    """A manifest that ``load`` believed, with look-ups. Every look-up raises ManifestError naming the unknown id.

    ``manifest`` is the statement, ``sha256`` the hexadecimal SHA-256 of its payload bytes (the fingerprint that
    every other statement carries), ``log_verifier`` the verifier of the log's checkpoints. ``earlier``: the manifests
    before it that the reader goes by too, the newest first (crypto.manifest_chain); none at a branch.
    """

    def __init__(self, manifest: Manifest, sha256: str, earlier: "tuple[TrustedManifest, ...]" = ()) -> None:
        self.manifest: Final = manifest
        self.sha256: Final = sha256
        self.earlier: Final = earlier
        self.log_verifier: Final = NoteVerifier(manifest.log.vkey)
        self.election_public_key: Final = codec.unb64(manifest.election_key.public_key)
        self._contests = {contest.id: contest for contest in manifest.contests}
        self._styles = {style.id: style for style in manifest.ballot_styles}
        self._branches = {branch.id: branch for branch in manifest.branches}
        self._terminals = {terminal.id: terminal for terminal in manifest.terminals}
        self._devices = {device.id: device for device in manifest.devices}
        self._devices_by_key = {_key_id(device): device for device in manifest.devices}
        self._officials = {official.id: official for official in manifest.officials}
        self._definitions: dict[str, str] = {}
        self._contests_of = {
            style.id: tuple(self.contest(contest) for contest in style.contests)
            for style in manifest.ballot_styles
        }
        self.commissioners: Final = {_key_id(one): one for one in manifest.commissioners}
        """Who sign the acts of the centre, by key id."""

    def branch(self, branch_id: str) -> BranchEntry:
        """The branch of this id."""
        return _find(self._branches, branch_id, "branch")

    def style(self, style_id: str) -> BallotStyle:
        """The ballot style of this id."""
        return _find(self._styles, style_id, "ballot style")

    def contest(self, contest_id: str) -> Contest:
        """The contest of this id."""
        return _find(self._contests, contest_id, "contest")

    def terminal_key(self, terminal_id: str) -> bytes:
        """The Ed25519 public key (32 bytes) of this terminal."""
        return codec.unb64(_find(self._terminals, terminal_id, "terminal").public_key)

    def device_key(self, device_id: str) -> bytes:
        """The Ed25519 public key (32 bytes) of this device."""
        return codec.unb64(_find(self._devices, device_id, "device").public_key)

    def device_of_key(self, keyid: str) -> EnrolledKey:
        """The device whose key has this key id."""
        return _find(self._devices_by_key, keyid, "device key")

    def officials_of(self, branch_id: str) -> dict[str, Official]:
        """The officials of a branch, by key id."""
        officials = (self._officials[official] for official in self.branch(branch_id).officials)
        return {_key_id(official): official for official in officials}

    def style_of(self, branch_id: str) -> BallotStyle:
        """The ballot style that a branch counts."""
        return self.style(self.branch(branch_id).style)

    def contests_of(self, branch_id: str) -> tuple[Contest, ...]:
        """The contests that a branch counts, in the order of its ballot style."""
        return self._contests_of[self.style_of(branch_id).id]

    def definition_sha256(self, branch_id: str) -> str:
        """Hexadecimal SHA-256 of the ballot definition of a branch.

        That is of the canonical encoding of ``{"ballot_style": style, "contests": [contests in style order]}``.
        """
        style = self.style_of(branch_id)
        if style.id not in self._definitions:
            definition = {"ballot_style": style, "contests": self.contests_of(branch_id)}
            encoded = canonical.encode(msgspec.to_builtins(definition))
            self._definitions[style.id] = codec.sha256_hex(encoded)
        return self._definitions[style.id]


def load(
    data: bytes, *, trusted: Mapping[str, bytes], threshold: int, not_older_than: int = 0
) -> TrustedManifest:
    """Verify a signed manifest and check it against itself.

    ``trusted`` maps the key ids of the manifest keys to public keys; at least ``threshold`` (1 or more) of them must
    have signed. ``not_older_than`` is the greatest version seen so far: anything older is refused.

    Raises EncodingError, StatementError, SignatureInvalidError (who signed) or ManifestError (what it says).
    """
    envelope_ = Envelope.from_bytes(data, max_bytes=MANIFEST_MAX)
    envelope.verify(envelope_, payload_type=TYPE_MANIFEST, keys=trusted, threshold=threshold)
    manifest = codec.from_bytes(envelope_.payload, Manifest, max_bytes=MANIFEST_MAX)
    if manifest.version < not_older_than:
        raise ManifestError(
            f"manifest version {manifest.version} is older than version {not_older_than}, which was seen here "
            f"before: use the newer one"
        )
    manifest_rules.check(manifest)
    for holder, public in manifest_rules.key_holders(manifest):
        if key_id(public) in trusted:
            raise ManifestError(
                f"the key of {holder!r} is also a manifest key: whoever defines the election holds no other "
                f"role in it; enrol another key"
            )
    return TrustedManifest(manifest, codec.sha256_hex(envelope_.payload))


def sign_manifest(manifest: Manifest, keys: Sequence[SigningKey]) -> bytes:
    """Sign a manifest; returns the envelope bytes that ``load`` reads.

    Raises ManifestError for one that contradicts itself: nobody should put a signature to that.
    """
    manifest_rules.check(manifest)
    return envelope.sign(TYPE_MANIFEST, codec.to_bytes(manifest), keys).to_bytes()


def _key_id(enrolled: EnrolledKey | Official) -> str:
    return key_id(codec.unb64(enrolled.public_key))


def _find(table: Mapping[str, _T], wanted: str, what: str) -> _T:
    found = table.get(wanted)
    if found is None:
        raise ManifestError(
            f"the manifest defines no {what} {wanted!r}: check the id, or fetch the manifest anew"
        )
    return found
