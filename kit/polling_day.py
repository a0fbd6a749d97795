"""The polling day: from commissioned to archived, by orders of officials and signed words of terminals.

Rules that live here: two officials of different bodies for the orders that need them; nothing happens before its
scheduled time; the account before the tally; a terminal's numbers are verified, recorded and flagged, never mended;
the plaintext of a tally stays in RAM; one envelope is sealed at a time, so that ``seq`` and ``prev`` form a chain.
"""

from hashlib import sha256
from typing import Final

from crypto.codec import b64
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.statements import Cause
from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalLost,
    TerminalRefused,
    TerminalStatus,
    TerminalUp,
)
from failover.events import Instant
from kit import exit_codes, media, terminal_watch
from kit.core import Step
from kit.day_state import DayState
from kit.effects import AskTerminal, Reply, SealTally, SignAccount
from kit.events import (
    Booted,
    EnvelopeReady,
    Event,
    MediaAsked,
    OrderReceived,
    ReadinessAsked,
    ScheduleHeard,
    TerminalHeard,
    UplinksUsable,
)
from kit.facts import (
    CounterRead,
    EnvelopeSealed,
    Fact,
    MediaHandedOut,
    OrderAccepted,
    OrderFailed,
    PhaseEntered,
    PhaseTrigger,
    ReadinessPassed,
    TerminalActed,
)
from kit.incidents import Incidents
from kit.order_desk import OrderDesk
from kit.order_rules import OrderRules
from kit.phases import next_phase
from kit.readiness import SELF_TEST_MS, Readiness
from kit.report_reader import ReportReader
from kit.schedule import EffectiveSchedule, ScheduleRefusedError
from kit.takeover import follow_terminals, heard_from_all
from kit.terminal_watch import Trouble
from kit.units import Unit
from kit.wall import Wall

ASK_AGAIN_MS: Final = 10_000  # after an answer that could not be used, or none
TOO_EARLY_MS: Final = 1_000  # the terminal's clock may be a little behind ours
COUNTER_MS: Final = 15 * 60 * 1000  # how often the public counter is written down
COUNTER_MAX: Final = 0xFFFFFF  # ballots (crypto.wire.Count); the wire has room for nonsense beyond it
READINESS_PHASES: Final = ("commissioned", "readiness")


class PollingDay:
    """Core of the day. See the module's rules.

    ``device``: this kit, where it is a standby; ``cause``: why it makes envelopes, until it takes over from another.
    """

    def __init__(
        self, manifest: TrustedManifest, branch: str, *, device: str | None = None, cause: Cause = "first"
    ) -> None:
        entry = manifest.branch(branch)
        self._definition = manifest.definition_sha256(branch)
        self._desk = OrderDesk(manifest, branch)
        self._reader = ReportReader(manifest, branch)
        self._wall = Wall()
        self.schedule = EffectiveSchedule(manifest, branch)
        self.state = DayState(entry, cause)
        self._rules = OrderRules(
            self.state,
            self.schedule,
            standby=None if device == entry.device else device,
            contests=frozenset(contest.id for contest in manifest.contests_of(branch)),
        )
        # volatile
        self._sealing = False
        self._readiness: Readiness | None = None
        self._uplink_usable = False
        self._incidents = Incidents()

    # --- core contract ---

    def handle(self, event: Event, now: Instant) -> Step:
        """React, then do whatever the present state calls for."""
        step = Step()
        match event:
            case Booted():
                self._booted(event, now)
            case OrderReceived():
                step = self._order(event, now)
            case ReadinessAsked():
                step = self._readiness_asked(event, now)
            case TerminalHeard():
                step = self._terminal(event, now)
            case EnvelopeReady():
                step = self._envelope_ready(event, now)
            case ScheduleHeard():
                step = self._schedule_heard(event, now)
            case MediaAsked():
                step = self._media_asked(event, now)
            case UplinksUsable():
                self._uplink_usable = bool(event.uplinks)
            case _:
                pass
        # Facts of this step are not folded yet: what follows from them comes with the next tick.
        if not step.facts:
            step.join(self._pursue(now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold; an accepted order makes the serials of half-signed ones stale."""
        self.state.apply(fact)
        self.schedule.apply(fact)
        if isinstance(fact, OrderAccepted):
            self._desk.clear()

    def wake_at(self) -> Instant | None:
        """The earliest of: a terminal to be asked (again), the time of the tally, the end of a self-test."""
        if self.state.reached(uplink_usable=self._uplink_usable) is not None or self._sealable() is not None:
            return 0
        deadlines: list[Instant] = []
        if self._readiness is not None:
            deadlines.append(self._readiness.until)
        for unit in self.state.units.values():
            wanted = self.state.wanted(unit)
            if wanted is not None and unit.connected:
                deadlines.append(
                    max(self._not_before(unit, wanted), unit.ask_again_at if unit.asked == wanted else 0)
                )
        return min(deadlines, default=None)

    # --- what the state calls for ---

    def _pursue(self, now: Instant) -> Step:
        """Enter the phase that is reached, else ask terminals and seal what can be sealed."""
        trigger = self.state.reached(uplink_usable=self._uplink_usable)
        if trigger is not None:
            return self._reached(trigger, now)
        step = Step()
        if self._readiness is not None and now >= self._readiness.until:
            return self._readiness_over(now)
        if self.state.stage == "reissue" and heard_from_all(self.state.active()):
            facts, objection = follow_terminals(self.state, self._wall.text(now))
            if objection is not None:
                step = self._incident("take-over-refused", objection, now)
            step.facts.extend(facts)
            return step
        for unit in self.state.units.values():
            wanted = self.state.wanted(unit)
            if wanted is None or not unit.connected or (unit.asked == wanted and unit.ask_again_at > now):
                continue
            if now < self._not_before(unit, wanted):
                continue
            unit.asked, unit.ask_again_at = wanted, now + ASK_AGAIN_MS
            step.effects.append(AskTerminal(unit.terminal, wanted))
        sealable = self._sealable()
        if sealable is not None:
            self._sealing = True
            step.effects.append(sealable)
        return step

    def _reached(self, trigger: PhaseTrigger, now: Instant) -> Step:
        step = Step(facts=[self._enter(trigger, now)])
        if trigger == "all-accounted":
            step.join(
                self._troubles(self._reader.poll_book(self.state.units.values(), self.state.voters), now)
            )
        return step

    def _not_before(self, unit: Unit, action: TerminalAction) -> Instant:
        """A tally that was given once may be asked for again at any time: no extension brings its secrecy back."""
        if action != "tally" or unit.tally_sha256 is not None:
            return 0
        return self._wall.instant_of(self.schedule.current.tally_not_before)

    def _sealable(self) -> SignAccount | SealTally | None:
        return None if self._sealing else self.state.sealable()

    # --- events ---

    def _booted(self, event: Booted, now: Instant) -> None:
        self._wall.set(event.wall_ms, now)
        self._sealing, self._readiness, self._uplink_usable = False, None, False
        self._desk.clear()
        for unit in self.state.units.values():
            unit.forget()
            # A kit that is restarted again and again must not read the counter more often for it.
            unit.counter_due = 0 if unit.public_counter is None else now + COUNTER_MS

    def _order(self, event: OrderReceived, now: Instant) -> Step:
        try:
            signed, authorised = self._desk.take(event.data)
        except EvidenceError as error:
            return _refuse(event.reply, f"order refused: {error}", exit_codes.DATA)
        order = signed.order
        objection = self._rules.objection(order, wall=self._wall, now=now)
        if objection is not None:
            self._desk.forget(signed)
            return _refuse(event.reply, f"order {order.kind!r} refused: {objection}", exit_codes.FORBIDDEN)
        if not authorised:
            return Step(effects=[Reply(event.reply, self._desk.answer(signed))])
        facts = self._rules.facts(signed, self._wall.text(now))
        return Step(facts=facts, effects=[Reply(event.reply, {"ok": True, "accepted": True})])

    def _schedule_heard(self, event: ScheduleHeard, now: Instant) -> Step:
        """An act of the centre. It moves times, and resurrects no phase that is past."""
        try:
            extended = self.schedule.heard(event.data, self._wall.text(now))
        except ScheduleRefusedError as error:
            if event.reply is not None:
                return _refuse(event.reply, f"schedule refused: {error}", exit_codes.DATA)
            return self._incident("schedule-refused", str(error), now)
        step = Step(facts=[] if extended is None else [extended])
        if event.reply is not None:
            step.effects.append(Reply(event.reply, {"ok": True, "followed": extended is not None}))
        return step

    def _media_asked(self, event: MediaAsked, now: Instant) -> Step:
        """Hand out what is released; the first time is journaled."""
        serial, seqs = self.state.released
        if not serial:
            return _refuse(
                event.reply,
                "nothing is released: two officials of different bodies must order release-media first",
                exit_codes.FORBIDDEN,
            )
        step = Step(effects=[Reply(event.reply, {"ok": True, "media": media.released(self.state)})])
        if self.state.handed_out != serial:
            step.facts.append(MediaHandedOut(at=self._wall.text(now), serial=serial, seqs=seqs))
        return step

    def _readiness_asked(self, event: ReadinessAsked, now: Instant) -> Step:
        if self._readiness is not None:
            return _refuse(
                event.reply,
                "a readiness check is under way; ask again in a few seconds",
                exit_codes.UNAVAILABLE,
            )
        if self.state.phase not in READINESS_PHASES:
            return _refuse(
                event.reply, f"the branch is {self.state.phase!r}: readiness is past", exit_codes.FORBIDDEN
            )
        items = [(item.name, item.ok, item.detail) for item in event.items]
        self._readiness = Readiness(event.reply, now + SELF_TEST_MS, items)
        for unit in self.state.active():
            unit.self_test = None
        there = [unit.terminal for unit in self.state.active() if unit.connected]
        return Step(effects=[AskTerminal(terminal, "self-test") for terminal in there])

    def _readiness_over(self, now: Instant) -> Step:
        assert self._readiness is not None  # noqa: S101 - the callers know
        readiness, self._readiness = self._readiness, None
        names, body = readiness.close(self.state.active(), self._definition)
        step = Step(effects=[Reply(readiness.reply, body)])
        if body["ok"] and self.state.phase in READINESS_PHASES:
            step.facts.append(ReadinessPassed(at=self._wall.text(now), items=names))
            if (
                self.state.stage is None
            ):  # entering a phase would sweep an order away that is being carried out
                step.facts.append(self._enter("readiness-passed", now))
        return step

    def _terminal(self, heard: TerminalHeard, now: Instant) -> Step:
        unit = self.state.units[heard.terminal]
        match heard.event:
            case TerminalUp(identity):
                unit.identity, unit.status, unit.asked = identity, None, None
                return self._troubles(terminal_watch.at_greeting(unit, identity), now)
            case TerminalLost(reason):
                unit.identity, unit.status = None, None
                if unit.part == "active":
                    return self._incident("terminal-lost", f"{unit.terminal}: {reason}", now)
            case TerminalDone(action="self-test") | TerminalRefused(action="self-test"):
                unit.self_test = isinstance(heard.event, TerminalDone)
                return self._self_tested(now)
            case _ if not unit.connected:
                pass  # what a foreign terminal did says nothing about ours
            case TerminalStatus():
                unit.status = heard.event
                return self._status(unit, heard.event, now)
            case TerminalDone(action, close_no, report) if action == self.state.wanted(unit):
                return self._done(unit, action, close_no, report, now)
            case TerminalRefused(action, reason) if action == self.state.wanted(unit):
                return self._refused(unit, action, reason, now)
            case _:
                pass  # a late answer to what nobody wants any more
        return Step()

    def _self_tested(self, now: Instant) -> Step:
        waiting = any(unit.self_test is None for unit in self.state.active())
        return Step() if self._readiness is None or waiting else self._readiness_over(now)

    def _status(self, unit: Unit, status: TerminalStatus, now: Instant) -> Step:
        step = self._troubles(terminal_watch.at_status(unit, status), now)
        if unit.part == "active":
            step.join(self._counter(unit, status.public_counter, now))
        return step

    def _counter(self, unit: Unit, counter: int, now: Instant) -> Step:
        if counter > COUNTER_MAX:
            return self._incident(
                "bad-counter", f"{unit.terminal} shows more than {COUNTER_MAX} ballots", now
            )
        if self.state.phase != "open" or now < unit.counter_due:
            return Step()
        unit.counter_due = now + COUNTER_MS
        at = self._wall.text(now)
        return Step(facts=[CounterRead(at=at, terminal=unit.terminal, public_counter=counter)])

    def _refused(self, unit: Unit, action: TerminalAction, reason: str, now: Instant) -> Step:
        if reason == "too-early":
            unit.asked, unit.ask_again_at = action, now + TOO_EARLY_MS
            return Step()
        step = self._incident("terminal-refused", f"{unit.terminal} refuses {action}: {reason}", now)
        if self.state.stage is not None:
            failed = OrderFailed(
                at=self._wall.text(now), kind=self.state.stage, serial=self.state.serial, reason=reason
            )
            step.facts.append(failed)
        return step

    def _done(
        self, unit: Unit, action: TerminalAction, close_no: int, report: bytes | None, now: Instant
    ) -> Step:
        at = self._wall.text(now)
        match action:
            case "open" | "suspend" | "resume" | "close":
                cause = self.state.cause
                acted = TerminalActed(
                    at=at, terminal=unit.terminal, action=action, close_no=close_no, cause=cause
                )
                return Step(facts=[acted])
            case "zero" | "account" | "tally" if report is not None:
                try:
                    return self._report(unit, action, report, at)
                except EvidenceError as error:
                    return self._incident("bad-report", f"{unit.terminal}, {action}: {error}", now)
            case _:
                return self._incident("bad-report", f"{unit.terminal}: {action} without a report", now)

    def _report(self, unit: Unit, action: TerminalAction, data: bytes, at: str) -> Step:
        if action == "zero":
            return Step(facts=[self._reader.zero(unit, data, at)])
        if action == "account":
            return Step(facts=[self._reader.account(unit, data, self.state.voters, at)])
        taken = self._reader.tally(unit, data, self.state.voters, at)
        unit.tally = data
        # Asked again after a restart, the fact is durable already; only the plaintext was missing.
        return Step(facts=[taken] if unit.tally_sha256 is None else [])

    def _envelope_ready(self, event: EnvelopeReady, now: Instant) -> Step:
        self._sealing = False
        if event.seq != self.state.next_seq:
            return Step()
        sealed = EnvelopeSealed(
            at=self._wall.text(now),
            kind=event.kind,
            terminal=event.terminal,
            close_no=event.close_no,
            seq=event.seq,
            sha256=sha256(event.data).hexdigest(),
            envelope=b64(event.data),
        )
        return Step(facts=[sealed])

    # --- small parts ---

    def _enter(self, trigger: PhaseTrigger, now: Instant) -> PhaseEntered:
        return PhaseEntered(
            at=self._wall.text(now), phase=next_phase(self.state.phase, trigger), trigger=trigger
        )

    def _incident(self, code: str, detail: str, now: Instant) -> Step:
        return self._troubles([(code, detail)], now)

    def _troubles(self, troubles: Trouble, now: Instant) -> Step:
        at = self._wall.text(now)
        return Step(facts=[fact for trouble in troubles for fact in self._incidents.record(*trouble, at)])


def _refuse(reply: int, error: str, code: int) -> Step:
    return Step(effects=[Reply(reply, {"ok": False, "error": error, "code": code})])
