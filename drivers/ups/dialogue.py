"""The conversation with a UPS, without I/O: ask, wait, and say so when no believable answer comes any more."""

from typing import Final

from drivers.dialogue import Step
from drivers.errors import UpsLineError, UpsRefusedError
from drivers.ports import UpsEvent, UpsLost
from drivers.ups.frames import QUESTION, LineDecoder, parse

TIMEOUT_MS: Final = 1_000  # for one answer: 47 bytes take 196 ms at 2400 baud, and UPSes think slowly
MISSED_MAX: Final = 3  # polls without a believable answer before the UPS counts as lost


class UpsDialogue:
    """One UPS, as a conversation. See ``drivers.dialogue.Dialogue`` for the methods.

    Polls are also missed while there is no line: a plug that is back within three polls is no event. An answer that
    comes after its time-out and before the next poll still counts; more than one answer to a poll does not.

    Args:
        poll_interval_ms: from one question to the next, at least 1; a poll that is not answered holds the next one
            up for TIMEOUT_MS.
    """

    def __init__(self, poll_interval_ms: int) -> None:
        if poll_interval_ms < 1:
            raise ValueError(f"poll interval of {poll_interval_ms} ms: at least 1 is needed")
        self._interval_ms = poll_interval_ms
        self._decoder = LineDecoder()
        self._no_line: str | None = None  # why there is no line
        self._next_poll: int | None = None  # None until the line was first tried
        self._deadline: int | None = None  # of the poll that is under way
        self._listening = False  # the last poll has had no answer
        self._missed = 0
        self._complaint = ""
        self._events: list[UpsEvent] = []

    def handle_line_up(self, now: int) -> Step[UpsEvent]:
        """The line was opened: ask at once."""
        self._no_line = None
        self._next_poll = now
        return self._step(now)

    def handle_line_lost(self, reason: str, now: int) -> Step[UpsEvent]:
        """The line is gone: a poll that is under way will be missed at its deadline."""
        self._no_line = reason
        if self._next_poll is None:
            self._next_poll = now
        return self._step(now)

    def handle_bytes(self, data: bytes, now: int) -> Step[UpsEvent]:
        """Bytes from the line."""
        for line in self._decoder.feed(data):
            if self._listening:
                self._handle_line(line)
        return self._step(now)

    def handle_tick(self, now: int) -> Step[UpsEvent]:
        """Act on the deadlines up to ``now``."""
        return self._step(now)

    def wake_at(self) -> int | None:
        """The next deadline, or None before the line was first tried."""
        return self._next_poll if self._deadline is None else self._deadline

    def _step(self, now: int) -> Step[UpsEvent]:
        send = b""
        if self._deadline is not None and now >= self._deadline:
            self._miss(self._no_line or self._complaint or f"no answer within {TIMEOUT_MS} ms")
        if self._deadline is None and self._next_poll is not None and now >= self._next_poll:
            self._next_poll = now + self._interval_ms
            if self._no_line is None:
                send = self._ask(now)
            else:
                self._miss(self._no_line)
        events = tuple(self._events)
        self._events.clear()
        return Step(send, events)

    def _ask(self, now: int) -> bytes:
        self._decoder.clear()
        self._deadline = now + TIMEOUT_MS
        self._listening = True
        self._complaint = ""
        return QUESTION

    def _handle_line(self, line: bytes) -> None:
        try:
            reading = parse(line)
        except UpsRefusedError as refused:
            if self._deadline is not None:
                self._miss(str(refused))
        except UpsLineError as wrong:
            self._complaint = str(wrong)  # and wait on: a sound line may follow
        else:
            self._deadline = None
            self._listening = False
            self._missed = 0
            self._events.append(reading)

    def _miss(self, reason: str) -> None:
        """Count a poll as missed; UpsLost is said at the third in a row and not again before a reading."""
        self._deadline = None
        self._missed += 1
        if self._missed == MISSED_MAX:
            self._events.append(UpsLost(f"no believable answer in {MISSED_MAX} polls: {reason}"))
