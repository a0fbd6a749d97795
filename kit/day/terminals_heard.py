"""What terminals say, and what follows from it for the day.

Their numbers are verified, recorded and flagged, never mended. The plaintext of a tally stays in RAM.
"""

from typing import Final

from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalLost,
    TerminalRefused,
    TerminalStatus,
    TerminalUp,
)
from failover.events import Instant
from kit.core import Step
from kit.day import terminal_watch
from kit.day.day_state import DayState
from kit.day.readiness import ReadinessDesk
from kit.day.report_reader import ReportReader
from kit.day.terminal_watch import Trouble
from kit.day.units import Unit
from kit.events import TerminalHeard
from kit.facts import CounterRead, OrderFailed, TerminalActed
from kit.incidents import Incidents
from kit.wall import Wall

TOO_EARLY_MS: Final = 1_000  # the terminal's clock may be a little behind ours
COUNTER_MS: Final = 15 * 60 * 1000  # how often the public counter is written down
COUNTER_MAX: Final = 0xFFFFFF  # ballots (crypto.wire.Count); the wire has room for nonsense beyond it


class TerminalsHeard:
    """Part of the day's core."""

    def __init__(
        self,
        manifest: TrustedManifest,
        branch: str,
        *,
        state: DayState,
        readiness: ReadinessDesk,
        wall: Wall,
        incidents: Incidents,
    ) -> None:
        self._state, self._readiness, self._wall, self._incidents = state, readiness, wall, incidents
        self._reader = ReportReader(manifest, branch)

    def forget(self, now: Instant) -> None:
        """A new life: no terminal has been heard yet."""
        for unit in self._state.units.values():
            unit.forget()
            # A kit that is restarted again and again must not read the counter more often for it.
            unit.counter_due = 0 if unit.public_counter is None else now + COUNTER_MS

    def all_accounted(self, now: Instant) -> Step:
        """Every account is in: what they say together of the poll book."""
        return self._troubles(self._reader.poll_book(self._state.units.values(), self._state.voters), now)

    def heard(self, heard: TerminalHeard, now: Instant) -> Step:
        """One word of one terminal."""
        unit = self._state.units[heard.terminal]
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
                return self._readiness.self_tested(now)
            case _ if not unit.connected:
                pass  # what a foreign terminal did says nothing about ours
            case TerminalStatus():
                unit.status = heard.event
                return self._status(unit, heard.event, now)
            case TerminalDone(action, close_no, report) if action == self._state.wanted(unit):
                return self._done(unit, action, close_no, report, now)
            case TerminalRefused(action, reason) if action == self._state.wanted(unit):
                return self._refused(unit, action, reason, now)
            case _:
                pass  # a late answer to what nobody wants any more
        return Step()

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
        if self._state.phase != "open" or now < unit.counter_due:
            return Step()
        unit.counter_due = now + COUNTER_MS
        at = self._wall.text(now)
        return Step(facts=[CounterRead(at=at, terminal=unit.terminal, public_counter=counter)])

    def _refused(self, unit: Unit, action: TerminalAction, reason: str, now: Instant) -> Step:
        if reason == "too-early":
            unit.asked, unit.ask_again_at = action, now + TOO_EARLY_MS
            return Step()
        step = self._incident("terminal-refused", f"{unit.terminal} refuses {action}: {reason}", now)
        if self._state.stage is not None:
            failed = OrderFailed(
                at=self._wall.text(now), kind=self._state.stage, serial=self._state.serial, reason=reason
            )
            step.facts.append(failed)
        return step

    def _done(
        self, unit: Unit, action: TerminalAction, close_no: int, report: bytes | None, now: Instant
    ) -> Step:
        at = self._wall.text(now)
        match action:
            case "open" | "suspend" | "resume" | "close":
                cause = self._state.cause
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
            return Step(facts=[self._reader.account(unit, data, self._state.voters, at)])
        taken = self._reader.tally(unit, data, self._state.voters, at)
        unit.tally = data
        # Asked again after a restart, the fact is durable already; only the plaintext was missing.
        return Step(facts=[taken] if unit.tally_sha256 is None else [])

    def _incident(self, code: str, detail: str, now: Instant) -> Step:
        return self._troubles([(code, detail)], now)

    def _troubles(self, troubles: Trouble, now: Instant) -> Step:
        return self._incidents.step(troubles, self._wall.text(now))
