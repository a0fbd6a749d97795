"""The audit of growth: an older publication is the beginning of this one, or the log was rolled back or forked."""

from pathlib import Path

from center.audit.folder import AuditedFolder
from center.audit.log import AuditedLog
from center.audit.record import AuditRecord
from center.publication import layout as publication
from center.publication.published_note import check_note
from crypto.codec import sha256_hex
from crypto.envelope import Envelope
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import named
from crypto.notes import NOTE_MAX
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.wire import ENVELOPE_MAX, MANIFEST_MAX


class GrowthAudit:
    """One comparison of the audited folder with the older publication in ``previous``."""

    def __init__(
        self,
        folder: AuditedFolder,
        record: AuditRecord,
        trusted: TrustedManifest,
        log: AuditedLog,
        previous: Path,
    ) -> None:
        self._folder = folder
        self._record = record
        self._trusted = trusted
        self._log = log
        self._previous = previous

    def audit(self) -> None:
        """The log of the older publication must be the beginning of this one, to the byte."""
        old = self._old_checkpoint()
        if old is None:
            return
        checkpoint, tree = self._log.checkpoint, self._log.tree
        if checkpoint is None or not self._log.tree_holds:
            self._record.unchecked.append(
                "whether the log has only grown: this publication's own checkpoint is at fault"
            )
            return
        if old.size > checkpoint.size or tree.root(old.size) != old.root:
            self._record.fault(
                str(self._previous / publication.CHECKPOINT),
                f"covers {old.size} envelopes with which this log of {checkpoint.size} does not begin: the log was "
                "rolled back or forked; both checkpoints are signed by it: keep both",
            )
            return
        self._compare_manifest()
        self._compare_leaves(old.size)
        self._compare_openings()
        self._record.checked["envelopes of the older publication"] = old.size

    def _old_checkpoint(self) -> SignedCheckpoint | None:
        path = self._previous / publication.CHECKPOINT
        data = self._folder.read_elsewhere(path, NOTE_MAX)
        if data is None:
            return None
        try:
            old, _ = check_note(data.decode("utf-8"), self._trusted)
        except (ProofError, UnicodeDecodeError) as error:
            self._record.fault(str(path), str(error))
            return None
        return old

    def _compare_manifest(self) -> None:
        """The older publication's manifest is this one's, or one that it supersedes."""
        path = self._previous / publication.MANIFEST
        data = self._folder.read_elsewhere(path, MANIFEST_MAX) if path.exists() else None
        if data is None:
            return
        try:
            sha256 = sha256_hex(Envelope.from_bytes(data, max_bytes=MANIFEST_MAX).payload)
        except EvidenceError as error:
            self._record.fault(str(path), str(error))
            return
        if named(self._trusted, sha256) is None:
            self._record.fault(
                str(path),
                f"is manifest {sha256}, which this publication's does not supersede: what counts was decided anew "
                "while the log grew",
            )

    def _compare_leaves(self, size: int) -> None:
        for index in range(size):
            path = self._previous / publication.leaf_name(index)
            before = self._folder.read_elsewhere(path, ENVELOPE_MAX)
            now = self._log.leaves[index]
            if before is not None and now is not None and before != now.data:
                self._record.fault(str(path), "differs from this publication's")

    def _compare_openings(self) -> None:
        for path in sorted((self._previous / publication.OPENINGS).rglob("*.json")):
            name = str(path.relative_to(self._previous))
            of_order = publication.order_number(str(Path(name).parent)) is not None
            if publication.opening_size(name) is None and not of_order:
                continue
            limit = publication.OPENING_MAX
            before = self._folder.read_elsewhere(path, limit)
            if before is not None and before != self._folder.read(name, limit):
                self._record.fault(name, f"is not what {path} says: results were changed or taken back")
