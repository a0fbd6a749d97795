"""Either side restarts in the middle of things: a new boot id is a new session, the work goes on where it stood."""

from terminal_far_end import Bench, FarTerminal

from drivers.ports import TerminalDone, TerminalIdentity, TerminalLost, TerminalStatus, TerminalUp
from drivers.terminal.dialogue import RETRY_MS


def identities(bench: Bench) -> list[TerminalIdentity]:
    return [event.identity for event in bench.said(TerminalUp)]


def test_boot_id_changes_between_two_statuses() -> None:
    bench = Bench()
    bench.up()
    bench.far.boot_id = 8
    bench.advance(10_000)
    assert len(bench.said(TerminalStatus)) == 1, "the status of a stranger is not passed on"
    bench.advance(RETRY_MS)
    assert [identity.boot_id for identity in identities(bench)] == [7, 8]
    assert len(bench.said(TerminalStatus)) == 2
    assert not bench.said(TerminalLost)


def test_another_terminal_on_the_same_cable_is_named() -> None:
    bench = Bench()
    bench.up()
    bench.far.boot_id, bench.far.terminal_id = 99, "T-2"
    bench.advance(10_000 + RETRY_MS)
    assert [identity.terminal_id for identity in identities(bench)] == ["T-1", "T-2"]


def test_boot_id_that_never_stands_still_does_not_fill_the_line() -> None:
    bench = Bench()
    hear = bench.far.hear

    def restless(data: bytes) -> bytes:
        bench.far.boot_id += 1
        return hear(data)

    bench.far.hear = restless  # type: ignore[method-assign]
    bench.up()
    bench.advance(60_000)
    assert len(bench.far.asked) <= 2 * 61


def test_terminal_is_away_for_a_minute_and_the_queue_goes_on() -> None:
    bench = Bench()
    bench.up()
    bench.far.mute = True
    bench.request("tally")
    bench.advance(60_000)
    bench.far.boot_id, bench.far.mute = 8, False
    bench.advance(RETRY_MS)
    kinds = [type(event) for event in bench.events]
    assert kinds == [TerminalUp, TerminalStatus, TerminalLost, TerminalUp, TerminalStatus, TerminalDone]


def test_kit_restarts_while_an_answer_is_on_the_line() -> None:
    far = FarTerminal()
    old = Bench(far=far, session=0)
    old.up()
    late = far.answer(*far.asked[-1])
    new = Bench(far=far, session=77)
    step = new.dialogue.handle_line_up(new.now)
    new.hear(late)
    assert new.events == []
    assert new.dialogue.counters.stale == 1
    new.take(step)
    assert [type(event) for event in new.events] == [TerminalUp, TerminalStatus]
