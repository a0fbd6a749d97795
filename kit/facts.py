"""What the kit makes durable: every fact of the journal. Strict, tagged, without a single count of votes."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from crypto.statements import Finding, OrderKind
from crypto.wire import B64, Count, Id, Rfc3339, Sha256

Phase = Literal[
    "commissioned",
    "readiness",
    "zeroed",
    "open",
    "suspended",
    "closed",
    "accounted",
    "tallied",
    "sealed",
    "sending",
    "delivered",
    "archived",
]
PowerState = Literal["unknown", "mains", "battery", "low"]
PhaseTrigger = Literal[
    "readiness-passed",
    "all-zeroed",
    "all-opened",
    "all-suspended",
    "all-resumed",
    "all-closed",
    "all-accounted",
    "all-tallied",
    "all-sealed",
    "uplink-usable",
    "all-delivered",
    "archive-ordered",
]

Text = Annotated[str, Meta(max_length=500)]


class FactBase(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True, tag_field="fact"):
    """Base of facts: frozen, strict, tagged. ``at`` is the wall time that the core reckons with, RFC 3339 UTC."""

    at: Rfc3339


class Commissioned(FactBase, frozen=True, tag="commissioned"):
    """The first fact of a journal: which election, branch and device it belongs to."""

    election: Id
    round: int
    branch: Id
    device: Id
    manifest_sha256: Sha256
    manifest_version: int


class BootRecorded(FactBase, frozen=True, tag="boot-recorded"):
    """The daemon started."""

    boot_id: Id


class ReadinessPassed(FactBase, frozen=True, tag="readiness-passed"):
    """Every item of the check list was in order."""

    items: tuple[str, ...]


class OrderAccepted(FactBase, frozen=True, tag="order-accepted"):
    """An order with all the signatures that its kind needs: who (``officials``), what (``order``), when (``at``)."""

    kind: OrderKind
    serial: int
    officials: tuple[Id, ...]
    order: B64
    """The DSSE envelope with all signatures, verbatim."""
    voters_signed_in: dict[Id, Count]


class OrderFailed(FactBase, frozen=True, tag="order-failed"):
    """A terminal would not carry an accepted order out; officials may order again."""

    kind: OrderKind
    serial: int
    reason: Text


class TerminalActed(FactBase, frozen=True, tag="terminal-acted"):
    """A terminal carried out open, suspend, resume or close."""

    terminal: Id
    action: Literal["open", "suspend", "resume", "close"]
    close_no: int
    cause: Literal["order", "power-low"]


class ZeroProved(FactBase, frozen=True, tag="zero-proved"):
    """A terminal's signed zero report, verified."""

    terminal: Id
    report_sha256: Sha256
    report: B64


class AccountTaken(FactBase, frozen=True, tag="account-taken"):
    """A terminal's signed ballot account, verified, with what reconciliation says of it."""

    terminal: Id
    close_no: int
    account: B64
    findings: tuple[Finding, ...]


class TallyTaken(FactBase, frozen=True, tag="tally-taken"):
    """A terminal's signed tally was verified. The plaintext stays in RAM: here is its hash alone."""

    terminal: Id
    close_no: int
    report_sha256: Sha256
    findings: tuple[Finding, ...]


class EnvelopeSealed(FactBase, frozen=True, tag="envelope-sealed"):
    """The exact bytes that will be sent, durable before the first send, never made anew."""

    kind: Literal["account", "tally"]
    terminal: Id
    close_no: int
    seq: int
    sha256: Sha256
    envelope: B64


class ReceiptStored(FactBase, frozen=True, tag="receipt-stored"):
    """A receipt that verifies offline against the manifest, of a higher grade than any before it."""

    seq: int
    grade: Literal["acknowledged", "included", "witnessed"]
    delivered: bool
    index: int | None
    """The leaf of the log; an acknowledgement names none."""
    uplink: Id
    """The uplink that brought it."""
    receipt: Annotated[str, Meta(max_length=8192)]


class PhaseEntered(FactBase, frozen=True, tag="phase-entered"):
    """The polling day moved on."""

    phase: Phase
    trigger: PhaseTrigger


class PowerChanged(FactBase, frozen=True, tag="power-changed"):
    """The UPS tells another story than before."""

    state: PowerState


class CounterRead(FactBase, frozen=True, tag="counter-read"):
    """The public counter, at most every 15 minutes."""

    terminal: Id
    public_counter: Count


class IncidentRecorded(FactBase, frozen=True, tag="incident-recorded"):
    """Something that people must know of later. Never holds a count of votes."""

    code: Id
    detail: Text


class JournalKeyCertified(FactBase, frozen=True, tag="journal-key-certified"):
    """The first evolving key of a segment of this journal. Every segment but the first is flagged: a seed was lost."""

    certificate: B64
    """The DSSE envelope of a crypto.journal_note.JournalKey, signed by the device."""


class CheckpointSigned(FactBase, frozen=True, tag="checkpoint-signed"):
    """A signed checkpoint over all facts before this one."""

    epoch: int
    note: Annotated[str, Meta(max_length=2048)]


class SegmentEndorsed(FactBase, frozen=True, tag="segment-endorsed"):
    """Two officials of different bodies vouch for a flagged segment."""

    segment: int
    officials: tuple[Id, ...]
    certificate: B64
    """The certificate of the segment, with their signatures."""


class Archived(FactBase, frozen=True, tag="archived"):
    """The day's evidence is complete; nothing more will be done with it here."""


Fact = (
    Commissioned
    | BootRecorded
    | ReadinessPassed
    | OrderAccepted
    | OrderFailed
    | TerminalActed
    | ZeroProved
    | AccountTaken
    | TallyTaken
    | EnvelopeSealed
    | ReceiptStored
    | PhaseEntered
    | PowerChanged
    | CounterRead
    | IncidentRecorded
    | JournalKeyCertified
    | CheckpointSigned
    | SegmentEndorsed
    | Archived
)
