"""New manifests at a kit: who may sign one, what one must hold to be adopted here, and where it is kept.

The file is durable before the fact ManifestAdopted is, and its name says its version: whatever is cut off in between,
the kit goes on under the manifest that its journal names, and that one is on the disk.
"""

import contextlib
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from crypto import election_key_rules
from crypto import manifest as manifests
from crypto.codec import unb64
from crypto.errors import EncodingError, EvidenceError
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from kit.config import Config, ConfigError
from kit.facts import ManifestAdopted
from kit.journal import Journal, read_fact
from kit.journal_signed import JOURNAL_FILE

_FILE: Final = re.compile(r"manifest-([0-9]{1,10})\.dsse\.json")
_ADOPTED: Final = b'"fact":"manifest-adopted"'


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


def file_of(state_dir: Path, version: int) -> Path:
    """Where a manifest that was adopted is kept."""
    return state_dir / f"manifest-{version}.dsse.json"


def newest_in(state_dir: Path) -> Path | None:
    """The file of the greatest version in a state directory, None where there is none, or none to be seen."""
    found = _files(state_dir)
    return found[max(found)] if found else None


def forget_unadopted(state_dir: Path, adopted: ManifestAdopted | None) -> None:
    """Remove what was kept and then, for want of power or since the polls began, not adopted."""
    for version, path in _files(state_dir).items():
        if adopted is None or version > adopted.version:
            with contextlib.suppress(OSError):
                path.unlink()


def _files(state_dir: Path) -> dict[int, Path]:
    try:
        return {int(match[1]): path for path in state_dir.iterdir() if (match := _FILE.fullmatch(path.name))}
    except OSError:
        return {}


def keep(state_dir: Path, version: int, data: bytes) -> None:
    """Write a manifest whole, synced, name and all; raises OSError."""
    path = file_of(state_dir, version)
    unfinished = path.with_suffix(".unfinished")
    try:
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
        descriptor = os.open(state_dir, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise


def adopted_in(state_dir: Path, vfs: str | None) -> ManifestAdopted | None:
    """The newest manifest that the journal adopted, None where it goes on under the one that it began with.

    Raises:
        JournalError, JournalUnavailableError: as Journal.
    """
    path = state_dir / JOURNAL_FILE
    if vfs is None and not path.exists():
        return None
    journal = Journal(path, vfs=vfs)
    try:
        body = journal.newest_with(_ADOPTED)
        fact = None if body is None else read_fact(body)
    except EncodingError:
        return None  # the replay, a moment later, says which fact cannot be read
    finally:
        journal.close()
    return fact if isinstance(fact, ManifestAdopted) else None


def load_adopted(config: Config, adopted: ManifestAdopted) -> Path:
    """Where the manifest is that the journal adopted: as it was kept, or as a person laid it.

    Raises:
        ConfigError: it is in neither place.
    """
    kept = file_of(Path(config.state_dir), adopted.version)
    judge = ManifestJudge.of(config)
    for path in (kept, Path(config.manifest)):
        with contextlib.suppress(OSError, EvidenceError):
            if judge.load(path.read_bytes()).sha256 == adopted.manifest_sha256:
                return path
    raise ConfigError(
        f"{kept}: the journal adopted manifest version {adopted.version} ({adopted.manifest_sha256[:16]}), and it is "
        "not there, nor readable, nor where the configuration says: copy that very manifest to one of the two places"
    )
