"""New manifests on the disk of a kit: where one is kept, and which one the journal goes by.

The file is durable before the fact ManifestAdopted is, and its name says its version: whatever is cut off in between,
the kit goes on under the manifest that its journal names, and that one is on the disk.
"""

import contextlib
import os
import re
from pathlib import Path
from typing import Final

from crypto.errors import EncodingError, EvidenceError
from kit.config import Config, ConfigError
from kit.facts import Commissioned, Fact, ManifestAdopted
from kit.journal.journal import Journal, read_fact
from kit.journal.signed import JOURNAL_FILE
from kit.manifests.judge import ManifestJudge

_FILE: Final = re.compile(r"manifest-([0-9]{1,10})\.dsse\.json")
_ADOPTED: Final = b'"fact":"manifest-adopted"'
_COMMISSIONED: Final = b'"fact":"commissioned"'


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
    fact = _newest(_ADOPTED, state_dir, vfs)
    return fact if isinstance(fact, ManifestAdopted) else None


def begun_with(state_dir: Path) -> ManifestAdopted | None:
    """The manifest that the journal began with, as if it had been adopted; None where there is no journal yet.

    Raises:
        JournalError, JournalUnavailableError: as Journal.
    """
    fact = _newest(_COMMISSIONED, state_dir, None)
    if not isinstance(fact, Commissioned):
        return None
    return ManifestAdopted(at=fact.at, version=fact.manifest_version, manifest_sha256=fact.manifest_sha256)


def _newest(text: bytes, state_dir: Path, vfs: str | None) -> Fact | None:
    path = state_dir / JOURNAL_FILE
    if vfs is None and not path.exists():
        return None
    journal = Journal(path, vfs=vfs)
    try:
        body = journal.newest_with(text)
        return None if body is None else read_fact(body)
    except EncodingError:
        return None  # the replay, a moment later, says which fact cannot be read
    finally:
        journal.close()


def laid_instead(config: Config, begun: ManifestAdopted) -> tuple[Path, bytes] | None:
    """Where the kept manifest is that the journal began with, and the newer one that somebody laid in its place.

    None where nobody did, where it is of another poll (the journal is foreign then), or none is kept.
    """
    kept, judge = file_of(Path(config.state_dir), begun.version), ManifestJudge.of(config)
    try:
        laid, first = Path(config.manifest).read_bytes(), kept.read_bytes()
        if laid == first:
            return None
        new, old = judge.load(laid), judge.load(first)
    except (OSError, EvidenceError):
        return None
    its, mine = new.manifest, old.manifest
    newer = its.version > mine.version and (its.election, its.round) == (mine.election, mine.round)
    return (kept, laid) if newer and old.sha256 == begun.manifest_sha256 else None


def keep_first(state_dir: Path, version: int, source: Path) -> None:
    """Keep the manifest that a journal begins with, for whoever lays a newer one over it; no room is no harm."""
    with contextlib.suppress(OSError):
        if not file_of(state_dir, version).exists():
            keep(state_dir, version, source.read_bytes())


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
