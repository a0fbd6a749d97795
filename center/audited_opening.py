"""The audit of the opening: the published results, recomputed from the log, and the totals taken from them."""

from typing import Final

from center import publication, recount
from center.audit_record import AuditRecord
from center.audited_folder import AuditedFolder
from center.audited_log import AuditedLog
from center.opening_types import Opening, OpeningFinding
from center.published_note import check_note
from crypto import codec
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest

SINGLE_KEY_UNCHECKED: Final = (
    (
        "single key: what the envelopes decrypt to cannot be recomputed without the key. Checked instead: the "
        "terminal signed the published counts, and the device committed to them before they were logged"
    ),
    "single key: whether its holder opened envelopes early or in secret",
)
NOT_OPENED: Final = "the results: no opening is published"


class OpeningAudit:
    """One audit of all the openings of one folder."""

    def __init__(
        self, folder: AuditedFolder, record: AuditRecord, trusted: TrustedManifest, log: AuditedLog
    ) -> None:
        self._folder = folder
        self._record = record
        self._trusted = trusted
        self._log = log
        self._envelopes = [leaf.data for leaf in log.leaves if leaf is not None]
        self._files: list[publication.OpeningFile] = []

    def audit(self) -> tuple[Opening | None, tuple[OpeningFinding, ...]]:
        """The newest opening, None when there is none or it is at fault, and what reconciliation finds."""
        names = sorted(
            self._folder.names(publication.OPENINGS), key=lambda name: publication.opening_size(name) or 0
        )
        names = [name for name in names if publication.opening_size(name) is not None]
        if not names and not self._folder.exists(publication.TOTALS):
            self._record.unchecked.append(NOT_OPENED)
            return None, self._findings_without_opening()
        self._record.unchecked += SINGLE_KEY_UNCHECKED
        data = self._folder.read(publication.TOTALS, publication.TOTALS_MAX)
        newest: Opening | None = None
        for name in names:
            opening = self._opening(name)
            newest = opening if name == names[-1] else newest
        if data is not None:
            self._totals(data, newest)
        return newest, () if newest is None else newest.findings

    def _findings_without_opening(self) -> tuple[OpeningFinding, ...]:
        if not self._log.tree_holds:
            return ()
        return recount.findings_without_opening(self._trusted, self._envelopes)

    def _opening(self, name: str) -> Opening | None:
        """Recompute one opening; returns it when nothing about it is at fault."""
        data = self._folder.read(name, publication.OPENING_MAX)
        if data is None:
            return None
        self._files.append(publication.OpeningFile(file=name, sha256=codec.sha256_hex(data)))
        try:
            opening = publication.decode_opening(data)
        except EvidenceError as error:
            self._record.fault(name, str(error))
            return None
        if not self._log.tree_holds:
            self._record.unchecked.append(f"{name}: the log that it counts is at fault")
            return None
        problem = self._head_problem(name, opening)
        if problem is not None:
            self._record.fault(name, problem)
            return None

        def progress(done: int, total: int) -> None:
            self._record.show("opened envelopes", done, total)

        problems, unchecked = recount.compare(opening, self._trusted, self._envelopes, progress=progress)
        self._record.unchecked += [f"{name}: {sentence}" for sentence in unchecked]
        for problem in problems:
            self._record.fault(name, problem)
        if problems:
            return None
        self._record.checked["openings"] = self._record.checked.get("openings", 0) + 1
        return opening

    def _head_problem(self, name: str, opening: Opening) -> str | None:
        """What is wrong with the head of the log that the opening says it counts."""
        head, tree = opening.log, self._log.tree
        try:
            signed = None if head.checkpoint is None else check_note(head.checkpoint, self._trusted)[0]
            recount.check_head(head, signed)
        except ProofError as error:
            return str(error)
        if name != publication.opening_name(head.size):
            return f"counts {head.size} envelopes, its name says otherwise"
        if head.size > tree.size or codec.b64(tree.root(head.size)) != head.root:
            return f"counts {head.size} envelopes that are not the first of this log"
        return None

    def _totals(self, data: bytes, newest: Opening | None) -> None:
        try:
            totals = publication.decode_totals(data)
        except EvidenceError as error:
            self._record.fault(publication.TOTALS, str(error))
            return
        present = {one.file: one.sha256 for one in self._files}
        for one in totals.openings:
            if present.get(one.file) != one.sha256:
                problem = (
                    f"{one.file} is not the opening of hash {one.sha256} that {publication.TOTALS} names"
                )
                self._record.fault(one.file, problem)
                self._record.fault(publication.TOTALS, problem)
        if newest is None:
            self._record.unchecked.append("totals.json: the opening that it is taken from is at fault")
        elif publication.totals_of(newest, tuple(self._files)) != data:
            self._record.fault(publication.TOTALS, "is not what the openings add up to")
        else:
            self._record.checked["totals"] = 1
