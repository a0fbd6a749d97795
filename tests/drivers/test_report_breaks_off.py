"""Reports that come in chunks: silence in the middle, a reboot, a report that changes, one that lies about its hash."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from terminal_far_end import Bench, FarTerminal, wire

from drivers.ports import TerminalDone, TerminalLost, TerminalRefused, TerminalStatus
from drivers.terminal.dialogue import RETRY_MS, TIMEOUT_MS, TRIES_MAX
from drivers.terminal.messages import CHUNK_MAX, REPORT_MAX

TALLY = bytes(range(256)) * 20


class MuteAfter(FarTerminal):
    """Falls silent after a number of READs."""

    def __init__(self, reads: int) -> None:
        super().__init__()
        self.reports[0x17] = TALLY
        self.reads_left = reads

    def answer(self, kind: int, id_: int, payload: bytes = b"") -> bytes:
        if kind == 0x20:
            self.mute = self.reads_left == 0
            self.reads_left -= 1
        return b"" if self.mute else super().answer(kind, id_, payload)


def offsets(far: FarTerminal) -> list[int]:
    return [int.from_bytes(payload[1:5], "little") for kind, _, payload in far.asked if kind == 0x20]


@given(st.integers(1, 5 * CHUNK_MAX))
def test_reports_of_every_length_arrive_whole(length: int) -> None:
    bench = Bench()
    bench.far.reports[0x11] = report = (b"0123456789abcdef" * 400)[:length]
    bench.up()
    bench.request("zero")
    assert bench.said(TerminalDone) == [TerminalDone("zero", 1, report)]
    assert offsets(bench.far) == list(range(0, length, CHUNK_MAX))


def test_largest_report_arrives() -> None:
    bench = Bench()
    bench.far.reports[0x17] = report = b"\xa5" * REPORT_MAX
    bench.up()
    bench.request("tally")
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, report)]


def test_chunks_shorter_than_asked_for_are_taken() -> None:
    bench = Bench()
    answer = bench.far.answer

    def stingy(kind: int, id_: int, payload: bytes = b"") -> bytes:
        return answer(kind, id_, payload[:5] + b"\x07\0" if kind == 0x20 else payload)

    bench.far.answer = stingy  # type: ignore[method-assign]
    bench.up()
    bench.request("account")
    bench.request("zero")
    assert bench.said(TerminalDone) == [
        TerminalDone("account", 1, b"account"),
        TerminalDone("zero", 1, b"zero" * 700),
    ]


@pytest.mark.parametrize("reads", range(6))
def test_terminal_falls_silent_in_the_middle_and_the_rest_is_read_later(reads: int) -> None:
    far = MuteAfter(reads)
    bench = Bench(far=far)
    bench.up()
    bench.request("tally")
    bench.advance(TRIES_MAX * TIMEOUT_MS)
    assert bench.said(TerminalLost) == [TerminalLost("no answer to READ in 3 tries of 500 ms")]
    far.reads_left, far.mute = 100, False
    bench.advance(30_000)
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, TALLY)]
    assert sorted(set(offsets(far))) == list(range(0, len(TALLY), CHUNK_MAX))
    assert len(offsets(far)) == 6 + TRIES_MAX, "what had arrived is not read again: only the silent chunk is"
    assert far.kinds().count(0x17) == 2, "the report is announced anew in the new session"


def test_one_lost_chunk_is_only_asked_again() -> None:
    far = MuteAfter(2)
    bench = Bench(far=far)
    bench.up()
    bench.request("tally")
    far.mute, far.reads_left = False, 100
    bench.advance(TIMEOUT_MS)
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, TALLY)]
    assert not bench.said(TerminalLost)
    assert bench.dialogue.counters.retries == 1


def test_another_report_after_the_break_begins_at_zero() -> None:
    far = MuteAfter(3)
    bench = Bench(far=far)
    bench.up()
    bench.request("tally")
    bench.advance(5_000)
    far.reports[0x17] = other = TALLY[::-1]
    far.reads_left, far.mute = 100, False
    bench.advance(RETRY_MS)
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, other)]


def test_reboot_between_two_chunks() -> None:
    far = MuteAfter(100)
    bench = Bench(far=far, status_interval_ms=1)
    bench.up()
    step = bench.dialogue.handle_request("tally", bench.now)
    for _ in range(4):
        bench.now += 90
        step = bench.dialogue.handle_bytes(far.hear(step.send), bench.now)
    far.boot_id = 8
    bench.take(step)
    bench.advance(30_000)
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, TALLY)]
    assert len(set(offsets(far))) == len(offsets(far)) == 6


def test_report_without_the_announced_hash_is_never_handed_out() -> None:
    bench = Bench()
    bench.far.sha256_of[0x16] = bytes(32)
    bench.up()
    bench.request("account")
    assert bench.said(TerminalLost) == [
        TerminalLost("the account report does not have the SHA-256 that was announced for it")
    ]
    bench.far.asked.clear()
    bench.advance(60 * RETRY_MS)
    assert not bench.said(TerminalDone)
    assert bench.far.kinds().count(0x20) == 60, "it is tried again, but only once a second"
    bench.far.sha256_of.clear()
    bench.advance(RETRY_MS)
    assert bench.said(TerminalDone) == [TerminalDone("account", 1, b"account")]


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        bytes.fromhex("16 00000000"),
        bytes.fromhex("16 01000000 61"),
        bytes.fromhex("17 00000000 61"),
        bytes.fromhex("16 00000000") + b"accountX",
    ],
    ids=["empty", "no bytes", "other offset", "other report", "more than asked"],
)
def test_chunk_that_was_not_asked_for(payload: bytes) -> None:
    far = MuteAfter(0)
    bench = Bench(far=far)
    bench.up()
    bench.request("account")
    id_ = far.asked[-1][1]
    bench.hear(wire(0xA0, id_, payload))
    assert bench.dialogue.counters.malformed == 1
    bench.hear(wire(0xA0, id_, bytes.fromhex("16 00000000") + b"account"))
    assert bench.said(TerminalDone) == [TerminalDone("account", 1, b"account")]


def test_terminal_knows_nothing_of_the_report_it_announced() -> None:
    bench = Bench()
    bench.far.refusals = {0x20: 4}
    bench.up()
    bench.request("tally")
    bench.request("close")
    assert bench.said(TerminalRefused) == [TerminalRefused("tally", "unknown")]
    assert bench.said(TerminalDone) == [TerminalDone("close", 1, None)]
    assert len(bench.said(TerminalStatus)) == 1
