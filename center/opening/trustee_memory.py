"""What a trustee remembers from one evening to the next: the newest checkpoint of the log, and by which manifest.

A log that is shorter, or does not begin with it, was rolled back or forked: then this trustee no longer answers. Nor
does it under a manifest that does not supersede the one it saw: under an older one acts and times are others.
"""

from typing import Annotated, Final, Literal

from msgspec import UNSET, Meta, UnsetType

from center.opening.refusals import ForkedError, MemoryFileError, RolledBackError
from center.publication.published_log import PublishedLog
from crypto import codec
from crypto.consistency import signed_by
from crypto.errors import EvidenceError
from crypto.manifest_chain import named
from crypto.notes import NOTE_MAX
from crypto.statements import Digits, Statement
from crypto.wire import Id, Sha256

MEMORY_MAX: Final = 2 * NOTE_MAX  # bytes of the file


class Memory(Statement, frozen=True, kw_only=True):
    """The file: canonical JSON. ``checkpoint`` is the signed note."""

    type: Literal["trustee-memory"] = "trustee-memory"
    election: Id
    round: Digits
    checkpoint: Annotated[str, Meta(max_length=NOTE_MAX)]
    manifest_sha256: Sha256 | UnsetType = UNSET
    """Left out in files from before there were chains of manifests."""


def remember(published: PublishedLog) -> bytes:
    """The file to keep, once this publication was believed."""
    manifest = published.manifest.manifest
    return codec.to_bytes(
        Memory(
            election=manifest.election,
            round=manifest.round,
            checkpoint=published.note,
            manifest_sha256=published.manifest.sha256,
        )
    )


def check_memory(data: bytes, published: PublishedLog) -> None:
    """Hold a publication against what was seen before.

    Raises:
        MemoryFileError: the file is damaged, or of another election or log.
        RolledBackError, ForkedError: the log is shorter, or another one, or the manifest is not a later one.
    """
    manifest = published.manifest.manifest
    try:
        memory = codec.from_bytes(data, Memory, max_bytes=MEMORY_MAX)
        if (memory.election, memory.round) != (manifest.election, manifest.round):
            raise MemoryFileError(
                f"the memory is of election {memory.election} round {memory.round}: give the file of this one"
            )
        old = signed_by(memory.checkpoint, published.manifest.log_verifier)
    except EvidenceError as error:
        raise MemoryFileError(
            f"the memory cannot be read: {error}: take a copy of it, or ask the other trustees"
        ) from error
    new = published.checkpoint
    if old.size > new.size:
        raise RolledBackError(
            f"this publication has {new.size} leaves; you were shown {old.size} before, signed by the same log. Newer "
            "leaves were left out: get a newer copy, and if there is none, tell the others"
        )
    if published.log.tree.root(old.size) != old.root:
        raise ForkedError(
            f"the first {old.size} leaves are not those that you were shown before; the log signed both: it was "
            "forked. Keep your memory file and this publication as evidence"
        )
    seen = memory.manifest_sha256
    if isinstance(seen, str) and named(published.manifest, seen) is None:
        raise RolledBackError(
            f"you were shown manifest {seen} before, and version {manifest.version} of this publication does not "
            "supersede it: what counts, and when it may be opened, was decided anew. Get another copy, or tell the "
            "others"
        )
