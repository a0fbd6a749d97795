"""The conversation with an ESC/POS printer, without I/O: watch it, and print tapes band by band.

Every band is followed by ``GS r 1``, which the printer answers when it comes to it in its buffer: so many bands are
surely printed. Meanwhile ``DLE EOT``, which it answers at once, tells why a confirmation does not come. A tape counts
as printed when its cut is confirmed and the status after that is still fine.

A printer that never answers anything (``answers=False``) gets its bands at the pace at which slow printers print;
nothing is known of it, so no status is said, and the tape counts as printed *unconfirmed*.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.dialogue import Step
from drivers.ports import (
    Band,
    PrinterEvent,
    PrinterLost,
    PrinterStatus,
    Tape,
    TapeBroken,
    TapePrinted,
    TapeProgress,
)
from drivers.printer import encode
from drivers.printer.status import (
    CONFIRM,
    NO_AUTOMATIC_STATUS,
    Confirmed,
    PrinterAnswerError,
    Query,
    parse,
    question,
    status_of,
)

QUEUE_MAX: Final = 32  # tapes that wait: two of each of eight terminals, and as many again
IN_FLIGHT_MAX: Final = (
    3_584  # bytes not confirmed yet: serial printers buffer 4 KiB, and stop nobody who sends more
)
TIMEOUT_MS: Final = 1_000  # for one answer to DLE EOT
TIMEOUT_BUSY_MS: Final = 6_000  # the same behind IN_FLIGHT_MAX bytes at 9600 baud
MISSED_MAX: Final = 3  # questions in a row without an answer before the printer counts as lost
POLL_MS: Final = 10_000  # between rounds of questions while nothing is printed
POLL_PRINTING_MS: Final = 1_000
CONFIRM_TIMEOUT_MS: Final = 20_000  # for the next band: a print head may stop to cool down
SETTLE_MS: Final = 2_000  # without a word of what was left in the buffer, before another tape begins
BLIND_ROWS_PER_S: Final = 300  # dots: 38 mm/s, slower than any receipt printer

_Reason = Literal["paper-out", "cover-open", "error", "lost"]


@dataclass(slots=True)
class _Job:
    """The tape at the head of the queue."""

    tape: Tape
    since: int
    """Only a status asked for after this instant counts."""
    begun: bool = False
    sent: int = 0
    """Pieces: the bands, and last the cut."""
    confirmed: int = 0
    in_flight: deque[int] = field(default_factory=deque)
    """Bytes of each piece that is not confirmed."""
    next_by: int = 0
    """When the next confirmation must be there; unconfirmed: when the next piece may be sent."""

    @property
    def pieces(self) -> int:
        return len(self.tape.bands) + 1

    @property
    def closing(self) -> bool:
        return self.confirmed == self.pieces


class PrinterDialogue:
    """One printer, as a conversation. See ``drivers.dialogue.Dialogue`` for the methods.

    Args:
        answers: whether the printer answers DLE EOT and GS r at all; without, nothing is ever confirmed.
        poll_ms: from one round of questions to the next while nothing is printed, at least 1.
    """

    def __init__(self, *, answers: bool = True, poll_ms: int = POLL_MS) -> None:
        if poll_ms < 1:
            raise ValueError(f"poll interval of {poll_ms} ms: at least 1 is needed")
        self._answers, self._poll_ms = answers, poll_ms
        self._line = False
        self._queue: deque[Tape] = deque()
        self._job: _Job | None = None
        self._round: dict[Query, int] = {}
        self._asked: Query | None = None
        self._deadline = 0
        self._round_began = 0
        self._next_round = 0
        self._missed = 0
        self._lost = False
        self._status: PrinterStatus | None = None
        self._checked_at = -1  # when the questions of the last complete round began
        self._left = 0  # bytes of the largest piece that may lie in the printer after a tape broke off
        self._settled_at = 0
        self._out = bytearray()
        self._events: list[PrinterEvent] = []

    # --- requests and the line ---

    def print(self, tape: Tape, now: int) -> Step[PrinterEvent]:
        """Queue a tape; raises encode.BandError for one that no printer takes. See ``drivers.ports.Printer.print``."""
        for band in tape.bands:
            encode.check(band)
        known = {waiting.id for waiting in self._queue} | ({self._job.tape.id} if self._job else set())
        if tape.id in known:
            return Step()
        if len(self._queue) >= QUEUE_MAX:
            self._events.append(TapeBroken(tape.id, 0, len(tape.bands), "error"))
        else:
            self._queue.append(tape)
        return self._step(now)

    def handle_line_up(self, now: int) -> Step[PrinterEvent]:
        """The line was opened: ask at once."""
        self._line = True
        self._asked, self._missed, self._next_round = None, 0, now
        self._checked_at = -1
        self._settled_at = now + SETTLE_MS
        self._out += encode.NUL * self._left  # a picture may have been cut off in the middle
        if self._answers:
            self._out += NO_AUTOMATIC_STATUS
        else:
            self._lost = False
        return self._step(now)

    def handle_line_lost(self, reason: str, now: int) -> Step[PrinterEvent]:
        """The line is gone: nothing that waits for it will be printed."""
        self._line, self._asked = False, None
        self._give_up(reason)
        step = self._step(now)
        return Step(b"", step.events)

    def handle_bytes(self, data: bytes, now: int) -> Step[PrinterEvent]:
        """Bytes from the line; those that are no answers, or that nobody asked for, are passed over."""
        for byte in data:
            try:
                answer = parse(byte)
            except PrinterAnswerError:
                continue
            if isinstance(answer, Confirmed):
                self._confirmed(answer, now)
            elif self._asked is not None:
                self._answered(answer.bits, now)
        return self._step(now)

    def handle_tick(self, now: int) -> Step[PrinterEvent]:
        """Act on the deadlines up to ``now``."""
        return self._step(now)

    def wake_at(self) -> int | None:
        """The next deadline, or None without a line."""
        if not self._line:
            return None
        deadlines = []
        if self._answers:
            deadlines.append(self._next_round if self._asked is None else self._deadline)
        job = self._job
        if job is not None:
            if job.begun and not job.closing:
                deadlines.append(job.next_by)
            elif not job.begun and self._left and self._checked_at >= job.since:
                deadlines.append(self._settled_at)
        return min(deadlines, default=None)

    # --- what is due ---

    def _step(self, now: int) -> Step[PrinterEvent]:
        if self._line:
            if self._answers:
                self._watch(now)
            self._print(now)
        step = Step(bytes(self._out) if self._line else b"", tuple(self._events))
        self._out.clear()
        self._events.clear()
        return step

    def _watch(self, now: int) -> None:
        """Questions that went unanswered, bands that were not confirmed, and the next round of questions."""
        if self._asked is not None and now >= self._deadline:
            self._asked, self._next_round = None, now
            self._missed += 1
            if self._missed >= MISSED_MAX:
                self._give_up(f"no answer to {MISSED_MAX} questions: check its power, cable and baud rate")
                self._next_round = now + self._poll_ms
        job = self._job
        if job is not None and job.begun and not job.closing and now >= job.next_by:
            self._give_up(
                f"a band was not confirmed within {CONFIRM_TIMEOUT_MS} ms: if this printer knows no GS r, say "
                f"answers = false"
            )
        if self._asked is None and now >= self._next_round:
            self._round.clear()
            self._round_began = now
            self._ask(1, now)

    def _ask(self, query: Query, now: int) -> None:
        busy = self._left or (self._job is not None and self._job.in_flight)
        self._asked = query
        self._deadline = now + (TIMEOUT_BUSY_MS if busy else TIMEOUT_MS)
        self._out += question(query)

    def _answered(self, bits: int, now: int) -> None:
        assert self._asked is not None  # noqa: S101 - the caller knows
        self._round[self._asked] = bits
        self._missed = 0
        match self._asked:
            case 1:
                self._ask(2, now)
            case 2:
                self._ask(3, now)
            case 3:
                self._ask(4, now)
            case 4:
                self._asked = None
                self._next_round = now + (self._poll_ms if self._job is None else POLL_PRINTING_MS)
                self._checked_at = self._round_began
                self._checked(status_of(self._round), now)

    def _checked(self, status: PrinterStatus, now: int) -> None:
        """A round of questions is complete."""
        trouble = _trouble(status)
        job = self._job
        if job is not None and self._checked_at >= job.since:
            if trouble is not None:
                self._break(trouble)
            elif job.closing:
                self._events.append(TapePrinted(job.tape.id))
                self._job, self._left = None, 0
        if trouble is None and (self._status is None or _trouble(self._status) is not None):
            self._settled_at = now + SETTLE_MS  # what was left in the buffer is printed now
        if status != self._status or self._lost:
            self._status, self._lost = status, False
            self._events.append(status)

    def _confirmed(self, answer: Confirmed, now: int) -> None:
        """The printer came to a ``GS r 1``: of this tape, or of what an earlier one left in its buffer."""
        self._settled_at = now + SETTLE_MS
        job = self._job
        if job is None or not job.in_flight:
            return
        job.in_flight.popleft()
        job.confirmed += 1
        job.next_by = now + CONFIRM_TIMEOUT_MS
        if job.confirmed <= len(job.tape.bands):
            self._events.append(TapeProgress(job.tape.id, job.confirmed, len(job.tape.bands)))
        if answer.paper_out:
            self._break("paper-out")
        elif job.closing:
            job.since = self._next_round = now

    # --- printing ---

    def _print(self, now: int) -> None:
        if self._job is None and self._queue:
            self._job = _Job(self._queue.popleft(), now)
            if self._asked is None:
                self._next_round = now
            if self._answers:
                self._watch(now)
        job = self._job
        if job is None:
            return
        if not self._answers:
            self._print_blindly(job, now)
            return
        if not job.begun:
            if self._checked_at < job.since or (self._left and now < self._settled_at):
                return
            self._begin(job, now)
        while job.sent < job.pieces:
            size = len(piece := self._piece(job))
            if job.in_flight and sum(job.in_flight) + size > IN_FLIGHT_MAX:
                break
            self._out += piece + CONFIRM
            job.in_flight.append(size)
            job.sent += 1
            self._left = max(self._left, size)

    def _print_blindly(self, job: _Job, now: int) -> None:
        if not job.begun:
            self._begin(job, now)
            job.next_by = now
        if now < job.next_by:
            return
        if job.sent == job.pieces:
            self._events.append(TapePrinted(job.tape.id, confirmed=False))
            self._job, self._left = None, 0
            self._print(now)
            return
        height = job.tape.bands[job.sent].height if job.sent < len(job.tape.bands) else encode.CUT_ROWS
        piece = self._piece(job)
        self._out += piece
        self._left = max(self._left, len(piece))
        job.sent += 1
        job.next_by = now + 1000 * height // BLIND_ROWS_PER_S

    def _begin(self, job: _Job, now: int) -> None:
        """Cut off what an earlier tape left behind; then a clean start."""
        job.begun, job.next_by = True, now + CONFIRM_TIMEOUT_MS
        if self._left:
            self._out += encode.cut()
            self._left = 0
        self._out += encode.begin()

    def _piece(self, job: _Job) -> bytes:
        bands: tuple[Band, ...] = job.tape.bands
        return encode.band(bands[job.sent]) if job.sent < len(bands) else encode.cut()

    def _break(self, reason: _Reason) -> None:
        """Give the tape up; what hangs out of the printer is a part of it."""
        assert self._job is not None  # noqa: S101 - the callers know
        tape = self._job.tape
        done = min(self._job.confirmed, len(tape.bands))
        self._job = None
        self._events.append(TapeBroken(tape.id, done, len(tape.bands), reason))

    def _give_up(self, reason: str) -> None:
        """The printer is lost, and every tape with it; said once until it answers again."""
        if self._job is not None:
            self._break("lost")
        while self._queue:
            tape = self._queue.popleft()
            self._events.append(TapeBroken(tape.id, 0, len(tape.bands), "lost"))
        if not self._lost:
            self._lost = True
            self._events.append(PrinterLost(reason))


def _trouble(status: PrinterStatus) -> _Reason | None:
    """Why nothing can be printed."""
    if status.paper == "out":
        return "paper-out"
    if status.cover_open:
        return "cover-open"
    return None if status.online and not status.error else "error"
