"""One command at a time over a line on which other things are said too: which line is whose.

A modem may send unsolicited result codes (URC) between any two lines, within an answer too. An answer's lines are known
by their prefix; where an answer has none (``AT+CGMI``), every line that has none and is no known URC is the answer's.
Messages come as two lines, a header that tells the TPDU's length and the TPDU in hexadecimal: they are joined here, so
that nothing can come between.
"""

import re
from dataclasses import dataclass, field
from typing import Final, Literal

from drivers.modem.at.answers import parse_registration, parse_tpdu_length, prefix_of
from drivers.modem.at.lines import Line, LineDecoder, Prompt
from drivers.modem.at.results import Result, final_result
from drivers.modem.errors import AtAnswerError

ANSWER_LINES_MAX: Final = 600  # lines of one answer: a full store of 255 messages, and more
HEADERS_MAX: Final = 4  # headers that wait for their TPDU
_HEADERS: Final = ("+CMT", "+CDS", "+CMGR", "+CMGL")
_ANSWERED_HEADERS: Final = ("+CMGR", "+CMGL")
_REGISTRATIONS: Final = ("+CREG", "+CGREG", "+CEREG", "+C5GREG")
_HEX: Final = re.compile(r"(?:[0-9A-Fa-f]{2})+")
_BARE_URC: Final = re.compile(
    r"RING|RDY|\^?SYSSTART.*|MODEM:STARTUP|\+?PBREADY|(?:PB|SMS) (?:DONE|READY)|Call Ready|SMS Ready|NO CARRIER|"
    r"(?:NORMAL )?POWER(?:ED)? DOWN|APP RDY|OVER-VOLTAGE.*|UNDER-VOLTAGE.*",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Ask:
    """A command. ``prefixes``: of the lines that answer it, empty for one whose answer has none.

    ``payload``: what goes out at the prompt. ``raw``: bytes that go as they are, before the command.
    """

    command: str
    prefixes: tuple[str, ...] = ()
    timeout_ms: int = 5_000
    payload: bytes = b""
    raw: bytes = b""
    bare: bool = False
    """The answer's lines have no prefix."""
    blind: bool = False
    """No answer is awaited beyond the time-out, and none is missed."""
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Rest:
    """Nothing to ask until ``until`` (monotonic milliseconds); ``or_news``: or until something happens."""

    until: int
    or_news: bool = False


@dataclass(slots=True)
class Answer:
    """What came of a command. ``result`` None: nothing within the time-out of a blind command, or a rest."""

    lines: list[str] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    """Headers with their PDU, of +CMGR and +CMGL."""
    result: Result | None = None

    @property
    def ok(self) -> bool:
        """Whether the modem did it."""
        return self.result is not None and self.result.kind == "ok"


@dataclass(frozen=True, slots=True)
class Unsolicited:
    """Something that the modem says by itself; ``pdu`` of +CMT and +CDS."""

    text: str
    pdu: bytes | None = None


@dataclass(frozen=True, slots=True)
class Heard:
    """What a piece of the line came to."""

    kind: Literal["prompt", "answer", "echo", "taken", "unsolicited"]
    unsolicited: Unsolicited | None = None


class Exchange:
    """Sorts what comes. Bounded: one line, HEADERS_MAX headers, ANSWER_LINES_MAX lines of an answer."""

    def __init__(self) -> None:
        self.decoder: Final = LineDecoder()
        self.answer = Answer()
        self._ask: Ask | None = None
        self._prompted = False
        self._headers: list[tuple[str, int]] = []

    @property
    def under_way(self) -> Ask | None:
        """The command that waits for its final result."""
        return self._ask

    @property
    def payload_sent(self) -> bool:
        """Whether the payload went out at the prompt: from here on, silence does not mean that nothing happened."""
        return self._prompted

    def begin(self, ask: Ask) -> bytes:
        """Returns what goes out for a command."""
        self._ask = ask
        self._prompted = False
        self.answer = Answer()
        return ask.raw + (ask.command.encode("ascii") + b"\r" if ask.command else b"")

    def end(self) -> None:
        """No command is under way any more."""
        self._ask = None
        self._headers = [header for header in self._headers if prefix_of(header[0]) not in _ANSWERED_HEADERS]

    def reset(self) -> None:
        """A new line: forget halves."""
        self.decoder.clear()
        self._headers.clear()
        self._ask = None
        self._prompted = False
        self.answer = Answer()

    def sort(self, token: Line | Prompt) -> Heard | None:
        """Returns what a token came to; None where it is a line of an answer, or nothing."""
        if isinstance(token, Prompt):
            if self._ask is None or not self._ask.payload or self._prompted:
                return None
            self._prompted = True
            return Heard("prompt")
        text = token.text
        if (joined := self._join(text)) is not None:
            return joined
        if self._ask is not None:
            if text == self._ask.command or (
                self._ask.raw and text.endswith(self._ask.command) and self._ask.command
            ):
                return Heard("echo")
            if (result := final_result(text)) is not None:
                self.answer.result = result
                return Heard("answer")
        elif final_result(text) is not None:
            return None  # too late
        if self._is_answer(text):
            if len(self.answer.lines) < ANSWER_LINES_MAX:
                self.answer.lines.append(text)
            return None
        return Heard("unsolicited", Unsolicited(text))

    def _is_answer(self, text: str) -> bool:
        ask, prefix = self._ask, prefix_of(text)
        if ask is None:
            return False
        if not prefix:
            return ask.bare and text[0] not in "+^*$%" and not _BARE_URC.fullmatch(text)
        if ask.bare and f"AT{prefix}" == ask.command:
            return True
        if prefix not in ask.prefixes:
            return False
        if prefix in _REGISTRATIONS:
            try:
                return parse_registration(text).solicited
            except AtAnswerError:
                return False
        return True

    def _join(self, text: str) -> Heard | None:
        """Take headers of messages, and the TPDU that belongs to the last of them that has this length."""
        if self._headers and _HEX.fullmatch(text):
            pdu = bytes.fromhex(text)
            for at in reversed(range(len(self._headers))):
                header, length = self._headers[at]
                if len(pdu) != length and len(pdu) != 1 + pdu[0] + length:
                    continue
                del self._headers[at]
                if prefix_of(header) not in _ANSWERED_HEADERS:
                    return Heard("unsolicited", Unsolicited(header, pdu))
                if len(self.answer.messages) < ANSWER_LINES_MAX:
                    self.answer.messages.append((header, pdu))
                return Heard("taken")
        prefix = prefix_of(text)
        if prefix not in _HEADERS or (
            prefix in _ANSWERED_HEADERS and (self._ask is None or prefix not in self._ask.prefixes)
        ):
            return None
        try:
            self._headers.append((text, parse_tpdu_length(text)))
        except AtAnswerError:
            return Heard("unsolicited", Unsolicited(text))
        del self._headers[:-HEADERS_MAX]
        return Heard("taken")
