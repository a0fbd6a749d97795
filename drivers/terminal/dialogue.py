"""The conversation with a voting terminal, without I/O: session, status, requests and the reading of reports.

One request is under way at any time. An answer counts only under the id of that request; everything else is
dropped and counted. A request that is not answered is sent again under the same id, so that a late answer still
counts. Requests are idempotent at the terminal: after any loss the first in the queue is simply asked again.

Actions are for one terminal alone. Where another one answers HELLO, it is asked for its status and nothing else, and
the queue waits for the right one; where one was plugged in since HELLO, it refuses what is not addressed to it.
"""

from collections import deque
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from drivers.dialogue import Step
from drivers.errors import AnswerError
from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalEvent,
    TerminalIdentity,
    TerminalLost,
    TerminalRefused,
    TerminalUp,
)
from drivers.terminal import messages
from drivers.terminal.frames import ID_MAX, Decoder, Frame, encode

TIMEOUT_MS: Final = 500  # how long one try waits for its answer
TRIES_MAX: Final = 3  # tries of one request before the session counts as lost
RETRY_MS: Final = 1_000  # pause between two HELLOs while the session is lost
SESSION_MAX: Final = 2**32 - 1
CHUNK_MIN: Final = 32  # bytes of a report asked for at once on the worst line


_NOTHING: Final[Step[TerminalEvent]] = Step()


@dataclass(slots=True)
class TerminalCounters:
    """What went wrong on the line since start, for diagnosis. Whole numbers, never reset."""

    stale: int = 0
    """Sound frames that answer no request under way: late, duplicated, or an echo of our own."""
    malformed: int = 0
    """Answers under the right id whose payload is wrong."""
    retries: int = 0
    """Requests sent again."""


@dataclass(slots=True)
class _Exchange:
    """The request under way."""

    kind: int
    id: int
    wire: bytes
    deadline: int
    tries: int = 1


@dataclass(slots=True)
class _Reading:
    """A report being fetched. It outlives a lost session: the same report is read on from where it broke off."""

    action: TerminalAction
    answer: messages.ReportAnswer
    data: bytearray
    announced: bool = True
    """The terminal has announced this report in the present session."""
    breaks: int = 0
    """Sessions lost while it was read."""

    @property
    def wanted(self) -> int:
        """Bytes to ask for next: from the second break on half as many each time, to fit between bursts of noise."""
        size = max(CHUNK_MIN, messages.CHUNK_MAX >> max(0, self.breaks - 1))
        return min(size, self.answer.length - len(self.data))


class TerminalDialogue:
    """One terminal, as a conversation. See ``drivers.dialogue.Dialogue`` for the common methods.

    Args:
        terminal_id: the terminal that the requests are for, 1 to 255 bytes of UTF-8.
        session: number of this run of the kit, 0 to 2**32-1; the terminal may log it.
        status_interval_ms: pause between an answer to STATUS and the next question, at least 1.
    """

    def __init__(self, terminal_id: str, session: int, status_interval_ms: int) -> None:
        if not 0 <= session <= SESSION_MAX:
            raise ValueError(f"session {session}: 0 to {SESSION_MAX} are allowed")
        if status_interval_ms < 1:
            raise ValueError(f"status interval of {status_interval_ms} ms: at least 1 is needed")
        self.counters = TerminalCounters()
        self.decoder = Decoder()
        self._terminal_id = terminal_id
        self._address = messages.address(terminal_id)
        self._session = session
        self._interval_ms = status_interval_ms
        self._line = False
        self._lost = False  # TerminalLost was said, TerminalUp not since
        self._boot_id: int | None = None  # of the session that stands
        self._ours = False  # it stands with the terminal that the requests are for
        self._close_no = 0
        self._status_due = 0  # both instants are set when the line comes up
        self._resume_at = 0
        self._id = session % ID_MAX  # so that a restarted kit begins elsewhere than its predecessor
        self._exchange: _Exchange | None = None
        self._queue: deque[TerminalAction] = deque()  # bounded: every action at most once
        self._reading: _Reading | None = None
        self._complaint = ""
        self._send = bytearray()
        self._events: list[TerminalEvent] = []

    def handle_line_up(self, now: int) -> Step[TerminalEvent]:
        """The line was opened: begin a session."""
        self.decoder.clear()
        self._line = True
        self._forget_session(resume_at=now)
        return self._step(now)

    def handle_line_lost(self, reason: str, now: int) -> Step[TerminalEvent]:
        """The line is gone: so is the session."""
        self._line = False
        self._lose(reason, now)
        return self._step(now)

    def handle_bytes(self, data: bytes, now: int) -> Step[TerminalEvent]:
        """Bytes from the line."""
        for frame in self.decoder.feed(data):
            self._handle_frame(frame, now)
        return self._step(now)

    def handle_tick(self, now: int) -> Step[TerminalEvent]:
        """Act on the deadlines up to ``now``."""
        return self._step(now)

    def handle_request(self, action: TerminalAction, now: int) -> Step[TerminalEvent]:
        """Queue an action unless it is queued or under way; kept over any loss until it has an outcome.

        The step has no events, whatever is due: who asks is not told of other things in between.
        """
        if action not in self._queue:
            self._queue.append(action)
        return self._hand_out(now)

    def wake_at(self) -> int | None:
        """The next deadline, or None while there is no line."""
        if not self._line:
            return None
        if self._exchange:
            return self._exchange.deadline
        return self._resume_at if self._boot_id is None else self._status_due

    # --- asking ------------------------------------------------------------------------------------------------

    def _step(self, now: int) -> Step[TerminalEvent]:
        if self._exchange and now >= self._exchange.deadline:
            self._handle_silence(self._exchange, now)
        return self._hand_out(now)

    def _hand_out(self, now: int) -> Step[TerminalEvent]:
        """Ask what comes next, and hand out what has gathered."""
        if self._line and self._exchange is None:
            self._ask_next(now)
        if not self._events and not self._send:
            return _NOTHING
        step: Step[TerminalEvent] = Step(bytes(self._send), tuple(self._events))
        self._send.clear()
        self._events.clear()
        return step

    def _ask_next(self, now: int) -> None:
        """Session first, then a status that is due, then the queue: long reports never hide a terminal's silence."""
        if self._boot_id is None:
            if now >= self._resume_at:
                self._ask(messages.HELLO, messages.hello(self._session), now)
        elif now >= self._status_due:
            self._ask(messages.STATUS, b"", now)
        elif self._queue and self._ours:
            reading = self._reading
            if reading and reading.announced:
                kind = messages.ACTIONS[reading.action]
                payload = messages.read(kind, len(reading.data), reading.wanted)
                self._ask(messages.READ, payload, now)
            else:
                self._ask(messages.ACTIONS[self._queue[0]], self._address, now)

    def _ask(self, kind: int, payload: bytes, now: int) -> None:
        self._id = self._id % ID_MAX + 1
        wire = encode(Frame(kind, self._id, payload))
        self._exchange = _Exchange(kind, self._id, wire, now + self._patience())
        self._complaint = ""
        self._send += wire

    def _patience(self) -> int:
        return RETRY_MS if self._lost else TIMEOUT_MS

    def _handle_silence(self, exchange: _Exchange, now: int) -> None:
        """No believable answer in time: ask again, or give the session up. A lost session is asked for without end."""
        if exchange.tries < TRIES_MAX or self._lost:
            exchange.tries += 1
            exchange.deadline = now + self._patience()
            self.counters.retries += 1
            self._send += exchange.wire
            return
        name = messages.NAMES[exchange.kind]
        reason = f"no answer to {name} in {TRIES_MAX} tries of {TIMEOUT_MS} ms"
        self._lose(f"{reason}; last complaint: {self._complaint}" if self._complaint else reason, now)

    def _lose(self, reason: str, now: int) -> None:
        self._forget_session(resume_at=now + RETRY_MS)
        if not self._lost:
            self._lost = True
            self._events.append(TerminalLost(reason))

    def _forget_session(self, resume_at: int) -> None:
        self._boot_id = None
        self._exchange = None
        self._resume_at = resume_at
        if self._reading and self._reading.announced:
            self._reading.announced = False
            self._reading.breaks += 1

    # --- hearing -----------------------------------------------------------------------------------------------

    def _handle_frame(self, frame: Frame, now: int) -> None:
        exchange = self._exchange
        answers = exchange is not None and frame.kind in (exchange.kind | messages.ANSWER, messages.REFUSAL)
        if exchange is None or not answers or frame.id != exchange.id:
            self.counters.stale += 1
            return
        try:
            if frame.kind == messages.REFUSAL:
                self._handle_refusal(exchange.kind, frame.payload, now)
            else:
                self._handle_answer(exchange.kind, frame.payload, now)
        except AnswerError as wrong:
            self.counters.malformed += 1
            self._complaint = str(wrong)  # and wait on: the deadline decides
            return
        if self._exchange is exchange:
            self._exchange = None

    def _handle_answer(self, kind: int, payload: bytes, now: int) -> None:
        """Raises AnswerError before anything has changed."""
        if kind == messages.HELLO:
            self._handle_hello(messages.parse_hello(payload), now)
        elif kind == messages.STATUS:
            self._handle_status(messages.parse_status(payload), now)
        elif kind == messages.READ:
            self._handle_chunk(payload, now)
        elif self._queue[0] in messages.REPORTS:
            self._handle_report(self._queue[0], messages.parse_report(payload))
        elif self._queue[0] == "self-test":
            messages.parse_self_test(payload)
            self._finish(TerminalDone("self-test", self._close_no, None))
        else:
            self._finish(TerminalDone(self._queue[0], messages.parse_close_no(payload), None))

    def _handle_refusal(self, kind: int, payload: bytes, now: int) -> None:
        reason = messages.parse_refusal(payload, kind)
        if kind in (messages.HELLO, messages.STATUS):
            raise AnswerError(f"{messages.NAMES[kind]} was refused: {reason}")
        if reason == "other-terminal":  # plugged in since HELLO; the request waits for the right one
            self._lose(f"the terminal on the line says that it is not {self._terminal_id}", now)
        else:
            self._finish(TerminalRefused(self._queue[0], reason))

    def _handle_hello(self, identity: TerminalIdentity, now: int) -> None:
        self._boot_id = identity.boot_id
        self._ours = identity.terminal_id == self._terminal_id
        self._lost = False
        self._status_due = now  # nothing else is asked before the phase is known
        self._events.append(TerminalUp(identity))

    def _handle_status(self, answer: messages.StatusAnswer, now: int) -> None:
        if answer.boot_id != self._boot_id:
            # Rebooted, or another terminal on the same cable: who it is comes first, what it says afterwards. The
            # pause keeps a terminal that is never sure of its boot id from filling the line.
            self._forget_session(resume_at=now + RETRY_MS)
            return
        self._status_due = now + self._interval_ms
        self._close_no = answer.status.close_no
        self._events.append(answer.status)

    def _handle_report(self, action: TerminalAction, answer: messages.ReportAnswer) -> None:
        reading = self._reading
        if reading and (reading.action, reading.answer) == (action, answer):
            reading.announced = True
        else:
            self._reading = _Reading(action, answer, bytearray())

    def _handle_chunk(self, payload: bytes, now: int) -> None:
        reading = self._reading
        assert reading is not None, "READ is asked only while a report is being read"  # noqa: S101 - a bug, not bad input
        kind = messages.ACTIONS[reading.action]
        reading.data += messages.parse_chunk(payload, kind, len(reading.data), reading.wanted)
        if len(reading.data) < reading.answer.length:
            return
        report = bytes(reading.data)
        if sha256(report).digest() == reading.answer.sha256:
            self._finish(TerminalDone(reading.action, reading.answer.close_no, report))
        else:
            self._reading = None
            self._lose(
                f"the {reading.action} report does not have the SHA-256 that was announced for it", now
            )

    def _finish(self, outcome: TerminalDone | TerminalRefused) -> None:
        self._queue.popleft()
        self._reading = None
        self._events.append(outcome)
