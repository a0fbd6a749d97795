"""The durable half of the polling day: a fold over facts, and what follows from it without asking anyone."""

from collections.abc import Callable
from typing import Any, Final, Literal

from crypto.codec import unb64
from crypto.statements import BranchEntry, Cause, Finding, OrderKind
from drivers.ports import TerminalAction, TerminalPhase
from kit.day.phases import AT_ONCE, DONE, GOAL, catch_up, next_phase, step_under, takes_part
from kit.day.units import Unit
from kit.effects import SealTally, SignAccount
from kit.facts import (
    AccountTaken,
    CounterRead,
    EnvelopeSealed,
    Fact,
    MediaHandedOut,
    OrderAccepted,
    OrderFailed,
    Phase,
    PhaseEntered,
    PhaseTrigger,
    PowerChanged,
    ReceiptStored,
    TakenOver,
    TallyTaken,
    TerminalActed,
    TerminalReplaced,
    ZeroProved,
)

_LED_TO: Final[dict[str, TerminalPhase]] = {
    "open": "open",
    "resume": "open",
    "suspend": "suspended",
    "close": "closed",
}
"""Where an action leaves a terminal."""


class DayState:
    """Where the day stands. Changed by ``apply`` alone."""

    def __init__(self, entry: BranchEntry, cause: Cause) -> None:
        self.phase: Phase = "commissioned"
        self.serial = 0
        """Orders accepted so far; the next one carries this plus one."""
        self.stage: OrderKind | None = None
        """The order that the terminals are carrying out."""
        self.cause: Literal["order", "power-low"] = "order"
        """Why they do: an official's order, or the UPS when the stage began."""
        self.reason = ""
        """Why officials ordered the present stage, in their words."""
        self.units = {terminal: Unit(terminal) for terminal in entry.terminals}
        """Every terminal of the branch, standbys too."""
        self.units |= {standby: Unit(standby, part="standby") for standby in entry.standby_terminals}
        self.envelope_cause: Cause = cause
        """Why this kit makes envelopes for this branch."""
        self.replaced: list[TerminalReplaced] = []
        self.sealed: dict[int, EnvelopeSealed] = {}
        self.released: tuple[int, tuple[int, ...]] = (0, ())
        """Serial of the last order that released media, and the envelopes that it covers."""
        self.handed_out = 0
        """Serial of the last release that went out."""
        self.voters: dict[str, int] = {}
        self.findings: list[Finding] = []
        self.next_seq = 1
        self.prev: str | None = None
        self.receipts: dict[int, ReceiptStored] = {}
        self.power_low = False
        self._undelivered: set[int] = set()
        self._folds: dict[type[Fact], Callable[[Any], None]] = {
            PhaseEntered: self._phase_entered,
            OrderAccepted: self._order_accepted,
            OrderFailed: lambda _: self._set_stage(None),
            TerminalReplaced: self._terminal_replaced,
            TakenOver: self._taken_over,
            MediaHandedOut: self._media_handed_out,
            TerminalActed: self._terminal_acted,
            ZeroProved: self._zero_proved,
            CounterRead: self._counter_read,
            AccountTaken: self._account_taken,
            TallyTaken: self._tally_taken,
            EnvelopeSealed: self._envelope_sealed,
            ReceiptStored: self._receipt_stored,
            PowerChanged: self._power_changed,
        }

    def apply(self, fact: Fact) -> None:
        """Fold one fact; facts that the day does not care about change nothing."""
        fold = self._folds.get(type(fact))
        if fold is not None:
            fold(fact)

    def active(self) -> list[Unit]:
        """The terminals that take part."""
        return [unit for unit in self.units.values() if unit.part == "active"]

    def wanted(self, unit: Unit) -> TerminalAction | None:
        """The action that this terminal should carry out now, if any."""
        if unit.part != "active":
            return None
        if self.stage is not None:
            return None if self._finished(self.stage, unit) else step_under(self.stage, unit.at)
        if self.phase == "accounted" and unit.tally_sha256 is None:
            return "tally"
        if self.phase == "tallied" and not unit.tally_sealed and unit.tally is None:
            return "tally"
        return catch_up(self.phase, unit.at)

    def entering(self, trigger: PhaseTrigger, at: str) -> PhaseEntered:
        """The fact that this trigger leads to the next phase."""
        return PhaseEntered(at=at, phase=next_phase(self.phase, trigger), trigger=trigger)

    def reached(self, *, uplink_usable: bool) -> PhaseTrigger | None:
        """The trigger whose conditions hold."""
        units = self.active()
        if self.stage in DONE and (
            self.stage == "archive" or all(self._finished(self.stage, unit) for unit in units)
        ):
            return DONE[self.stage]
        match self.phase:
            case "accounted" if all(unit.tally_sha256 for unit in units):
                return "all-tallied"
            case "tallied" if all(unit.tally_sealed for unit in units) and self.sealable() is None:
                return "all-sealed"
            case "sealed" | "sending" if not self._undelivered:
                return "all-delivered"
            case "sealed" if uplink_usable:
                return "uplink-usable"
            case _:
                return None

    def sealable(self) -> SignAccount | SealTally | None:
        """The next envelope to be made: one at a time, since it names the hash of the one before."""
        if self.phase not in ("accounted", "tallied"):
            return None
        for unit in self.units.values():
            common = (unit.terminal, unit.close_no, self.next_seq, self.prev, self.envelope_cause)
            if unit.account is not None and not unit.account_sealed:
                return SignAccount(*common, unit.account, dict(self.voters), unit.account_findings)
            if self.phase == "tallied" and unit.tally is not None and not unit.tally_sealed:
                return SealTally(*common, unit.tally)
        return None

    def _finished(self, stage: OrderKind, unit: Unit) -> bool:
        return unit.done or not takes_part(stage, unit.at)

    # --- folds ---

    def _set_stage(self, stage: OrderKind | None, cause: Literal["order", "power-low"] = "order") -> None:
        self.stage, self.cause = stage, cause
        for unit in self.units.values():
            unit.done, unit.asked = False, None

    def _phase_entered(self, fact: PhaseEntered) -> None:
        assert next_phase(self.phase, fact.trigger) == fact.phase  # noqa: S101 - a journal of other tables
        self.phase = fact.phase
        self._set_stage(None)
        self._suspend_without_power()

    def _order_accepted(self, fact: OrderAccepted) -> None:
        self.serial = fact.serial
        self.voters = fact.voters_signed_in or self.voters
        if fact.kind == "release-media":
            self.released = (fact.serial, tuple(self.sealed))
        if fact.kind == "reissue":  # what the terminals said before may be of the time of the other kit
            for unit in self.units.values():
                unit.status = None
        if fact.kind not in AT_ONCE:
            self.reason = fact.reason
            self._set_stage(fact.kind)

    def _terminal_acted(self, fact: TerminalActed) -> None:
        unit = self.units[fact.terminal]
        unit.at, unit.close_no = _LED_TO[fact.action], fact.close_no
        unit.done = self.stage is not None and unit.at == GOAL.get(self.stage)

    def _zero_proved(self, fact: ZeroProved) -> None:
        unit = self.units[fact.terminal]
        unit.at, unit.done = "zeroed", self.stage == "zero"
        unit.firmware_sha256 = fact.firmware_sha256

    def _terminal_replaced(self, fact: TerminalReplaced) -> None:
        self.replaced.append(fact)
        self.units[fact.terminal].part = "retired"
        if fact.standby is not None:
            unit = self.units[fact.standby]
            unit.part, unit.joined, unit.counter_due = "active", True, 0

    def _taken_over(self, fact: TakenOver) -> None:
        if self.envelope_cause != "re-vote":  # which poll it is says more than which kit runs it
            self.envelope_cause = fact.cause
        for terminal, standing in fact.terminals.items():
            unit = self.units[terminal]
            unit.at, unit.close_no = standing.phase, standing.close_no
            unit.firmware_sha256 = standing.firmware_sha256

    def _media_handed_out(self, fact: MediaHandedOut) -> None:
        self.handed_out = fact.serial

    def _counter_read(self, fact: CounterRead) -> None:
        self.units[fact.terminal].public_counter = fact.public_counter

    def _account_taken(self, fact: AccountTaken) -> None:
        unit = self.units[fact.terminal]
        for finding in unit.account_findings:  # the order was given again, since another terminal refused it
            self.findings.remove(finding)
        unit.done, unit.account, unit.account_findings = True, unb64(fact.account), fact.findings
        self.findings.extend(fact.findings)

    def _tally_taken(self, fact: TallyTaken) -> None:
        self.units[fact.terminal].tally_sha256 = fact.report_sha256
        self.findings.extend(fact.findings)

    def _envelope_sealed(self, fact: EnvelopeSealed) -> None:
        unit = self.units[fact.terminal]
        if fact.kind == "account":
            unit.account_sealed = True
        else:
            unit.tally_sealed, unit.tally = True, None
        self.next_seq, self.prev = fact.seq + 1, fact.sha256
        self.sealed[fact.seq] = fact
        self._undelivered.add(fact.seq)

    def _receipt_stored(self, fact: ReceiptStored) -> None:
        self.receipts[fact.seq] = fact
        if fact.delivered:
            self._undelivered.discard(fact.seq)

    def _power_changed(self, fact: PowerChanged) -> None:
        self.power_low = fact.state == "low"
        self._suspend_without_power()

    def _suspend_without_power(self) -> None:
        if self.power_low and self.phase == "open" and self.stage is None:
            self._set_stage("suspend", "power-low")
