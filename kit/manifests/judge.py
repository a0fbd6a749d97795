"""Whose manifests count here, and what a newer one must hold to take the place of the present one. No disk."""

from collections.abc import Mapping
from dataclasses import dataclass

from crypto import election_key_rules
from crypto import manifest as manifests
from crypto.codec import unb64
from crypto.errors import EvidenceError
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from kit.config import Config


class ManifestRefusedError(Exception):
    """A manifest that this kit cannot adopt; the message says why, and what to do."""


class NotNewerError(ManifestRefusedError):
    """A manifest that this kit has, or one before it: what the centre repeats to all."""


@dataclass(frozen=True, slots=True)
class ManifestJudge:
    """Whose signatures count (``keys`` by key id, ``threshold`` of them), and the ``terminals`` that are connected."""

    keys: Mapping[str, bytes]
    threshold: int
    rehearsal: bool
    terminals: frozenset[str]

    @classmethod
    def of(cls, config: Config) -> "ManifestJudge":
        """As a configuration says; raises EvidenceError for keys that are none."""
        keys = {key_id(unb64(key)): unb64(key) for key in config.trust.manifest_keys}
        terminals = frozenset(line.id for line in config.terminals)
        return cls(keys, config.trust.threshold, config.rehearsal, terminals)

    def load(self, data: bytes) -> TrustedManifest:
        """Verify a manifest as at the start of the daemon; raises EvidenceError."""
        manifest = manifests.load(data, trusted=self.keys, threshold=self.threshold)
        election_key_rules.check_holders(manifest.manifest, rehearsal=self.rehearsal)
        return manifest

    def check_newer(self, data: bytes, now: TrustedManifest, branch: str, device: str) -> TrustedManifest:
        """The manifest that may take the place of ``now`` at this kit.

        Raises:
            ManifestRefusedError: it is not signed as it must be, is of another poll, not newer, or has no place for
                this branch, this device under its key, or a terminal that is connected.
            NotNewerError: as before, where that is all.
        """
        try:
            new = self.load(data)
        except EvidenceError as error:
            raise ManifestRefusedError(f"the manifest is refused: {error}") from error
        old, it = now.manifest, new.manifest
        if (it.election, it.round) != (old.election, old.round):
            raise ManifestRefusedError(
                f"the manifest is of election {it.election} round {it.round}, this kit serves {old.election} round "
                f"{old.round}: another poll needs an empty state directory"
            )
        if it.version <= old.version:
            raise NotNewerError(
                f"the manifest is of version {it.version}; this kit has version {old.version} already"
            )
        try:
            self._check_place(new, now, branch, device)
        except EvidenceError as error:
            raise ManifestRefusedError(f"the manifest (version {it.version}) is refused: {error}") from error
        return new

    def _check_place(self, new: TrustedManifest, now: TrustedManifest, branch: str, device: str) -> None:
        entry, what = new.branch(branch), f"the manifest (version {new.manifest.version})"
        if device not in entry.all_devices or (device == entry.device) != (
            device == now.branch(branch).device
        ):
            raise ManifestRefusedError(f"{what} gives this device {device} another place: call the centre")
        if new.device_key(device) != now.device_key(device):
            raise ManifestRefusedError(
                f"{what} has another key for this device {device}: have the centre enrol the key that it has"
            )
        missing = sorted(self.terminals - set(entry.all_terminals))
        if missing:
            raise ManifestRefusedError(
                f"{what} knows no terminal {', '.join(missing)} of branch {branch}: set them aside in kitd.toml first"
            )
