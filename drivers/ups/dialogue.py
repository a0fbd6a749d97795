"""The conversation with a UPS, without I/O: ask, wait, and say so when no believable answer comes any more."""

from typing import Final, Literal

from drivers.dialogue import Step
from drivers.errors import UpsLineError, UpsRefusedError
from drivers.ports import UpsCommand, UpsCommandEnded, UpsEvent, UpsLost, UpsReading
from drivers.ups.lines import line_decoder
from drivers.ups.megatec import MEGATEC
from drivers.ups.protocol import SerialProtocol

TIMEOUT_MS: Final = 1_000  # for one answer: 47 bytes take 196 ms at 2400 baud, and UPSes think slowly
MISSED_MAX: Final = 3  # polls without a believable answer before the UPS counts as lost


class UpsDialogue:
    """One UPS, as a conversation. See ``drivers.dialogue.Dialogue`` for the methods.

    Polls are also missed while there is no line: a plug that is back within three polls is no event. An answer that
    comes after its time-out and before the next poll still counts; more than one answer to a poll does not.

    An instant command goes out between polls. These UPSes are silent when they take one, so that the status is asked
    next: it tells that the UPS lives, and of tests and shutdowns whether they run.

    Args:
        poll_interval_ms: from one question to the next, at least 1; a poll that is not answered holds the next one
            up for TIMEOUT_MS.
        protocols: at least one; of several the first that gets a believable answer is kept.
    """

    def __init__(self, poll_interval_ms: int, protocols: tuple[SerialProtocol, ...] = (MEGATEC,)) -> None:
        if poll_interval_ms < 1:
            raise ValueError(f"poll interval of {poll_interval_ms} ms: at least 1 is needed")
        self._interval_ms = poll_interval_ms
        self._protocols = protocols  # the one in use comes first
        self._settled = len(protocols) == 1
        self._decoder = line_decoder()
        self._no_line: str | None = None  # why there is no line
        self._next_poll: int | None = None  # None until the line was first tried
        self._deadline: int | None = None  # of the poll, or else the command, that is under way
        self._listening = False  # the last poll has had no answer
        self._missed = 0
        self._complaint = ""
        self._queue: list[UpsCommand] = []  # each at most once
        self._sent: UpsCommand | None = None  # the command that is under way
        self._silent: UpsCommand | None = None  # was answered by nothing: the next poll tells more
        self._events: list[UpsEvent] = []

    def handle_line_up(self, now: int) -> Step[UpsEvent]:
        """The line was opened: ask at once."""
        self._no_line = None
        self._next_poll = now
        return self._step(now)

    def handle_line_lost(self, reason: str, now: int) -> Step[UpsEvent]:
        """The line is gone: a poll that is under way will be missed at its deadline; commands are lost."""
        self._no_line = reason
        if self._next_poll is None:
            self._next_poll = now
        if self._sent is not None:
            self._deadline = None
        for command in (self._sent, self._silent, *self._queue):
            if command is not None:
                self._end(command, "lost", reason)
        self._sent = self._silent = None
        self._queue.clear()
        return self._step(now)

    def handle_bytes(self, data: bytes, now: int) -> Step[UpsEvent]:
        """Bytes from the line."""
        for line in filter(None, self._decoder.feed(data)):
            if self._sent is not None:
                self._handle_outcome(line, self._sent)
            elif self._listening:
                self._handle_line(line)
        return self._step(now)

    def handle_command(self, command: UpsCommand, now: int) -> Step[UpsEvent]:
        """Queue an instant command; one that waits or is under way already is dropped."""
        if self._no_line is not None:
            self._end(command, "lost", self._no_line)
        elif command not in (*self._queue, self._sent, self._silent):
            self._queue.append(command)
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
            if self._sent is not None:
                self._deadline, self._silent, self._sent = None, self._sent, None
                self._next_poll = now
            else:
                self._miss(self._no_line or self._complaint or f"no answer within {TIMEOUT_MS} ms")
        if self._deadline is None and self._silent is None and self._no_line is None:
            send = self._command(now)
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
        return self._protocols[0].question

    def _command(self, now: int) -> bytes:
        """The next command that this UPS has, if any waits and the line was there once."""
        while self._queue and self._next_poll is not None:
            command = self._queue.pop(0)
            data = self._protocols[0].commands.get(command)
            if data is not None:
                self._decoder.clear()
                self._deadline = now + TIMEOUT_MS
                self._listening = False
                self._sent = command
                return data
            self._end(command, "refused", "this UPS's protocol has no such command")
        return b""

    def _handle_outcome(self, line: bytes, sent: UpsCommand) -> None:
        taken = self._protocols[0].outcome(line, self._protocols[0].commands[sent])
        if taken is not None:
            self._deadline = self._sent = None
            self._end(
                sent, *(("done", "the UPS says so") if taken else ("refused", "the UPS does not know it"))
            )

    def _handle_line(self, line: bytes) -> None:
        try:
            reading = self._protocols[0].parse(line)
        except UpsRefusedError as refused:
            if self._deadline is not None:
                self._miss(str(refused))
        except UpsLineError as wrong:
            self._complaint = str(wrong)  # and wait on: a sound line may follow
        else:
            self._deadline = None
            self._listening = False
            self._missed = 0
            self._settled = True
            self._events.append(reading)
            if self._silent is not None:
                self._confirm(self._silent, reading)
                self._silent = None

    def _confirm(self, command: UpsCommand, reading: UpsReading) -> None:
        """Say what the status after a silent command tells of it."""
        done = {
            "test.battery.start.quick": "CAL" in reading.flags,
            "test.battery.stop": "CAL" not in reading.flags,
            "shutdown.return": "FSD" in reading.flags,
            "shutdown.stop": "FSD" not in reading.flags,
        }.get(command, False)
        if done:
            self._end(command, "done", "the status shows it")
        else:
            self._end(command, "forwarded", "the UPS did not refuse it, and its status does not tell")

    def _end(
        self, command: UpsCommand, outcome: Literal["done", "forwarded", "refused", "lost"], why: str
    ) -> None:
        self._events.append(UpsCommandEnded(command, outcome, why))

    def _miss(self, reason: str) -> None:
        """Count a poll as missed; UpsLost is said at the third in a row and not again before a reading."""
        self._deadline = None
        self._missed += 1
        if self._silent is not None:
            self._end(self._silent, "lost", reason)
            self._silent = None
        if self._missed == MISSED_MAX:
            self._events.append(UpsLost(f"no believable answer in {MISSED_MAX} polls: {reason}"))
        if not self._settled and self._no_line is None:
            self._protocols = (*self._protocols[1:], self._protocols[0])
