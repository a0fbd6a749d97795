"""``center audit``: a stranger recomputes a publication from its files and the manifest keys that he trusts.

Nothing else is believed: not the centre, not its ledger, not its totals. Every fault names the file. What cannot be
recomputed from a publication is said, for silence would look like a check that passed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center.audit.folder import AuditedFolder
from center.audit.growth import GrowthAudit
from center.audit.log import LogAudit
from center.audit.manifest import audit_key_files, audit_manifest
from center.audit.opening import OpeningAudit
from center.audit.promises import PromiseAudit
from center.audit.record import AuditRecord, Progress, printable
from center.audit.sampling import draw
from center.audit.types import AuditReport, Verdict
from center.opening.spread import Spread, here
from center.opening.types import OpenedUnit, Opening, OpeningFinding
from center.publication import layout as publication
from center.summary import how_opened
from crypto.manifest import TrustedManifest

ALWAYS_UNCHECKED: Final = (
    (
        "whether terminals counted the ballots rightly, and ballots say what voters meant: no log can show it; "
        "compare the paper tapes and the ballot papers of stations drawn by lot"
    ),
    "whether an absent unit ever sent anything: only its branch can show it, by its receipt",
    "when envelopes arrived: the log orders them, and says no time",
)


@dataclass(frozen=True, slots=True)
class Sample:
    """A draw of ``count`` branches by ``dice`` (center.audit.sampling)."""

    count: int
    dice: str

    def units(self, trusted: TrustedManifest, opening: Opening) -> tuple[OpenedUnit, ...]:
        """The units of the drawn branches, in the order of the draw."""
        places = {branch: place for place, branch in enumerate(draw(trusted, self.dice, self.count))}
        units = [unit for unit in opening.units if unit.branch in places]
        return tuple(sorted(units, key=lambda unit: places[unit.branch]))


class Auditor:
    """One audit of one folder. ``audit`` raises nothing about what it finds: the report says it."""

    def __init__(
        self,
        folder: Path,
        *,
        trusted: Mapping[str, bytes],
        threshold: int,
        previous: Path | None = None,
        promises: Sequence[Path] = (),
        sample: Sample | None = None,
        progress: Progress | None = None,
        spread: Spread = here,
    ) -> None:
        self._record = AuditRecord(progress, unchecked=list(ALWAYS_UNCHECKED))
        self._folder = AuditedFolder(folder, self._record)
        self._trusted = trusted
        self._threshold = threshold
        self._previous = previous
        self._promises = promises
        self._sample = sample
        self._spread = spread

    def audit(self) -> AuditReport:
        """Check everything that can be checked, in the order in which the parts lean on each other."""
        folder, record = self._folder, self._record
        trusted = audit_manifest(folder, record, trusted=self._trusted, threshold=self._threshold)
        if trusted is None:
            record.unchecked.insert(
                0,
                "everything but the manifest: without a manifest that trusted keys signed, nothing can be believed",
            )
            return self._report(None, None, None, ())
        audit_key_files(folder, record, trusted)
        log = LogAudit(folder, record, trusted).audit()
        if self._previous is not None:
            GrowthAudit(folder, record, trusted, log, self._previous).audit()
        PromiseAudit(folder, record, trusted, log, self._promises).audit()
        opening, findings = OpeningAudit(folder, record, trusted, log, self._spread).audit()
        folder.remark_unexpected()
        return self._report(trusted, log.note, opening, findings)

    def _report(
        self,
        trusted: TrustedManifest | None,
        note: str | None,
        opening: Opening | None,
        findings: tuple[OpeningFinding, ...],
    ) -> AuditReport:
        record, sample = self._record, self._sample
        units = {} if opening is None else publication.units_of(opening)
        return AuditReport(
            verdict=self._verdict(units, findings),
            election=None if trusted is None else trusted.manifest.election,
            manifest_sha256=None if trusted is None else trusted.sha256,
            checkpoint=note,
            checked=record.checked,
            faults=tuple(record.faults),
            remarks=tuple(record.remarks),
            findings=findings,
            how_opened=() if opening is None else tuple(how_opened(opening)),
            units=units,
            contests={} if opening is None else opening.contests,
            not_checked=tuple(dict.fromkeys(map(printable, record.unchecked))),
            sample=()
            if trusted is None or opening is None or sample is None
            else sample.units(trusted, opening),
        )

    def _verdict(self, units: Mapping[str, int], findings: tuple[OpeningFinding, ...]) -> Verdict:
        if self._record.faults:
            return "faults"
        if units.get("set-aside") or any(finding.grade == "alarm" for finding in findings):
            return "alarms"
        return "remarks" if self._record.remarks or findings or units.get("absent") else "good"
