"""A published folder as a trustee's machine reads it: manifest, signed checkpoint, and every leaf under it.

Nothing is believed that does not follow from the manifest keys. Receipts and openings are not looked at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from center.errors import PublicationError, PublicationMissingError
from center.files import UnreadableError, read_whole
from center.opening.logged import Progress, VerifiedLog, verify_log
from center.opening.spread import Spread, here
from center.publication import layout as publication
from center.publication.manifests import read_chain
from crypto.consistency import signed_by
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import NOTE_MAX, Checkpoint
from crypto.wire import ENVELOPE_MAX, MANIFEST_MAX


@dataclass(frozen=True, slots=True)
class PublishedLog:
    """The log of one publication, whole and verified. ``note`` is its checkpoint with the witnesses' lines."""

    folder: Path
    manifest: TrustedManifest
    note: str
    checkpoint: Checkpoint
    log: VerifiedLog


def read_published(
    folder: Path,
    *,
    trusted: Mapping[str, bytes],
    threshold: int,
    progress: Progress | None = None,
    spread: Spread = here,
) -> PublishedLog:
    """Read and verify all leaves up to the checkpoint.

    Raises:
        PublicationMissingError: there is no such folder.
        PublicationError: a file is missing or cannot be read, or the leaves are not what the checkpoint covers.
        EvidenceError: the manifest or the checkpoint is not signed as it has to be.
    """
    if not folder.is_dir():
        raise PublicationMissingError(f"{folder}: no such folder: give what center publish wrote")
    loaded = read_chain(
        read_file(folder, publication.MANIFEST, MANIFEST_MAX),
        lambda name: read_if_there(folder, name, MANIFEST_MAX),
        trusted=trusted,
        threshold=threshold,
    )
    note = read_file(folder, publication.CHECKPOINT, NOTE_MAX).decode("utf-8", "replace")
    try:
        checkpoint = signed_by(note, loaded.log_verifier)
    except ProofError as error:
        raise ProofError(f"{folder / publication.CHECKPOINT}: {error}") from error
    leaves = [
        read_file(folder, publication.leaf_name(index), ENVELOPE_MAX) for index in range(checkpoint.size)
    ]
    log = verify_log(loaded, leaves, progress=progress, spread=spread)
    if log.tree.root() != checkpoint.root:
        raise PublicationError(
            f"{folder}: the {checkpoint.size} leaves are not those that the checkpoint covers: something was changed; "
            "get another copy"
        )
    return PublishedLog(folder, loaded, note, checkpoint, log)


def read_file(folder: Path, name: str, max_bytes: int) -> bytes:
    """Read one file of a publication; raises PublicationError."""
    data = read_if_there(folder, name, max_bytes)
    if data is None:
        raise PublicationError(f"{folder / name}: is missing: get a whole copy of the publication")
    return data


def read_if_there(folder: Path, name: str, max_bytes: int) -> bytes | None:
    """Read one file of a publication, None when there is none; raises PublicationError."""
    try:
        return read_whole(folder / name, max_bytes)
    except UnreadableError as error:
        raise PublicationError(f"{folder / name}: {error}: get another copy") from error
