"""Tapes: which are due, which one is being printed, which broke off. None is silently missing, none silently doubled.

A zero tape is due when a terminal's zero report is proved, a tally tape when its tally is taken. Every print is a fact
before its first dot, and so is how it ended; what a restart or a power cut leaves open counts as broken off. A tape
that broke off is printed anew from its start, as the next copy, which says so.

The tally stays in RAM: after a restart the terminal is asked again. A sealed tally waits for its tape before it is sent
(DESIGN §4), but at most ``patience_ms``: then an incident says that the tape is missing, and it stays due.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto.codec import unb64
from crypto.statements import Finding
from drivers.ports import (
    PrinterEvent,
    PrinterLost,
    PrinterStatus,
    TapeBroken,
    TapePrinted,
    TapeProgress,
    TerminalDone,
    TerminalLost,
    TerminalUp,
)
from failover.events import Instant
from kit.core import Step
from kit.effects import AskTerminal, PrintTape
from kit.events import Booted, Event, PrinterHeard, ReadinessItem, TerminalHeard
from kit.facts import (
    AccountTaken,
    Archived,
    Fact,
    IncidentRecorded,
    TallyTaken,
    TapeBrokeOff,
    TapeFinished,
    TapeKind,
    TapeOverdue,
    TapeStarted,
    TerminalReplaced,
    ZeroProved,
)
from kit.wall import Wall

PATIENCE_MS: Final = 120_000  # how long the tally's delivery waits for its tape
ASK_FIRST_MS: Final = 1_000  # after a terminal is back, for a tally that is no longer in RAM
ASK_AGAIN_MS: Final = 10_000
RETRY_FIRST_MS: Final = 15_000  # after a printer was lost in the middle of a tape
RETRY_MAX_MS: Final = 600_000  # the wait doubles up to this: each attempt is two facts on the flash


@dataclass(slots=True)
class DueTape:
    """One tape that must be printed, or was."""

    # --- durable, from facts
    kind: TapeKind
    terminal: str
    close_no: int
    report_sha256: str
    findings: tuple[Finding, ...] = ()
    copies: int = 0
    """Prints that were begun."""
    begun: bool = False
    """The last of them has not ended, as far as the journal knows."""
    finished: TapeFinished | None = None
    broke_off: TapeBrokeOff | None = None
    """How the last one that broke off ended."""
    overdue: bool = False
    """Delivery went on without it."""
    # --- volatile
    report: bytes | None = None
    """What is printed; a tally is in RAM alone, and only until its tape is there."""
    patience_until: Instant | None = None
    progress: tuple[int, int] | None = None

    @property
    def name(self) -> str:
        """What the printer calls the present copy."""
        return f"{self.kind}:{self.terminal}:{self.close_no}:{self.copies}"


@dataclass(frozen=True, slots=True)
class PrinterHabits:
    """What the core must know of the printer that the configuration names."""

    answers: bool = True
    """Whether it says anything of itself; without, a tape is tried at once and never confirmed."""
    patience_ms: int = PATIENCE_MS
    """How long the delivery of a tally waits for its tape."""


class Tapes:
    """Core of the printer. Without one nothing is printed and nothing waits."""

    def __init__(self, printer: PrinterHabits | None) -> None:
        habits = printer or PrinterHabits()
        self.has_printer = printer is not None
        self._answers, self._patience_ms = habits.answers, habits.patience_ms
        self.due: dict[tuple[TapeKind, str], DueTape] = {}
        self._account_findings: dict[str, tuple[Finding, ...]] = {}
        self._archived = False
        self._wall = Wall()
        # volatile
        self.status: PrinterStatus | None = None
        self.lost: str | None = None
        self._plain: dict[str, bytes] = {}
        self._there: set[str] = set()
        self._ask_at: dict[str, Instant] = {}
        self._printing: DueTape | None = None
        self._failures = 0
        self._retry_at: Instant = 0

    # --- core contract ---

    def handle(self, event: Event, now: Instant) -> Step:
        """React; then begin what can be printed, and give up waiting for what cannot."""
        step = Step()
        if not self.has_printer:
            return step
        match event:
            case Booted():
                step = self._booted(event, now)
            case TerminalHeard():
                self._terminal(event, now)
            case PrinterHeard(heard):
                step = self._heard(heard, now)
            case _:
                pass
        if not step.facts:
            step.join(self._pursue(now))
        return step

    def apply(self, fact: Fact) -> None:
        """Fold."""
        match fact:
            case ZeroProved():
                self._take_up(
                    DueTape("zero", fact.terminal, 0, fact.report_sha256, report=unb64(fact.report))
                )
            case AccountTaken():
                self._account_findings[fact.terminal] = fact.findings
            case TallyTaken():
                findings = (*self._account_findings.get(fact.terminal, ()), *fact.findings)
                self._take_up(DueTape("tally", fact.terminal, fact.close_no, fact.report_sha256, findings))
            case TapeStarted() | TapeFinished() | TapeBrokeOff() | TapeOverdue():
                self._tape_fact(fact)
            case TerminalReplaced():
                self.due.pop(("zero", fact.terminal), None)
            case Archived():
                self._archived = True

    def wake_at(self) -> Instant | None:
        """When something is printed, asked for, or no longer waited for."""
        if not self.has_printer:
            return None
        deadlines = [
            0 if tape.patience_until is None else tape.patience_until
            for tape in self.due.values()
            if self.holds(tape.terminal) and tape.kind == "tally"
        ]
        if self._can_print():
            for tape in self._open():
                if self._report_of(tape) is not None:
                    deadlines.append(self._retry_at)
                elif tape.terminal in self._there:
                    deadlines.append(self._ask_at.get(tape.terminal, 0))
        return min(deadlines, default=None)

    def holds(self, terminal: str) -> bool:
        """Whether the tally of this terminal is not to be sent yet: its tape is being waited for."""
        tape = self.due.get(("tally", terminal))
        return self.has_printer and tape is not None and tape.finished is None and not tape.overdue

    def readiness(self) -> tuple[ReadinessItem, ...]:
        """For the check list of the morning: a printer keeps no branch from opening."""
        if not self.has_printer:
            return ()
        state = self.state
        return (ReadinessItem("printer", ok=True, detail="ok" if state == "ok" else f"warning: {state}"),)

    @property
    def state(self) -> str:
        """How the printer is right now, in one word."""
        if not self._answers:
            return "silent" if self.lost is None else "lost"
        status = self.status
        if status is None:
            return "unknown" if self.lost is None else "lost"
        if status.paper == "out":
            return "paper-out"
        if status.cover_open:
            return "cover-open"
        if status.error or not status.online:
            return "error"
        return "ok" if status.paper == "ok" else "near-end"

    @property
    def printing(self) -> DueTape | None:
        """What the printer is at."""
        return self._printing

    # --- events ---

    def _booted(self, event: Booted, now: Instant) -> Step:
        """What was open when the kit went down broke off, wherever the printer stopped."""
        self._wall.set(event.wall_ms, now)
        self.status = self.lost = self._printing = None
        self._failures, self._retry_at = 0, now
        self._plain.clear()
        self._there.clear()
        self._ask_at.clear()
        facts: list[Fact] = []
        for tape in self.due.values():
            tape.patience_until = tape.progress = None
            if tape.begun:
                facts.append(self._broke_off(tape, TapeBroken(tape.name, 0, 0, "lost"), now, restarted=True))
        return Step(facts=facts)

    def _terminal(self, heard: TerminalHeard, now: Instant) -> None:
        match heard.event:
            case TerminalUp():
                self._there.add(heard.terminal)
                # Where the day wants the tally for its seal, it asks at once; one answer serves both.
                self._ask_at[heard.terminal] = now + ASK_FIRST_MS
            case TerminalLost():
                self._there.discard(heard.terminal)
            case TerminalDone(action="tally", report=report) if report is not None:
                tape = self.due.get(("tally", heard.terminal))
                if tape is None or tape.finished is None:
                    self._plain[heard.terminal] = report

    def _heard(self, heard: PrinterEvent, now: Instant) -> Step:
        tape = self._printing
        match heard:
            case PrinterStatus():
                was_fine, self.status, self.lost = self._fine, heard, None
                if self._fine and not was_fine and self._failures == 0:
                    self._retry_at = now
            case PrinterLost(reason):
                self.status, self.lost = None, reason
            case TapeProgress(name, done, of) if tape is not None and name == tape.name:
                tape.progress = (done, of)
            case TapePrinted(name, confirmed) if tape is not None and name == tape.name:
                self._printing, tape.progress, self._failures = None, None, 0
                self.lost = None
                finished = TapeFinished(
                    at=self._wall.text(now),
                    kind=tape.kind,
                    terminal=tape.terminal,
                    close_no=tape.close_no,
                    copy=tape.copies,
                    confirmed=confirmed,
                )
                return Step(facts=[finished])
            case TapeBroken(name) if tape is not None and name == tape.name:
                self._printing, tape.progress = None, None
                self._wait_after(heard, now)
                return Step(facts=[self._broke_off(tape, heard, now)])
            case _:
                pass
        return Step()

    def _wait_after(self, broken: TapeBroken, now: Instant) -> None:
        """Paper and cover are people's: the tape starts again when they are done. All else is tried ever more rarely.

        The printer says when it is fine again; where paper was put in faster than it could say that there was none, the
        pause alone starts the tape.
        """
        self._failures = 0 if broken.reason in ("paper-out", "cover-open") else self._failures + 1
        self._retry_at = now + min(RETRY_FIRST_MS << min(max(0, self._failures - 1), 10), RETRY_MAX_MS)

    # --- what the state calls for ---

    @property
    def _fine(self) -> bool:
        return self.state in ("ok", "near-end")

    def _can_print(self) -> bool:
        return self._printing is None and not self._archived and (self._fine or not self._answers)

    def _open(self) -> list[DueTape]:
        """What is still to be printed, the zero tapes first."""
        tapes = [tape for tape in self.due.values() if tape.finished is None]
        return sorted(tapes, key=lambda tape: (tape.kind != "zero", tape.terminal))

    def _report_of(self, tape: DueTape) -> bytes | None:
        if tape.kind == "zero":
            return tape.report
        plain = self._plain.get(tape.terminal)
        return plain if plain is not None and sha256(plain).hexdigest() == tape.report_sha256 else None

    def _pursue(self, now: Instant) -> Step:
        step = Step()
        for tape in self.due.values():
            if tape.kind == "tally" and self.holds(tape.terminal):
                if tape.patience_until is None:
                    tape.patience_until = now + self._patience_ms
                elif now >= tape.patience_until:
                    step.facts += self._overdue(tape, now)
        if step.facts or not self._can_print():
            return step
        for tape in self._open():
            report = self._report_of(tape)
            if report is None:
                if tape.terminal in self._there and now >= self._ask_at.get(tape.terminal, 0):
                    self._ask_at[tape.terminal] = now + ASK_AGAIN_MS
                    step.effects.append(AskTerminal(tape.terminal, "tally"))
            elif now >= self._retry_at:
                step.join(self._start(tape, report, now))
                return step
        return step

    def _start(self, tape: DueTape, report: bytes, now: Instant) -> Step:
        at, copy = self._wall.text(now), tape.copies + 1
        self._printing = tape
        started = TapeStarted(
            at=at, kind=tape.kind, terminal=tape.terminal, close_no=tape.close_no, copy=copy
        )
        name = f"{tape.kind}:{tape.terminal}:{tape.close_no}:{copy}"
        effect = PrintTape(name, tape.kind, tape.terminal, report, at, copy, tape.findings)
        return Step(facts=[started], effects=[effect])

    def _overdue(self, tape: DueTape, now: Instant) -> list[Fact]:
        at = self._wall.text(now)
        detail = f"{tape.terminal}: no tally tape within {self._patience_ms // 1000} s, {self._why()}"
        return [
            TapeOverdue(at=at, kind=tape.kind, terminal=tape.terminal, close_no=tape.close_no),
            IncidentRecorded(at=at, code="tape-missing", detail=detail[:500]),
        ]

    def _why(self) -> str:
        if self.lost is not None:
            return f"the printer does not answer ({self.lost})"
        if self.status is not None and not self._fine:
            return f"paper {self.status.paper}, cover {'open' if self.status.cover_open else 'closed'}"
        return "the printer is at it" if self._printing is not None else "the printer did not print it"

    def _broke_off(
        self, tape: DueTape, broken: TapeBroken, now: Instant, *, restarted: bool = False
    ) -> TapeBrokeOff:
        return TapeBrokeOff(
            at=self._wall.text(now),
            kind=tape.kind,
            terminal=tape.terminal,
            close_no=tape.close_no,
            copy=tape.copies,
            done=broken.done,
            of=broken.of,
            reason="restarted" if restarted else broken.reason,
        )

    def _tape_fact(self, fact: TapeStarted | TapeFinished | TapeBrokeOff | TapeOverdue) -> None:
        """A print of a report that another one has taken the place of meanwhile says nothing about that."""
        tape = self.due.get((fact.kind, fact.terminal))
        if tape is None or tape.close_no != fact.close_no:
            return
        match fact:
            case TapeStarted():
                tape.copies, tape.begun = fact.copy, True
            case TapeOverdue():
                tape.overdue = True
            case TapeFinished() if fact.copy == tape.copies:
                tape.begun, tape.finished, tape.report = False, fact, None
                if fact.kind == "tally":
                    self._plain.pop(fact.terminal, None)
            case TapeBrokeOff() if fact.copy == tape.copies:
                tape.begun, tape.broke_off = False, fact

    def _take_up(self, tape: DueTape) -> None:
        """A report is there: its tape is due, unless that very one is known already."""
        known = self.due.get((tape.kind, tape.terminal))
        if known is None or known.report_sha256 != tape.report_sha256:
            self.due[tape.kind, tape.terminal] = tape
