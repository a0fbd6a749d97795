"""Missed polls: none is an event, the third in a row is, once; late and doubled answers."""

import pytest

from drivers.dialogue import Step
from drivers.ports import UpsEvent, UpsLost, UpsReading
from drivers.ups.dialogue import MISSED_MAX, TIMEOUT_MS, UpsDialogue

GOOD = b"(230.1 000.0 229.9 035 50.0 13.5 25.0 00000001\r"
READING = UpsReading(
    on_battery=False,
    battery_low=False,
    input_voltage_v=230.1,
    load_percent=35.0,
    battery_voltage_v=13.5,
    flags=frozenset({"OL"}),
)


class Bench:
    """A dialogue and a UPS that answers at once with ``answer``."""

    def __init__(self, interval_ms: int = 5_000) -> None:
        self.dialogue = UpsDialogue(interval_ms)
        self.answer = GOOD
        self.now = 0
        self.polls: list[int] = []
        self.events: list[UpsEvent] = []

    def take(self, step: Step[UpsEvent]) -> None:
        self.events += step.events
        if step.send:
            assert step.send == b"Q1\r"
            self.polls.append(self.now)
            if self.answer:
                self.take(self.dialogue.handle_bytes(self.answer, self.now))

    def up(self) -> None:
        self.take(self.dialogue.handle_line_up(self.now))

    def line_lost(self) -> None:
        self.take(self.dialogue.handle_line_lost("unplugged", self.now))

    def advance(self, ms: int) -> None:
        until = self.now + ms
        while (wake_at := self.dialogue.wake_at()) is not None and wake_at <= until:
            self.now = max(self.now, wake_at)
            self.take(self.dialogue.handle_tick(self.now))
            assert (self.dialogue.wake_at() or 0) > self.now, (
                "a dialogue whose deadline never passes would spin"
            )
        self.now = until


def test_every_reading_is_told_at_the_interval() -> None:
    bench = Bench()
    bench.up()
    bench.advance(20_000)
    assert bench.polls == [0, 5_000, 10_000, 15_000, 20_000]
    assert bench.events == [READING] * 5


def test_third_missed_poll_is_told_once_until_it_recovers() -> None:
    bench = Bench()
    bench.up()
    bench.answer = b""
    bench.advance(5_000 * MISSED_MAX + TIMEOUT_MS - 1)
    assert bench.events == [READING]
    bench.advance(1)
    assert bench.events[1:] == [UpsLost("no believable answer in 3 polls: no answer within 1000 ms")]
    bench.advance(3_600_000)
    assert len(bench.events) == 2
    bench.answer = GOOD
    bench.advance(5_000)
    assert bench.events[2:] == [READING]
    bench.answer = b""
    bench.advance(60_000)
    assert len([event for event in bench.events if isinstance(event, UpsLost)]) == 2


def test_two_missed_polls_are_no_event() -> None:
    bench = Bench()
    bench.up()
    for _ in range(10):
        bench.answer = b""
        bench.advance(10_000)
        bench.answer = GOOD
        bench.advance(5_000)
    assert bench.events == [READING] * 11


@pytest.mark.parametrize(
    ("nonsense", "reason"),
    [
        (b"Q1\r", "the UPS does not know Q1"),
        (b"(230.1\r", "not a Q1 answer: '(230.1'"),
        (b"\xff\xfe\x00\r\r\r", "not a Q1 answer"),
    ],
)
def test_reason_says_what_came_instead(nonsense: bytes, reason: str) -> None:
    bench = Bench()
    bench.answer = nonsense
    bench.up()
    bench.advance(60_000)
    (lost,) = bench.events
    assert isinstance(lost, UpsLost)
    assert reason in lost.reason


def test_echoed_question_counts_at_once_and_once_a_poll() -> None:
    bench = Bench()
    bench.answer = b"Q1\rQ1\rQ1\rQ1\r"
    bench.up()
    bench.advance(9_999)
    assert bench.events == []
    bench.advance(1)
    assert len(bench.events) == 1


def test_converter_that_echoes_before_the_ups_answers() -> None:
    bench = Bench()
    bench.answer = b"Q1\r" + GOOD
    bench.up()
    bench.advance(60_000)
    assert bench.events == [READING] * 13


def test_slow_ups_answers_after_the_time_out() -> None:
    bench = Bench()
    bench.answer = b""
    bench.up()
    for _ in range(10):
        bench.advance(1_500)
        bench.take(bench.dialogue.handle_bytes(GOOD, bench.now))
        bench.advance(3_500)
    assert bench.events == [READING] * 10


def test_ups_that_babbles_is_heard_once_a_poll() -> None:
    bench = Bench()
    bench.answer = GOOD * 20
    bench.up()
    bench.advance(4_000)
    bench.take(bench.dialogue.handle_bytes(GOOD * 20, bench.now))
    assert bench.events == [READING]


def test_half_answer_does_not_spoil_the_next_poll() -> None:
    bench = Bench()
    bench.answer = GOOD[:20]
    bench.up()
    bench.advance(4_999)
    bench.answer = GOOD
    bench.advance(1)
    assert bench.events == [READING]


def test_answer_arrives_one_byte_at_a_time() -> None:
    bench = Bench()
    bench.answer = b""
    bench.up()
    for byte in GOOD:
        bench.now += 4
        bench.take(bench.dialogue.handle_bytes(bytes([byte]), bench.now))
    assert bench.events == [READING]


def test_polls_without_a_line_are_missed_too() -> None:
    bench = Bench()
    bench.up()
    bench.advance(2_000)
    bench.line_lost()
    bench.advance(12_999)
    assert bench.events == [READING]
    bench.advance(1)
    assert bench.events[1:] == [UpsLost("no believable answer in 3 polls: unplugged")]
    bench.up()
    assert bench.events[2:] == [READING]


def test_line_that_was_never_there() -> None:
    bench = Bench()
    assert bench.dialogue.wake_at() is None
    for _ in range(20):
        bench.line_lost()
        bench.advance(1_000)
    assert bench.events == [UpsLost("no believable answer in 3 polls: unplugged")]
    assert bench.polls == []


def test_interval_shorter_than_an_answer_takes_waits_for_the_answer() -> None:
    bench = Bench(interval_ms=10)
    bench.answer = b""
    bench.up()
    bench.advance(2_999)
    assert bench.polls == [0, 1_000, 2_000]


def test_interval_out_of_range() -> None:
    with pytest.raises(ValueError, match="at least 1 is needed"):
        UpsDialogue(0)
