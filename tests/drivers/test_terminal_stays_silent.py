"""A terminal that does not answer: tries, the one TerminalLost, the unending HELLOs, and a queue that survives it."""

import pytest
from terminal_far_end import DEFINITION, FIRMWARE, Bench, FarTerminal

from drivers.ports import (
    StreamClosedError,
    TerminalDone,
    TerminalIdentity,
    TerminalLost,
    TerminalStatus,
    TerminalUp,
)
from drivers.terminal.dialogue import RETRY_MS, TIMEOUT_MS, TRIES_MAX

UP = TerminalUp(TerminalIdentity("T-1", "1.0", 7, DEFINITION.hex(), FIRMWARE.hex()))
STATUS = TerminalStatus("open", 1, 40)


def mute_bench() -> Bench:
    bench = Bench()
    bench.far.mute = True
    return bench


def test_session_begins_with_hello_then_status() -> None:
    bench = Bench(session=0xA1B2C3D4)
    bench.up()
    assert bench.events == [UP, STATUS]
    assert bench.far.asked[0][0] == 0x01
    assert bench.far.asked[0][2] == bytes.fromhex("d4c3b2a1")
    assert bench.far.kinds() == [0x01, 0x02]


def test_status_comes_at_its_interval_and_costs_one_frame() -> None:
    bench = Bench(status_interval_ms=10_000)
    bench.up()
    bench.advance(100_000)
    assert bench.events == [UP] + [STATUS] * 11
    assert bench.far.kinds() == [0x01] + [0x02] * 11


def test_silence_on_status_is_said_once_after_three_tries() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.advance(10_000 + TRIES_MAX * TIMEOUT_MS - 1)
    assert not bench.said(TerminalLost)
    assert bench.far.kinds()[2:] == [0x02] * TRIES_MAX
    assert len({id_ for _, id_, _ in bench.far.asked[2:]}) == 1, (
        "a retry keeps its id, so that a late answer counts"
    )
    bench.advance(1)
    assert bench.said(TerminalLost) == [TerminalLost("no answer to STATUS in 3 tries of 500 ms")]
    bench.advance(600_000)
    assert len(bench.said(TerminalLost)) == 1


def test_silence_from_the_start_is_said_once_too() -> None:
    bench = mute_bench()
    bench.up()
    bench.advance(60_000)
    assert bench.events == [TerminalLost("no answer to HELLO in 3 tries of 500 ms")]


def test_lost_terminal_is_asked_every_second_for_ever() -> None:
    bench = mute_bench()
    bench.up()
    bench.advance(TRIES_MAX * TIMEOUT_MS)
    bench.far.asked.clear()
    bench.advance(3600 * RETRY_MS)
    assert bench.far.kinds() == [0x01] * 3600


def test_terminal_comes_back_after_an_hour() -> None:
    bench = mute_bench()
    bench.up()
    bench.advance(3_600_000)
    bench.far.mute = False
    bench.advance(RETRY_MS)
    assert bench.events[1:] == [UP, STATUS]
    bench.far.mute = True
    bench.advance(20_000)
    assert len(bench.said(TerminalLost)) == 2, "a second loss is news again"


def test_answer_to_the_third_try_still_counts() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.advance(10_000 + 2 * TIMEOUT_MS)
    bench.far.mute = False
    bench.hear(bench.far.answer(*bench.far.asked[-1]))
    bench.advance(9_999)
    assert bench.events == [UP, STATUS, STATUS]


def test_request_while_lost_is_kept_and_sent_when_the_session_stands() -> None:
    bench = mute_bench()
    bench.up()
    bench.advance(5_000)
    bench.request("close")
    bench.request("account")
    bench.advance(60_000)
    assert set(bench.far.kinds()) == {0x01}
    bench.far.mute = False
    bench.advance(RETRY_MS)
    assert bench.said(TerminalDone) == [
        TerminalDone("close", 1, None),
        TerminalDone("account", 1, b"account"),
    ]


def test_request_before_the_line_is_there_waits() -> None:
    bench = Bench()
    bench.request("self-test")
    assert bench.dialogue.wake_at() is None
    assert bench.far.asked == []
    bench.up()
    assert bench.events == [UP, STATUS, TerminalDone("self-test", 1, None)]


def test_request_that_was_under_way_is_asked_again_after_the_loss() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.request("open")
    bench.advance(TRIES_MAX * TIMEOUT_MS)
    assert bench.said(TerminalLost) == [TerminalLost("no answer to OPEN in 3 tries of 500 ms")]
    bench.far.mute = False
    bench.advance(RETRY_MS)
    assert bench.said(TerminalDone) == [TerminalDone("open", 1, None)]


def test_second_request_for_a_queued_action_is_dropped() -> None:
    bench = mute_bench()
    for _ in range(1000):
        bench.request("zero")
        bench.request("tally")
    assert list(bench.dialogue._queue) == ["zero", "tally"]
    bench.far.mute = False
    bench.up()
    assert [event.action for event in bench.said(TerminalDone)] == ["zero", "tally"]
    bench.request("zero")
    assert len(bench.said(TerminalDone)) == 3, "asked again after its outcome, it is asked again"


def test_request_after_a_deadline_tells_nothing_by_itself() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.advance(10_000 + 2 * TIMEOUT_MS)
    bench.now += TIMEOUT_MS
    assert bench.dialogue.handle_request("open", bench.now).events == ()
    bench.take(bench.dialogue.handle_tick(bench.now))
    assert len(bench.said(TerminalLost)) == 1


def test_line_is_lost_and_found() -> None:
    bench = Bench()
    bench.up()
    bench.take(bench.dialogue.handle_line_lost(str(StreamClosedError("unplugged")), bench.now))
    bench.take(bench.dialogue.handle_line_lost("cannot open", bench.now))
    assert bench.dialogue.wake_at() is None
    assert bench.said(TerminalLost) == [TerminalLost("unplugged")]
    bench.up()
    assert bench.events == [UP, STATUS, TerminalLost("unplugged"), UP, STATUS]


def test_half_frame_of_the_old_line_is_forgotten() -> None:
    bench = Bench()
    bench.up()
    bench.hear(b"\x55\x55\x55")
    bench.take(bench.dialogue.handle_line_lost("unplugged", bench.now))
    bench.up()
    assert sum(bench.dialogue.decoder.discards.values()) == 0


def test_line_of_unknown_state_is_cleared_by_a_delimiter_first() -> None:
    bench = mute_bench()
    step = bench.dialogue.handle_line_up(bench.now)
    assert step.send.startswith(b"\0")
    bench.take(step)
    bench.now += TIMEOUT_MS
    assert bench.dialogue.handle_tick(bench.now).send.startswith(b"\0"), (
        "a retry ends what noise may have begun"
    )


def test_early_tick_does_no_harm() -> None:
    bench = Bench()
    bench.up()
    for _ in range(100):
        bench.take(bench.dialogue.handle_tick(bench.now))
    assert bench.events == [UP, STATUS]
    assert bench.far.kinds() == [0x01, 0x02]


def test_noise_does_not_hold_a_deadline_up() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.advance(10_000)
    for _ in range(20):
        bench.now += 100
        bench.hear(b"\x11\x22\0")
    assert bench.said(TerminalLost) == [TerminalLost("no answer to STATUS in 3 tries of 500 ms")]


def test_status_is_asked_between_the_chunks_of_a_long_report() -> None:
    far = FarTerminal()
    far.reports[0x17] = bytes(150_000)
    bench = Bench(far=far, status_interval_ms=1_000)
    bench.up()
    step = bench.dialogue.handle_request("tally", bench.now)
    while step.send:
        bench.now += 90
        step = bench.dialogue.handle_bytes(far.hear(step.send), bench.now)
        bench.events += step.events
    assert len(bench.said(TerminalStatus)) >= 12
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, bytes(150_000))]


def test_ids_wrap_and_are_never_zero() -> None:
    bench = Bench(session=254)
    bench.up()
    bench.advance(3_000_000)
    ids = [id_ for _, id_, _ in bench.far.asked]
    assert ids[:3] == [255, 1, 2]
    assert set(ids) == set(range(1, 256))


@pytest.mark.parametrize(("session", "interval"), [(-1, 1000), (2**32, 1000), (0, 0)])
def test_arguments_out_of_range(session: int, interval: int) -> None:
    with pytest.raises(ValueError, match=r"allowed|needed"):
        Bench(session=session, status_interval_ms=interval)
