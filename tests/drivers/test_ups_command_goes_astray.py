"""Instant commands to a serial UPS: taken in silence, refused, unknown, lost; and a UPS of another protocol."""

from collections.abc import Callable

import pytest

from drivers.dialogue import Step
from drivers.ports import UpsCommand, UpsCommandEnded, UpsEvent, UpsLost, UpsReading
from drivers.ups.dialogue import TIMEOUT_MS, UpsDialogue
from drivers.ups.protocols import PROTOCOLS, SerialProtocolName

STATUS = "(230.1 000.0 229.9 035 50.0 13.5 25.0 {}\r"


class Bench:
    """A dialogue and a UPS that answers each line at once; ``bits`` is its status."""

    def __init__(self, protocol: SerialProtocolName = "megatec", question: bytes = b"Q1\r") -> None:
        self.dialogue = UpsDialogue(5_000, PROTOCOLS[protocol])
        self.question = question
        self.bits = "00000000"
        self.silent = False
        self.on_command: Callable[[bytes], bytes] = lambda _: b""
        self.now = 0
        self.sent: list[bytes] = []
        self.events: list[UpsEvent] = []

    def take(self, step: Step[UpsEvent]) -> None:
        self.events += step.events
        if not step.send:
            return
        self.sent.append(step.send)
        if self.silent:
            return
        answer = self.on_command(step.send)
        if step.send == self.question:
            answer = STATUS.format(self.bits).encode()
        if answer:
            self.take(self.dialogue.handle_bytes(answer, self.now))

    def up(self) -> None:
        self.take(self.dialogue.handle_line_up(self.now))

    def ask(self, command: UpsCommand) -> None:
        self.take(self.dialogue.handle_command(command, self.now))

    def advance(self, ms: int) -> None:
        until = self.now + ms
        while (wake_at := self.dialogue.wake_at()) is not None and wake_at <= until:
            self.now = max(self.now, wake_at)
            self.take(self.dialogue.handle_tick(self.now))
            assert (self.dialogue.wake_at() or 0) > self.now
        self.now = until

    def ended(self) -> list[tuple[UpsCommand, str]]:
        return [(event.command, event.outcome) for event in self.events if isinstance(event, UpsCommandEnded)]


def echo(line: bytes) -> bytes:
    return line


def test_silence_is_called_done_only_where_the_status_shows_it() -> None:
    bench = Bench()
    bench.up()
    bench.advance(2_000)
    bench.bits = "00000100"
    bench.ask("test.battery.start.quick")
    assert bench.sent[-1] == b"T\r"
    bench.advance(TIMEOUT_MS)
    assert bench.ended() == [("test.battery.start.quick", "done")]
    bench.bits = "00000010"
    bench.ask("shutdown.return")
    bench.advance(TIMEOUT_MS)
    bench.bits = "00000000"
    bench.ask("shutdown.stop")
    bench.ask("test.battery.stop")
    bench.ask("beeper.toggle")
    bench.advance(3 * TIMEOUT_MS)
    assert bench.ended()[1:] == [
        ("shutdown.return", "done"),
        ("shutdown.stop", "done"),
        ("test.battery.stop", "done"),
        ("beeper.toggle", "forwarded"),
    ]


def test_shutdown_that_the_status_does_not_show_is_only_forwarded() -> None:
    bench = Bench()
    bench.up()
    bench.ask("shutdown.return")
    bench.advance(TIMEOUT_MS)
    assert bench.ended() == [("shutdown.return", "forwarded")]


@pytest.mark.parametrize(("protocol", "question"), [("megatec", b"Q1\r"), ("voltronic-qs", b"QS\r")])
def test_echo_is_a_refusal(protocol: SerialProtocolName, question: bytes) -> None:
    bench = Bench(protocol, question)
    bench.on_command = echo
    bench.up()
    bench.ask("beeper.toggle")
    assert bench.ended() == [("beeper.toggle", "refused")]


@pytest.mark.parametrize(
    ("answer", "outcome"), [(b"ACK\r", "done"), (b"(ACK\r", "done"), (b"(NAK\r", "refused")]
)
def test_voltronic_answers_a_command(answer: bytes, outcome: str) -> None:
    bench = Bench("voltronic-qs", b"QS\r")
    bench.on_command = lambda _: answer
    bench.up()
    bench.ask("shutdown.return")
    assert bench.ended() == [("shutdown.return", outcome)]


def test_command_that_the_protocol_does_not_have() -> None:
    bench = Bench("voltronic-qs", b"QS\r")
    bench.up()
    bench.ask("test.battery.stop")
    assert bench.ended() == [("test.battery.stop", "refused")]
    assert bench.sent == [b"QS\r"]


def test_ups_dies_over_a_command() -> None:
    bench = Bench()
    bench.up()
    bench.silent = True
    bench.ask("shutdown.return")
    bench.advance(2 * TIMEOUT_MS)
    assert bench.ended() == [("shutdown.return", "lost")]


def test_line_is_pulled_while_commands_wait() -> None:
    bench = Bench()
    bench.up()
    bench.ask("shutdown.return")
    bench.ask("beeper.toggle")
    bench.take(bench.dialogue.handle_line_lost("unplugged", bench.now))
    bench.ask("shutdown.stop")
    assert bench.ended() == [
        ("shutdown.return", "lost"),
        ("beeper.toggle", "lost"),
        ("shutdown.stop", "lost"),
    ]
    bench.advance(60_000)
    bench.up()
    bench.advance(60_000)
    assert len(bench.ended()) == 3
    assert isinstance(bench.events[-1], UpsReading)


def test_command_is_asked_for_twice_or_before_the_line_is_there() -> None:
    bench = Bench()
    bench.ask("beeper.toggle")
    bench.ask("beeper.toggle")
    assert bench.sent == []
    bench.up()
    bench.ask("beeper.toggle")
    bench.advance(10_000)
    assert bench.sent.count(b"Q\r") == 1
    assert len(bench.ended()) == 1


def test_command_waits_for_the_answer_to_a_poll() -> None:
    bench = Bench()
    bench.silent = True
    bench.up()
    bench.ask("beeper.toggle")
    assert bench.sent == [b"Q1\r"]
    bench.take(bench.dialogue.handle_bytes(STATUS.format("00000000").encode(), bench.now))
    assert bench.sent == [b"Q1\r", b"Q\r"]


def test_ups_of_another_protocol_is_found_by_trying() -> None:
    for question in (b"Q1\r", b"QS\r"):
        bench = Bench("auto", question)
        bench.on_command = echo
        bench.up()
        bench.advance(10_000)
        readings = [event for event in bench.events if isinstance(event, UpsReading)]
        assert len(readings) >= 2
        assert not any(isinstance(event, UpsLost) for event in bench.events)
        assert set(bench.sent[1:]) == {question}, "once found it is kept"


def test_nothing_that_is_tried_is_answered() -> None:
    bench = Bench("auto", b"nothing")
    bench.up()
    bench.advance(60_000)
    assert sum(isinstance(event, UpsLost) for event in bench.events) == 1
