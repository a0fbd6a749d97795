"""The audit of promises: what the log gave to branches, held against the publication. None of it may be broken.

A folder by itself cannot show what was left out of it. Who holds a receipt or an acknowledgement can: it is signed by
the log, and what it was given for is in the publication, or the log lied to somebody.
"""

from collections.abc import Sequence
from pathlib import Path

from center.audit.folder import AuditedFolder
from center.audit.log import AuditedLog
from center.audit.record import AuditRecord
from crypto import acknowledgement, codec, consistency, notes, receipt
from crypto.errors import ProofError
from crypto.manifest import TrustedManifest
from crypto.wire import RECEIPT_MAX


class PromiseAudit:
    """One comparison of the publication with receipts and acknowledgements, a file each, as branches hold them."""

    def __init__(
        self,
        folder: AuditedFolder,
        record: AuditRecord,
        trusted: TrustedManifest,
        log: AuditedLog,
        promises: Sequence[Path],
    ) -> None:
        self._folder = folder
        self._record = record
        self._log = log
        self._verifier = trusted.log_verifier
        self._policy = trusted.manifest.witness_policy
        self._promises = promises

    def audit(self) -> None:
        """Every promise must be kept: its envelope is a leaf, and its checkpoint one that this log grew from."""
        if self._promises and not self._log.tree_holds:
            self._record.unchecked.append(
                "whether promises were kept: this publication's own log is at fault"
            )
            return
        data = [leaf.data for leaf in self._log.leaves if leaf is not None]
        leaves = {codec.sha256_hex(one): one for one in data}
        kept = 0
        for path in self._promises:
            text = self._folder.read_elsewhere(path, RECEIPT_MAX)
            if text is None:
                continue
            try:
                problem = self._broken(text.decode("utf-8"), leaves)
            except (ProofError, UnicodeDecodeError) as error:
                problem = f"is no promise of this log: {error}"
            if problem is None:
                kept += 1
            else:
                self._record.fault(str(path), problem)
        if self._promises:
            self._record.checked["promises to branches"] = kept

    def _broken(self, text: str, leaves: dict[str, bytes]) -> str | None:
        """What is wrong, None when the promise is kept; raises ProofError for what the log has not signed."""
        if acknowledgement.is_acknowledgement(text):
            notes.verify_note(text, [self._verifier])
            digest = acknowledgement.envelope_sha256_of(text)
            if digest not in leaves:
                return self._omitted(digest)
            acknowledgement.verify(text, leaves[digest], log=self._verifier)
            return None
        head = consistency.signed_by(receipt.parse_unverified(text).note, self._verifier)
        digest = receipt.envelope_sha256_of(text)
        if head.size <= self._log.tree.size and self._log.tree.root(head.size) != head.root:
            return (
                f"is under another log of {head.size} envelopes than the first of this one: the log was forked; both "
                f"checkpoints are signed by it: keep both"
            )
        if digest not in leaves:
            return self._omitted(digest)
        receipt.verify(text, leaves[digest], log=self._verifier, policy=self._policy)
        return None

    def _omitted(self, digest: str) -> str:
        return (
            f"the log signed that it holds envelope {digest}, which is not among the {self._log.tree.size} that are "
            f"published: the publication is older than the promise, or the envelope was left out; fetch the newest, "
            f"and keep the promise"
        )
