"""The chain of keys in a journal: each checkpoint is signed by the key that the one before it named.

Checkpoints and certificates are facts themselves, and so leaves of the tree: what an envelope anchors, it anchors with
all keys that signed before it. The same checks run at every start of the kit (the first fault refuses the journal)
and in ``kitctl journal verify`` (all faults are told).
"""

from dataclasses import dataclass, field
from typing import Final, Literal

from crypto.codec import unb64
from crypto.errors import EvidenceError
from crypto.journal_note import (
    CheckedCertificate,
    JournalName,
    JournalNote,
    check_certificate,
    open_by_device,
    open_by_epoch,
)
from crypto.manifest import TrustedManifest
from crypto.notes import text_of
from crypto.statements import JournalCheckpoint
from kit.facts import (
    BootRecorded,
    CheckpointSigned,
    Commissioned,
    EnvelopeSealed,
    Fact,
    JournalKeyCertified,
    ManifestAdopted,
    SegmentEndorsed,
)
from kit.journal.anchors import AnchorError, anchor_of

FaultCode = Literal[
    "fact-unreadable",
    "foreign-journal",
    "fact-rewritten",
    "checkpoint-forged",
    "epoch-skipped",
    "certificate-forged",
    "anchor-unsigned",
    "journal-truncated",
    "envelope-forgotten",
    "device-forked",
    "receipt-false",
    "journal-behind-its-keys",
]
FIRST_EPOCH: Final = 1


@dataclass(frozen=True, slots=True)
class Fault:
    """One contradiction. ``detail`` says where, in English; the code has words in both languages."""

    code: FaultCode
    detail: str


@dataclass(frozen=True, slots=True)
class Signed:
    """One checkpoint that was looked at. ``fact``: its own number in the journal."""

    fact: int
    epoch: int
    size: int
    root: str
    at: str
    note: str


@dataclass(slots=True)
class Segment:
    """What is signed under keys that follow from one certificate. All but the first are flagged."""

    number: int
    fact: int
    epoch: int
    at: str
    certificate: str
    payload: bytes
    checkpoints: int = 0
    endorsed_by: tuple[str, ...] = ()


@dataclass(slots=True)
class Chain:
    """Feed it every fact, in order. ``expected``: epoch and verifier key that must sign the next checkpoint."""

    name: JournalName
    manifest: TrustedManifest
    expected: tuple[int, str] | None = None
    segments: list[Segment] = field(default_factory=list)
    checkpoints: list[Signed] = field(default_factory=list)
    uncovered: int = 0
    """Facts since the last checkpoint, itself not counted."""
    before_first: int = 0
    """Facts before the first certificate that are not of the journal's birth."""
    in_force: str | None = None
    """SHA-256 of the manifest that the journal goes by, as far as it was looked at."""
    _signed: dict[int, str] = field(default_factory=dict)

    def check(self, fact: Fact, number: int, root: str) -> list[Fault]:
        """Look at fact ``number`` (from 1); ``root`` is that of all facts before it. Returns what contradicts."""
        self.uncovered += 1
        match fact:
            case JournalKeyCertified():
                return self._certified(fact, number, root)
            case CheckpointSigned():
                return self._checkpoint(fact, number, root)
            case SegmentEndorsed():
                return self._endorsed(fact, number)
            case EnvelopeSealed():
                return self._anchored(fact, number)
            case Commissioned():
                self.in_force = fact.manifest_sha256
                return self._foreign(fact)
            case ManifestAdopted():
                self.in_force = fact.manifest_sha256
                return []
            case BootRecorded():
                return []
            case _:
                self.before_first += not self.segments
                return []

    def end(self) -> list[Fault]:
        """After the last fact: whether the journal goes by the manifest that it was held against."""
        if self.in_force in (None, self.manifest.sha256):
            return []
        return [
            Fault(
                "foreign-journal",
                f"the journal is of manifest_sha256 {self.in_force!r}, configuration and manifest say "
                f"{self.manifest.sha256!r}: use an empty state directory, or the manifest "
                "that this journal goes by (a newer one is handed in: kitctl manifest bring)",
            )
        ]

    def certificate(self, number: int) -> Segment | None:
        """The segment of this number."""
        return next((segment for segment in self.segments if segment.number == number), None)

    def check_endorsement(self, data: bytes) -> tuple[Segment, CheckedCertificate]:
        """Whether officials of two bodies vouch for a segment of this journal; raises EvidenceError if not."""
        checked = check_certificate(data, self.name, self.manifest)
        segment = self.certificate(checked.key.segment)
        if segment is None or segment.payload != checked.payload:
            raise EvidenceError(
                f"this journal has no such segment {checked.key.segment}: sign the certificate it has"
            )
        if not checked.endorsed:
            raise EvidenceError(f"segment {segment.number} needs officials of two different bodies")
        return segment, checked

    def _foreign(self, fact: Commissioned) -> list[Fault]:
        expected = {
            "election": self.name.election,
            "round": self.name.round,
            "branch": self.name.branch,
        }
        return [
            Fault(
                "foreign-journal",
                f"the journal is of {field} {getattr(fact, field)!r}, configuration and manifest say {value!r}: "
                "use an empty state directory, or the manifest that this journal goes by",
            )
            for field, value in expected.items()
            if getattr(fact, field) != value
        ]

    def _certified(self, fact: JournalKeyCertified, number: int, root: str) -> list[Fault]:
        where, faults = f"fact {number}", []
        try:
            checked = check_certificate(
                unb64(fact.certificate), self.name, self.manifest, manifest_sha256=self.in_force
            )
        except EvidenceError as error:
            return [Fault("certificate-forged", f"{where}: {error}")]
        key = checked.key
        if not checked.by_device:
            faults.append(Fault("certificate-forged", f"{where}: not signed by device {self.name.device}"))
        if key.journal != JournalCheckpoint(size=number - 1, root=root):
            faults.append(Fault("fact-rewritten", f"{where}: segment {key.segment} began after other facts"))
        epoch = FIRST_EPOCH if self.expected is None else self.expected[0]
        if (key.segment, key.epoch) != (len(self.segments) + 1, epoch):
            faults.append(
                Fault(
                    "epoch-skipped",
                    f"{where}: segment {key.segment} from epoch {key.epoch} on, where segment {len(self.segments) + 1} "
                    f"and epoch {epoch} are due",
                )
            )
        self.expected = (key.epoch, key.vkey)
        self.segments.append(
            Segment(key.segment, number, key.epoch, fact.at, fact.certificate, checked.payload)
        )
        return faults

    def _checkpoint(self, fact: CheckpointSigned, number: int, root: str) -> list[Fault]:
        where = f"fact {number}, checkpoint of epoch {fact.epoch}"
        try:
            note = JournalNote.parse(text_of(fact.note))
        except EvidenceError as error:
            return [Fault("checkpoint-forged", f"{where}: {error}")]
        faults = self._signatures(fact, note, where)
        size, named = note.checkpoint.size, note.checkpoint.root.hex()
        if (size, named) != (number - 1, root):
            faults.append(
                Fault("fact-rewritten", f"{where}: it is over {size} other facts than stand before it")
            )
        self.expected = (note.epoch + 1, note.next_vkey)
        self.uncovered = 0
        self._signed[size] = named
        self.checkpoints.append(Signed(number, note.epoch, size, named, fact.at, fact.note))
        if self.segments:
            self.segments[-1].checkpoints += 1
        return faults

    def _signatures(self, fact: CheckpointSigned, note: JournalNote, where: str) -> list[Fault]:
        if self.expected is None:
            return [Fault("certificate-forged", f"{where}: no certificate stands before it")]
        epoch, vkey = self.expected
        if note.epoch != epoch or fact.epoch != epoch:
            return [Fault("epoch-skipped", f"{where}: that of epoch {epoch} is due")]
        try:
            open_by_epoch(fact.note, self.name, vkey)
            open_by_device(fact.note, self.name, self.manifest.device_key(self.name.device))
        except EvidenceError as error:
            return [Fault("checkpoint-forged", f"{where}: {error}")]
        return []

    def _endorsed(self, fact: SegmentEndorsed, number: int) -> list[Fault]:
        try:
            segment, checked = self.check_endorsement(unb64(fact.certificate))
        except EvidenceError as error:
            return [Fault("certificate-forged", f"fact {number}: {error}")]
        segment.endorsed_by = tuple(official.id for official in checked.officials)
        return []

    def _anchored(self, fact: EnvelopeSealed, number: int) -> list[Fault]:
        """From the first certificate on, what an envelope names must be a signed checkpoint."""
        try:
            named = anchor_of(fact)
        except AnchorError as error:
            return [Fault("fact-unreadable", f"fact {number}: {error}")]
        if (
            not self.segments
            or named.size < self.segments[0].fact
            or self._signed.get(named.size) == named.root
        ):
            return []
        return [
            Fault(
                "anchor-unsigned",
                f"fact {number}: envelope {fact.seq} names {named.size} facts, which no checkpoint signs",
            )
        ]
