"""The polling day: from commissioned to archived, by orders of officials and signed words of terminals.

Rules that live here: nothing happens before its scheduled time; the account before the tally; one envelope is sealed
at a time, so that ``seq`` and ``prev`` form a chain. Beside this file, day_desk.py is where people meet the day,
terminals_heard.py where terminals do, readiness.py where both make a readiness check, and day_state.py is what is
durable of it all.
"""

from hashlib import sha256
from typing import Final

from crypto.codec import b64
from crypto.manifest import TrustedManifest
from crypto.statements import Cause
from drivers.ports import TerminalAction
from failover.events import Instant
from kit.core import Step
from kit.day.day_desk import DayDesk
from kit.day.day_state import DayState
from kit.day.readiness import ReadinessDesk
from kit.day.schedule import EffectiveSchedule
from kit.day.takeover import follow_terminals, heard_from_all
from kit.day.terminals_heard import TerminalsHeard
from kit.day.units import Unit
from kit.effects import AskTerminal, SealTally, SignAccount
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
from kit.facts import EnvelopeSealed, Fact, PhaseTrigger
from kit.incidents import Incidents
from kit.wall import Wall

ASK_AGAIN_MS: Final = 10_000  # after an answer that could not be used, or none


class PollingDay:
    """Core of the day. See the module's rules.

    ``device``: this kit, where it is a standby; ``cause``: why it makes envelopes, until it takes over from another.
    """

    def __init__(
        self, manifest: TrustedManifest, branch: str, *, device: str | None = None, cause: Cause = "first"
    ) -> None:
        self.schedule = EffectiveSchedule(manifest, branch)
        self.state = DayState(manifest.branch(branch), cause)
        self._wall = wall = Wall()
        # volatile
        self._incidents = incidents = Incidents()
        self._desk = DayDesk(
            manifest,
            branch,
            device=device,
            state=self.state,
            schedule=self.schedule,
            wall=wall,
            incidents=incidents,
        )
        self._readiness = ReadinessDesk(self.state, wall, manifest.definition_sha256(branch))
        self._terminals = TerminalsHeard(
            manifest, branch, state=self.state, readiness=self._readiness, wall=wall, incidents=incidents
        )
        self._sealing = False
        self._uplink_usable = False

    # --- core contract ---

    def handle(self, event: Event, now: Instant) -> Step:
        """React, then do whatever the present state calls for."""
        step = Step()
        match event:
            case Booted():
                self._booted(event, now)
            case OrderReceived():
                step = self._desk.order(event, now)
            case ReadinessAsked():
                step = self._readiness.ask(event, now)
            case TerminalHeard():
                step = self._terminals.heard(event, now)
            case EnvelopeReady():
                step = self._envelope_ready(event, now)
            case ScheduleHeard():
                step = self._desk.schedule(event, now)
            case MediaAsked():
                step = self._desk.media(event, now)
            case UplinksUsable():
                self._uplink_usable = bool(event.uplinks)
            case _:
                pass
        # Facts of this step are not folded yet: what follows from them comes with the next tick.
        if not step.facts:
            step.join(self._pursue(now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        self.state.apply(fact)
        self.schedule.apply(fact)
        self._desk.apply(fact)

    def wake_at(self) -> Instant | None:
        """The earliest of: a terminal to be asked (again), the time of the tally, the end of a self-test."""
        if self.state.reached(uplink_usable=self._uplink_usable) is not None or self._sealable() is not None:
            return 0
        deadlines: list[Instant] = []
        if self._readiness.until is not None:
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
        if self._readiness.until is not None and now >= self._readiness.until:
            return self._readiness.close(now)
        if self.state.stage == "reissue" and heard_from_all(self.state.active()):
            facts, objection = follow_terminals(self.state, self._wall.text(now))
            if objection is not None:
                step = self._incidents.step([("take-over-refused", objection)], self._wall.text(now))
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
        step = Step(facts=[self.state.entering(trigger, self._wall.text(now))])
        if trigger == "all-accounted":
            step.join(self._terminals.all_accounted(now))
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
        self._sealing, self._uplink_usable = False, False
        self._desk.forget()
        self._readiness.forget()
        self._terminals.forget(now)

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
