"""What the kit's cores hear (events), what they make durable (facts), and what they want done (effects)."""

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

from crypto.statements import Finding, OrderKind
from crypto.wire import B64, Count, Id, Rfc3339, Sha256
from drivers.ports import TerminalAction, TerminalEvent, UpsEvent
from failover.events import (
    Connect,
    Disconnect,
    FailoverEffect,
    Instant,
    Probe,
    ProbeEchoed,
    UplinkConnected,
    UplinkLost,
)

__all__ = [
    "AccountTaken",
    "Archived",
    "AskTerminal",
    "BootRecorded",
    "Booted",
    "Commissioned",
    "Connect",
    "CounterRead",
    "Disconnect",
    "Effect",
    "EnvelopeReady",
    "EnvelopeSealed",
    "Event",
    "Fact",
    "FailoverEffect",
    "IncidentRecorded",
    "Instant",
    "OrderAccepted",
    "OrderFailed",
    "OrderReceived",
    "Phase",
    "PhaseEntered",
    "PowerChanged",
    "PowerState",
    "Probe",
    "ProbeEchoed",
    "Publish",
    "ReadinessAsked",
    "ReadinessItem",
    "ReadinessPassed",
    "ReceiptHeard",
    "ReceiptStored",
    "RefusalHeard",
    "Reply",
    "SealTally",
    "SignAccount",
    "TallyTaken",
    "TerminalActed",
    "TerminalHeard",
    "Tick",
    "UplinkConnected",
    "UplinkLost",
    "UplinksUsable",
    "UpsHeard",
    "ZeroProved",
]

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

# --- events ---


@dataclass(frozen=True, slots=True)
class Booted:
    """The first event of every life. ``wall_ms``: milliseconds since 1970-01-01 UTC, read once."""

    boot_id: str
    wall_ms: int


@dataclass(frozen=True, slots=True)
class Tick:
    """A deadline came."""


@dataclass(frozen=True, slots=True)
class TerminalHeard:
    """A terminal's driver says something. ``terminal`` is the id that the configuration gives the line."""

    terminal: str
    event: TerminalEvent


@dataclass(frozen=True, slots=True)
class UpsHeard:
    """The UPS driver says something."""

    event: UpsEvent


@dataclass(frozen=True, slots=True)
class UplinksUsable:
    """From failover by way of the station: the uplinks that work now, best first.

    ``last_resort``: uplinks that are connected and answer too slowly, given only where nothing works in time. The
    outbox tries them (or a village with a slow mast would never deliver), and nobody calls that *sending*.
    """

    uplinks: tuple[str, ...]
    last_resort: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OrderReceived:
    """A DSSE envelope with one official's signature over an order; ``reply`` is the asker's token."""

    data: bytes
    reply: int


@dataclass(frozen=True, slots=True)
class ReadinessItem:
    """One line of the readiness check list."""

    name: str
    ok: bool
    detail: str


@dataclass(frozen=True, slots=True)
class ReadinessAsked:
    """Run the check list. ``items``: what the other cores know already, filled in by the station."""

    reply: int
    items: tuple[ReadinessItem, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvelopeReady:
    """The sealer finished an envelope."""

    kind: Literal["account", "tally"]
    terminal: str
    close_no: int
    seq: int
    data: bytes


@dataclass(frozen=True, slots=True)
class ReceiptHeard:
    """Text that claims to be a receipt came down an uplink."""

    uplink: str
    text: str


@dataclass(frozen=True, slots=True)
class RefusalHeard:
    """The centre says that it refused an envelope. A hint for people, never trusted."""

    uplink: str
    envelope_sha256: str
    reason: str


Event = (
    Booted
    | Tick
    | TerminalHeard
    | UpsHeard
    | UplinkConnected
    | UplinkLost
    | ProbeEchoed
    | UplinksUsable
    | OrderReceived
    | ReadinessAsked
    | EnvelopeReady
    | ReceiptHeard
    | RefusalHeard
)

# --- facts ---

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
    """A receipt that verifies offline against the manifest."""

    seq: int
    grade: Literal["included", "witnessed"]
    delivered: bool
    index: int
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
    | Archived
)

# --- effects ---


@dataclass(frozen=True, slots=True)
class AskTerminal:
    """Queue an action at a terminal's driver."""

    terminal: str
    action: TerminalAction


@dataclass(frozen=True, slots=True)
class SignAccount:
    """Have the sealer sign an account submission. The outcome is EnvelopeReady."""

    terminal: str
    close_no: int
    seq: int
    prev: str | None
    account: bytes
    voters_signed_in: dict[str, int]
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True, repr=False)
class SealTally:
    """Have the sealer seal a tally. Holds plaintext: has no repr, never logged. The outcome is EnvelopeReady."""

    terminal: str
    close_no: int
    seq: int
    prev: str | None
    tally: bytes


@dataclass(frozen=True, slots=True)
class Publish:
    """Send an envelope on one uplink. There is no outcome but a receipt, some day."""

    uplink: str
    seq: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer a request of the control socket."""

    reply: int
    body: dict[str, object]


Effect = AskTerminal | SignAccount | SealTally | Publish | Reply | FailoverEffect
