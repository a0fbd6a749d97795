"""The conversation with upsd, without I/O: log in, ask for the variables, send instant commands and follow them.

One request is under way at any time: answers carry no number, so that after a missing or a wrong one the line is let
go of and opened anew. What upsd says about its own driver counts at once; silence counts at the third missed poll.
"""

from collections import deque
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.dialogue import Step
from drivers.errors import NutLineError, NutStatusError
from drivers.ports import UpsCommand, UpsCommandEnded, UpsEvent, UpsLost
from drivers.ups.nut.frames import decode, encode, line_decoder
from drivers.ups.nut.readings import VARIABLES, reading
from drivers.ups.nut.target import NutTarget

TIMEOUT_MS: Final = 3_000  # for one answer, and for one poll with all that it needs
MISSED_MAX: Final = 3  # polls without a believable answer before the UPS counts as lost
LIST_LINES_MAX: Final = 2_000  # lines of one list of variables; real UPSes have up to a few hundred
UNSENT_MAX_MS: Final = (
    10_000  # a command that could not be sent for so long is given up: later it may do harm
)
TRACK_MAX_MS: Final = 10_000  # how long upsd is asked what became of a command
TRACK_INTERVAL_MS: Final = 250
ANSWER_SHOWN_MAX: Final = 80  # characters of a strange answer that are shown

_Kind = Literal["USERNAME", "PASSWORD", "LOGIN", "SET TRACKING", "LIST VAR", "INSTCMD", "GET TRACKING"]
_SECRETIVE: Final = ("USERNAME", "PASSWORD")  # what answers these is not shown: it may be an echo


@dataclass(slots=True)
class _Request:
    """What was asked and is not answered yet."""

    kind: _Kind
    deadline: int
    lines: int = 0  # of a list, so far
    variables: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class _Queued:
    """A command that waits for its turn."""

    command: UpsCommand
    give_up_at: int


@dataclass(slots=True)
class _Sent:
    """A command that was sent. ``id``: under which upsd tracks it; None until upsd has answered."""

    command: UpsCommand
    id: str | None = None
    ask_at: int = 0
    give_up_at: int = 0


class _UnexpectedAnswerError(Exception):
    """The answer does not belong to the request: nobody can say what the next one belongs to."""


class NutDialogue:
    """One UPS of one upsd, as a conversation. See ``drivers.dialogue.Dialogue`` for the common methods.

    Args:
        target: which UPS, and as whom.
        poll_interval_ms: from one poll to the next, at least 1; a poll that is not answered holds the next one up for
            TIMEOUT_MS.
    """

    def __init__(self, target: NutTarget, poll_interval_ms: int) -> None:
        if poll_interval_ms < 1:
            raise ValueError(f"poll interval of {poll_interval_ms} ms: at least 1 is needed")
        self._target = target
        self._interval_ms = poll_interval_ms
        self._decoder = line_decoder()
        self._up = False  # the line stands, and is not about to be let go of
        self._no_line = "there is no connection yet"
        self._opening: deque[tuple[_Kind, bytes]] = deque()  # what is still to be said before the first poll
        self._request: _Request | None = None
        self._next_poll: int | None = None  # None until the line was first tried
        self._poll_deadline: int | None = None  # of the poll that is under way
        self._poll_asked = False
        self._missed = 0
        self._lost = False  # UpsLost was said, and no reading since
        self._complaint = ""
        self._queue: deque[_Queued] = deque()  # bounded: every command at most once
        self._sent: _Sent | None = None
        self._hang_up: str | None = None
        self._events: list[UpsEvent] = []

    def handle_line_up(self, now: int) -> Step[UpsEvent]:
        """The connection stands (and TLS with it): log in, then poll at once."""
        self._begin_session()
        self._up = True
        if self._poll_deadline is None:
            self._next_poll = now
        return self._step(now)

    def handle_line_lost(self, reason: str, now: int) -> Step[UpsEvent]:
        """The connection is gone: a poll that is under way will be missed at its deadline unless it comes back."""
        self._up = False
        self._no_line = reason
        self._request = None
        if self._sent is not None:
            self._end("lost", f"{reason}; it may or may not have been carried out")
        if self._next_poll is None:
            self._next_poll = now
        return self._step(now)

    def handle_bytes(self, data: bytes, now: int) -> Step[UpsEvent]:
        """Bytes from upsd."""
        for line in self._decoder.feed(data):
            if self._up:
                self._handle_line(line, now)
        return self._step(now)

    def handle_tick(self, now: int) -> Step[UpsEvent]:
        """Act on the deadlines up to ``now``."""
        return self._step(now)

    def handle_command(self, command: UpsCommand, now: int) -> Step[UpsEvent]:
        """Queue a command unless it is queued or under way.

        The step has no events, whatever is due: who asks is not told of other things in between.
        """
        under_way = self._sent is not None and self._sent.command == command
        if not under_way and all(queued.command != command for queued in self._queue):
            self._queue.append(_Queued(command, now + UNSENT_MAX_MS))
        return Step(self._ask_next(now))

    def wake_at(self) -> int | None:
        """The next deadline, or None before the line was first tried."""
        instants = [self._next_poll if self._poll_deadline is None else self._poll_deadline]
        if self._request is not None:
            instants.append(self._request.deadline)
        if self._queue:
            instants.append(self._queue[0].give_up_at)
        if self._sent is not None and self._sent.id is not None:
            instants.append(self._sent.give_up_at)
            if self._request is None:
                instants.append(self._sent.ask_at)
        return min((instant for instant in instants if instant is not None), default=None)

    # --- asking ------------------------------------------------------------------------------------------------

    def _begin_session(self) -> None:
        target = self._target
        self._decoder.clear()
        self._request = None
        self._hang_up = None
        self._poll_asked = False
        self._opening.clear()
        if target.username is not None and target.password is not None:
            self._opening += (
                ("USERNAME", encode("USERNAME", target.username)),
                ("PASSWORD", encode("PASSWORD", target.password)),
                ("LOGIN", encode("LOGIN", target.ups)),
                ("SET TRACKING", encode("SET", "TRACKING", "ON")),
            )

    def _step(self, now: int) -> Step[UpsEvent]:
        self._serve_deadlines(now)
        send = self._ask_next(now)
        events, hang_up = tuple(self._events), self._hang_up
        self._events.clear()
        self._hang_up = None
        return Step(send, events, hang_up)

    def _serve_deadlines(self, now: int) -> None:
        request = self._request
        if request is not None and now >= request.deadline:
            self._let_go(f"upsd has not answered {request.kind} within {TIMEOUT_MS} ms")
        if self._sent is not None and self._sent.id is not None and now >= self._sent.give_up_at:
            self._end("forwarded", f"upsd calls it pending after {TRACK_MAX_MS} ms")
        while self._queue and now >= self._queue[0].give_up_at:
            command = self._queue.popleft().command
            why = "upsd is busy with others" if self._up else self._no_line
            self._events.append(
                UpsCommandEnded(command, "lost", f"not sent within {UNSENT_MAX_MS} ms, and given up: {why}")
            )
        if self._poll_deadline is not None and now >= self._poll_deadline:
            silence = self._complaint or f"no answer within {TIMEOUT_MS} ms"
            self._miss(silence if self._up else self._no_line)
        if self._poll_deadline is None and self._next_poll is not None and now >= self._next_poll:
            self._next_poll = now + self._interval_ms
            if self._up:
                self._poll_deadline = now + TIMEOUT_MS
                self._poll_asked = False
                self._complaint = ""
            else:
                self._miss(self._no_line)

    def _ask_next(self, now: int) -> bytes:
        """Returns the next request, where none is under way: login, a poll that is due, then commands."""
        if not self._up or self._request is not None:
            return b""
        sent, target = self._sent, self._target
        if self._opening:
            kind, wire = self._opening.popleft()
        elif self._poll_deadline is not None and not self._poll_asked:
            self._poll_asked = True
            kind, wire = "LIST VAR", encode("LIST", "VAR", target.ups)
        elif sent is not None:
            if sent.id is None or now < sent.ask_at:
                return b""
            sent.ask_at = now + TRACK_INTERVAL_MS
            kind, wire = "GET TRACKING", encode("GET", "TRACKING", sent.id)
        elif self._queue:
            self._sent = _Sent(self._queue.popleft().command)
            kind, wire = "INSTCMD", encode("INSTCMD", target.ups, self._sent.command)
        else:
            return b""
        self._request = _Request(kind, now + TIMEOUT_MS)
        return wire

    # --- answers -----------------------------------------------------------------------------------------------

    def _handle_line(self, line: bytes, now: int) -> None:
        request = self._request
        if request is None:
            self._let_go(f"upsd says what nobody asked for: {_shown(line)}")
            return
        try:
            self._handle_answer(request, line, now)
        except (NutLineError, _UnexpectedAnswerError):
            shown = "something else" if request.kind in _SECRETIVE else _shown(line)
            self._let_go(f"upsd answered {request.kind} with {shown}")

    def _handle_answer(self, request: _Request, line: bytes, now: int) -> None:
        if request.kind == "LIST VAR" and request.lines:
            self._handle_list_line(request, line)
            return
        words = decode(line)
        if words[0] == "ERR":
            self._request = None
            self._handle_refusal(request.kind, words[1] if len(words) > 1 else "without a word why")
            return
        match request.kind:
            case "LIST VAR":
                if words != ["BEGIN", "LIST", "VAR", self._target.ups]:
                    raise _UnexpectedAnswerError
                request.lines = 1
                return
            case "INSTCMD":
                self._handle_forwarded(words, now)
            case "GET TRACKING":
                self._handle_tracked(words)
            case _ if words[0] != "OK":
                raise _UnexpectedAnswerError
            case _:
                pass
        self._request = None

    def _handle_list_line(self, request: _Request, line: bytes) -> None:
        """One line of the list; the deadline is that of the whole list."""
        request.lines += 1
        if request.lines > LIST_LINES_MAX:
            self._let_go(f"upsd tells more than {LIST_LINES_MAX} variables")
            return
        try:
            words = decode(line)
        except NutLineError:
            return  # a driver's text that NUT itself writes wrongly spoils no other variable
        match words:
            case ["VAR", self._target.ups, str(name), str(value)]:
                if name in VARIABLES:
                    request.variables[name] = value
            case ["END", "LIST", "VAR", self._target.ups]:
                self._request = None
                self._handle_variables(request.variables)
            case ["VAR", *_]:
                pass
            case _:
                raise _UnexpectedAnswerError

    def _handle_variables(self, variables: dict[str, str]) -> None:
        self._poll_deadline = None
        try:
            event = reading(variables)
        except NutStatusError as wrong:
            self._miss(str(wrong))
        else:
            self._missed = 0
            self._lost = False
            self._events.append(event)

    def _handle_forwarded(self, words: list[str], now: int) -> None:
        match words:
            case ["OK", "TRACKING", str(number)] if self._sent is not None:
                self._sent.id = number
                self._sent.ask_at = now
                self._sent.give_up_at = now + TRACK_MAX_MS
            case ["OK"]:
                self._end(
                    "forwarded", "upsd passed it on to its driver, and does not track what becomes of it"
                )
            case _:
                raise _UnexpectedAnswerError

    def _handle_tracked(self, words: list[str]) -> None:
        match words:
            case ["SUCCESS"]:
                self._end("done", "the driver carried it out")
            case ["PENDING"]:
                pass
            case _:
                raise _UnexpectedAnswerError

    def _handle_refusal(self, kind: _Kind, code: str) -> None:
        sentence = self._sentence(code)
        match kind:
            case "LIST VAR":
                self._poll_deadline = None
                self._lose(sentence)
            case "INSTCMD" | "GET TRACKING":
                self._end("refused", sentence)
            case "SET TRACKING":
                pass  # an upsd older than 2.8: commands are forwarded, and that is all we hear
            case _:
                self._lose(f"upsd refuses {kind}: {sentence}")
                self._let_go(f"upsd refuses {kind}: {sentence}")

    def _sentence(self, code: str) -> str:
        ups = self._target.ups
        match code:
            case "ACCESS-DENIED":
                return "ACCESS-DENIED: check user name, password and rights in upsd.users, and upsd's hosts.allow"
            case "UNKNOWN-UPS":
                return f"UNKNOWN-UPS: upsd has no UPS named {ups}; check ups.conf there"
            case "DRIVER-NOT-CONNECTED":
                return f"DRIVER-NOT-CONNECTED: upsd has no driver running for {ups}; start it"
            case "DATA-STALE":
                return f"DATA-STALE: the driver of {ups} has told upsd nothing for a while; check it and the cable"
            case _:
                return f"upsd says ERR {code[:ANSWER_SHOWN_MAX]!s}"

    # --- outcomes ----------------------------------------------------------------------------------------------

    def _end(self, outcome: Literal["done", "forwarded", "refused", "lost"], detail: str) -> None:
        assert self._sent is not None  # noqa: S101 - only called while a command is under way
        self._events.append(UpsCommandEnded(self._sent.command, outcome, detail))
        self._sent = None

    def _let_go(self, reason: str) -> None:
        """Have the line hung up; until it is, nothing counts any more."""
        self._up = False
        self._no_line = self._hang_up = self._complaint = reason
        self._request = None

    def _miss(self, reason: str) -> None:
        """Count a poll as missed; silence is told at the third in a row."""
        self._poll_deadline = None
        self._missed += 1
        if self._missed >= MISSED_MAX:
            self._lose(f"no believable answer in {MISSED_MAX} polls: {reason}")

    def _lose(self, reason: str) -> None:
        """Say UpsLost, and not again before a reading."""
        if not self._lost:
            self._lost = True
            self._events.append(UpsLost(reason))


def _shown(line: bytes) -> str:
    return repr(line[:ANSWER_SHOWN_MAX].decode("utf-8", errors="replace"))
