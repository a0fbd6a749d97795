"""The polling day: whose journal it is, orders, what terminals did, and how far the day is."""

from typing import Literal

from crypto.statements import OrderKind, Schedule
from crypto.wire import B64, Count, Id, Sha256
from kit.facts.base import FactBase, Text

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


class PhaseEntered(FactBase, frozen=True, tag="phase-entered"):
    """The polling day moved on."""

    phase: Phase
    trigger: PhaseTrigger


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
