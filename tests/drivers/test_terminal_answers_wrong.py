"""Answers that are late, doubled, strange or refusals: only the right one under the right id counts."""

import hashlib
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_far_end import DEFINITION, FIRMWARE, Bench, wire

from drivers.errors import AnswerError
from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalLost,
    TerminalRefused,
    TerminalStatus,
    TerminalUp,
)
from drivers.terminal import messages
from drivers.terminal.dialogue import TIMEOUT_MS, TRIES_MAX

STATUS = bytes.fromhex("02 0100 28000000 00 07000000")
HELLO = bytes.fromhex("07000000 03542d31 03312e30") + FIRMWARE + DEFINITION
REPORT = bytes.fromhex("0100 05000000") + hashlib.sha256(b"hello").digest()


def waiting_bench(action: TerminalAction) -> tuple[Bench, int]:
    """A bench whose terminal is silent after the session stood, and the id of the request that waits."""
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.request(action)
    return bench, bench.far.asked[-1][1]


def test_doubled_answers_count_once() -> None:
    bench = Bench()
    hear = bench.far.hear
    bench.far.hear = lambda data: hear(data) * 2  # type: ignore[method-assign]
    bench.up()
    for action in ("open", "tally", "self-test"):
        bench.request(action)
    assert len(bench.said(TerminalUp)) == len(bench.said(TerminalStatus)) == 1
    assert bench.said(TerminalDone) == [
        TerminalDone("open", 1, None),
        TerminalDone("tally", 1, bytes(range(256)) * 10),
        TerminalDone("self-test", 1, None),
    ]
    assert bench.dialogue.counters.stale == len(bench.far.asked)
    assert bench.dialogue.counters.retries == 0


def test_answer_under_a_stale_id() -> None:
    bench, id_ = waiting_bench("close")
    for other in {1, 2, 255, id_ - 1, id_ + 1} - {id_}:
        bench.hear(wire(0x95, other, b"\x09\0"))
        bench.hear(wire(0xFF, other, b"\x15\x01"))
    assert not bench.said(TerminalDone)
    bench.hear(wire(0x95, id_, b"\x02\0"))
    assert bench.said(TerminalDone) == [TerminalDone("close", 2, None)]


def test_answer_of_another_kind_under_the_right_id() -> None:
    bench, id_ = waiting_bench("close")
    for kind in (0x15, 0x92, 0x82, 0x00, 0x80):
        bench.hear(wire(kind, id_, b"\x09\0"))
    assert not bench.said(TerminalDone)
    assert bench.dialogue.counters.stale == 5


def test_line_echoes_what_the_kit_sends() -> None:
    bench = Bench()
    hear = bench.far.hear
    bench.far.hear = lambda data: data + hear(data)  # type: ignore[method-assign]
    bench.up()
    bench.request("close")
    assert bench.said(TerminalDone) == [TerminalDone("close", 1, None)]


def test_answer_nobody_asked_for() -> None:
    bench = Bench()
    bench.up()
    before = list(bench.events)
    for id_ in range(256):
        bench.hear(wire(0x81, id_, HELLO) + wire(0x82, id_, STATUS) + wire(0xFF, id_, b"\x02\x04"))
    assert bench.events == before


@pytest.mark.parametrize(
    ("number", "reason"), [(1, "wrong-phase"), (2, "too-early"), (3, "self-test-failed"), (4, "unknown")]
)
def test_refusal_is_an_outcome_and_the_queue_goes_on(number: int, reason: str) -> None:
    bench = Bench()
    bench.up()
    bench.far.refusals = {0x17: number}
    bench.request("tally")
    bench.request("account")
    assert bench.said(TerminalRefused) == [TerminalRefused("tally", reason)]  # type: ignore[arg-type]
    assert bench.said(TerminalDone) == [TerminalDone("account", 1, b"account")]


@pytest.mark.parametrize("payload", [b"", b"\x15", b"\x16\x01", b"\x15\x00", b"\x15\x06", b"\x15\x01\x00"])
def test_refusal_that_makes_no_sense_is_no_outcome(payload: bytes) -> None:
    bench, id_ = waiting_bench("close")
    bench.hear(wire(0xFF, id_, payload))
    assert not bench.said(TerminalRefused)
    assert bench.dialogue.counters.malformed == 1
    bench.hear(wire(0x95, id_, b"\x01\0"))
    assert bench.said(TerminalDone) == [TerminalDone("close", 1, None)]


def test_complaint_is_named_when_only_nonsense_came() -> None:
    bench, id_ = waiting_bench("close")
    bench.hear(wire(0x95, id_, b"\x01"))
    bench.advance(TRIES_MAX * TIMEOUT_MS)
    assert bench.said(TerminalLost) == [
        TerminalLost(
            "no answer to CLOSE in 3 tries of 500 ms; last complaint: close_no of 1 bytes instead of 2"
        )
    ]


def test_complaint_about_an_earlier_request_is_forgotten() -> None:
    bench, id_ = waiting_bench("close")
    bench.hear(wire(0x95, id_, b"\x01"))
    bench.hear(wire(0x95, id_, b"\x01\0"))
    bench.request("open")
    bench.advance(TRIES_MAX * TIMEOUT_MS)
    assert bench.said(TerminalLost) == [TerminalLost("no answer to OPEN in 3 tries of 500 ms")]


@pytest.mark.parametrize("kind", [0x01, 0x02])
def test_terminal_refuses_to_speak(kind: int) -> None:
    bench = Bench()
    bench.far.refusals = {kind: 4}
    bench.up()
    bench.advance(9_999)
    losses = bench.said(TerminalLost)
    assert len(losses) == max(1, len(bench.said(TerminalUp))), (
        "one loss for each session that stood, or for none"
    )
    assert all("was refused: unknown" in str(lost) for lost in losses)


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        HELLO[:3],
        HELLO[:-1],
        HELLO + b"\0",
        HELLO[:4] + b"\0" + HELLO[8:],
        HELLO[:4] + b"\x03\xff\xff\xff" + HELLO[8:],
        HELLO[:4] + b"\x03A\nB" + HELLO[8:],
        HELLO[:4] + b"\xff" + HELLO[5:],
    ],
)
def test_hello_that_cannot_be_read(payload: bytes) -> None:
    with pytest.raises(AnswerError):
        messages.parse_hello(payload)


@pytest.mark.parametrize(
    "payload", [b"", STATUS[:-1], STATUS + b"\0", b"\x07" + STATUS[1:], STATUS[:7] + b"\x04" + STATUS[8:]]
)
def test_status_that_cannot_be_read(payload: bytes) -> None:
    with pytest.raises(AnswerError):
        messages.parse_status(payload)


def test_phases_are_numbered_as_written() -> None:
    phases = [messages.parse_status(bytes([n]) + STATUS[1:]).status.phase for n in range(7)]
    assert phases == ["idle", "zeroed", "open", "suspended", "closed", "tallied", "fault"]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        REPORT[:-1],
        REPORT + b"\0",
        REPORT[:2] + bytes(4) + REPORT[6:],
        REPORT[:2] + (messages.REPORT_MAX + 1).to_bytes(4, "little") + REPORT[6:],
    ],
)
def test_report_announcement_that_cannot_be_read(payload: bytes) -> None:
    with pytest.raises(AnswerError):
        messages.parse_report(payload)


@pytest.mark.parametrize("payload", [b"", b"\x01", b"\0\0"])
def test_self_test_that_did_not_pass(payload: bytes) -> None:
    with pytest.raises(AnswerError):
        messages.parse_self_test(payload)


@given(kind=st.sampled_from([0x01, 0x02, 0x10, 0x11, 0x15, 0x20, 0xFF]), payload=st.binary(max_size=80))
def test_any_payload_is_an_answer_or_a_typed_error(kind: int, payload: bytes) -> None:
    parsers: dict[int, Callable[[bytes], object]] = {
        0x01: messages.parse_hello,
        0x02: messages.parse_status,
        0x10: messages.parse_self_test,
        0x11: messages.parse_report,
        0x15: messages.parse_close_no,
        0x20: lambda data: messages.parse_chunk(data, 0x11, 0, 10),
        0xFF: lambda data: messages.parse_refusal(data, 0x15),
    }
    with suppress(AnswerError):  # any other exception fails
        parsers[kind](payload)


@given(
    st.lists(
        st.one_of(st.binary(max_size=60), st.builds(wire, st.integers(0, 255), st.integers(0, 255))),
        max_size=20,
    )
)
def test_whatever_the_line_says_the_dialogue_lives_and_the_session_comes_back(noise: list[bytes]) -> None:
    bench = Bench()
    bench.up()
    bench.request("account")
    for data in noise:
        bench.hear(data)
        bench.advance(137)
    bench.hear(b"\0")
    bench.advance(30_000)
    bench.events.clear()
    bench.request("account")
    assert bench.events[-1] == TerminalDone("account", 1, b"account")
