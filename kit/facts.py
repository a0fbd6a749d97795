"""What the kit makes durable: every fact of the journal. Strict, tagged, without a single count of votes."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from crypto.statements import Finding, OrderKind, Schedule
from crypto.wire import B64, Count, Id, Rfc3339, Sha256
from drivers.ports import TerminalPhase

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
    "all-reopened",
    "all-accounted",
    "all-tallied",
    "all-sealed",
    "uplink-usable",
    "all-delivered",
    "archive-ordered",
    "took-over-zeroed",
    "took-over-open",
    "took-over-suspended",
    "took-over-closed",
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
    poll: Literal["first", "re-vote"] = "first"


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
    reason: Text = ""
    """Why, in the officials' words."""
    assurance: Literal["procedural"] = "procedural"
    """What stands behind the signatures: until tokens hold the officials' keys, a procedure and no more."""


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
    firmware_sha256: Sha256 | None = None
    """Of the program that made it, by the terminal's word. None in journals that did not ask for it yet."""


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


DeviceState = Literal[
    "ok",
    "weak",
    "searching",
    "denied",
    "sim-absent",
    "sim-failure",
    "pin-required",
    "puk-required",
    "no-carrier",
    "no-light",
    "not-there",
    "unknown",
]
"""How a modem or the fibre line is, in one word."""


class DeviceChanged(FactBase, frozen=True, tag="device-changed"):
    """A modem or the fibre line is otherwise than before, and stayed so for a while."""

    device: Text
    state: DeviceState


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


class ScheduleExtended(FactBase, frozen=True, tag="schedule-extended"):
    """The schedule moved later: by an order of the branch's officials, or by an act of the centre's commissioners."""

    source: Literal["order", "act"]
    number: int
    """The serial of the order, or the number of the act."""
    branch: Id | None
    """This branch; None where an act moves all of them."""
    signers: tuple[Id, ...]
    schedule: Schedule
    """All of it, as it is from now on."""
    reason: Text
    act: B64
    """The act's DSSE envelope, verbatim; empty for an order, which stands in OrderAccepted."""


class TerminalReplaced(FactBase, frozen=True, tag="terminal-replaced"):
    """A terminal is given up: nothing is wanted of it any more, and nothing from it will be in the tally."""

    terminal: Id
    standby: Id | None
    """What takes its place, if there is anything."""
    reason: Text


class Standing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a terminal stands by its own word."""

    phase: TerminalPhase
    close_no: Count
    firmware_sha256: Sha256 | None = None
    """Of the program that it ran then."""


class TakenOver(FactBase, frozen=True, tag="taken-over"):
    """This standby kit took over terminals that had worked with another one."""

    cause: Literal["replacement-kit", "reissued"]
    terminals: dict[Id, Standing]
    reason: Text


class MediaHandedOut(FactBase, frozen=True, tag="media-handed-out"):
    """Evidence went out to be written to removable media, for the first time since it was released."""

    serial: int
    """Of the order that released it."""
    seqs: tuple[int, ...]


TapeKind = Literal["zero", "tally"]


class TapeStarted(FactBase, frozen=True, tag="tape-started"):
    """A tape is about to be printed, from its start. ``copy`` counts from 1: all before it broke off."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int


class TapeFinished(FactBase, frozen=True, tag="tape-finished"):
    """The tape is printed and cut. ``confirmed``: by the printer itself; else people must look at it."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int
    confirmed: bool


class TapeBrokeOff(FactBase, frozen=True, tag="tape-broke-off"):
    """What hangs out of the printer is a part of a tape: ``done`` of its ``of`` bands are surely on it."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int
    done: int
    of: int
    """0 where a restart was in between: nobody knows how far it came."""
    reason: Literal["paper-out", "cover-open", "error", "lost", "restarted"]


LinkCause = Literal["found", "failed", "better", "pinned", "pin-ended"]


class LinkSwitched(FactBase, frozen=True, tag="link-switched"):
    """The preferred uplink changed. ``reason``: in words, for people."""

    left: Id | None
    """The one before; None where nothing worked."""
    to: Id | None
    """The one from now on; None where nothing works."""
    cause: LinkCause
    reason: Text
    unwritten: Count = 0
    """So many switches before this one were not written down: flash is spared."""


class DataNoted(FactBase, frozen=True, tag="data-noted"):
    """So many bytes went over the air since the fact before about the same SIM, or since the kit started."""

    uplink: Id
    """The first one that it carries."""
    sim: Count
    """Its slot in the modem, from 1; 1 for a line without SIMs."""
    size: int
    """Bytes of IP, both ways."""


SimCause = Literal["failed", "returned", "ordered"]


class SimChanged(FactBase, frozen=True, tag="sim-changed"):
    """A modem is to use another of its SIMs. ``reason``: in words, for people; slots count from 1."""

    modem: Id
    left: Count
    """The slot before."""
    slot: Count
    cause: SimCause
    """It gave nothing; the first one is tried again; a technician wanted it."""
    reason: Text


Rung = Literal["data", "sms", "courier"]
"""How an envelope is on its way: the rungs of the ladder, each beside those before it."""


class RungReached(FactBase, frozen=True, tag="rung-reached"):
    """An envelope waits for so long that the next rung of the ladder is used too. ``reason``: in words, for people."""

    seq: int
    rung: Rung
    reason: Text


class WaitNoted(FactBase, frozen=True, tag="wait-noted"):
    """Envelopes still wait for an acknowledgement: a mark in time, for a restart with a wrong clock to reckon from."""

    seqs: tuple[int, ...]


class SmsPartTaken(FactBase, frozen=True, tag="sms-part-taken"):
    """A mobile network took one part of an envelope (SmsSubmitted). ``part`` counts from 1 to ``of``."""

    seq: int
    reference: Count
    part: int
    of: int
    modem: Text


class SmsGiven(FactBase, frozen=True, tag="sms-given"):
    """So many SMS of an envelope are about to be given to a modem: counted before they go, whatever becomes of them."""

    seq: int
    modem: Text
    count: int


class SmsPartsWanted(FactBase, frozen=True, tag="sms-parts-wanted"):
    """The centre misses these parts of an envelope, and the log signed that: they go out again.

    ``asked_at_s``: seconds since 1970 by the centre's clock. A request of then or before is not followed again.
    """

    seq: int
    reference: Count
    of: int
    parts: tuple[int, ...]
    asked_at_s: int


CommandKind = Literal["pacing", "clock", "message", "manifest"]


class CommandFollowed(FactBase, frozen=True, tag="command-followed"):
    """A command of the centre was verified and is followed. ``note``: all of it, verbatim (crypto.command)."""

    kind: CommandKind
    number: int
    rung: Id
    """What brought it."""
    note: Annotated[str, Meta(max_length=4096)]


class ManifestAdopted(FactBase, frozen=True, tag="manifest-adopted"):
    """From the next life on this kit works under a newer manifest of the same election and round."""

    version: int
    manifest_sha256: Sha256


class TapeOverdue(FactBase, frozen=True, tag="tape-overdue"):
    """The tally is delivered without waiting any longer for its tape, which stays due."""

    kind: TapeKind
    terminal: Id
    close_no: Count


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
    | DeviceChanged
    | CounterRead
    | IncidentRecorded
    | JournalKeyCertified
    | CheckpointSigned
    | SegmentEndorsed
    | Archived
    | ScheduleExtended
    | TerminalReplaced
    | TakenOver
    | MediaHandedOut
    | TapeStarted
    | TapeFinished
    | TapeBrokeOff
    | TapeOverdue
    | LinkSwitched
    | DataNoted
    | SimChanged
    | RungReached
    | WaitNoted
    | SmsPartTaken
    | SmsGiven
    | SmsPartsWanted
    | CommandFollowed
    | ManifestAdopted
)
