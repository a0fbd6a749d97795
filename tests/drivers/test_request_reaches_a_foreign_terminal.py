"""Cables are swapped: what was wanted of one terminal is never asked of another, nor followed by it."""

import pytest
from terminal_far_end import Bench, FarTerminal, wire

from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalLost,
    TerminalRefused,
    TerminalStatus,
    TerminalUp,
)
from drivers.terminal import messages
from drivers.terminal.dialogue import RETRY_MS, TIMEOUT_MS, TRIES_MAX

ACTIONS = sorted(messages.ACTIONS)
KINDS = set(messages.ACTIONS.values())


def foreign() -> FarTerminal:
    far = FarTerminal(boot_id=99)
    far.terminal_id = "T-2"
    return far


def swap(bench: Bench, far: FarTerminal) -> None:
    """Pull the cable out of one terminal and put it into another; a plain serial cable tells nobody."""
    bench.far = far


@pytest.mark.parametrize("action", ACTIONS)
def test_request_waits_while_another_terminal_is_there(action: TerminalAction) -> None:
    bench = Bench(far=foreign())
    bench.request(action)
    bench.up()
    bench.request(action)
    bench.advance(600_000)
    assert set(bench.far.kinds()) == {messages.HELLO, messages.STATUS}
    assert [up.identity.terminal_id for up in bench.said(TerminalUp)] == ["T-2"]
    assert len(bench.said(TerminalStatus)) == 61
    swap(bench, FarTerminal())
    bench.advance(10_000 + RETRY_MS)
    assert [event.action for event in bench.said(TerminalDone)] == [action]


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("boot_id", [7, 99], ids=["same boot id", "other boot id"])
def test_terminal_is_swapped_between_two_statuses(action: TerminalAction, boot_id: int) -> None:
    bench = Bench()
    bench.up()
    other = foreign()
    other.boot_id = boot_id
    swap(bench, other)
    bench.request(action)
    assert other.asked[-1][0] == messages.ACTIONS[action], "the kit cannot know yet; the terminal does"
    assert other.answer(*other.asked[-1]) == wire(
        0xFF, other.asked[-1][1], bytes([messages.ACTIONS[action], 5])
    )
    bench.advance(60_000)
    assert not bench.said(TerminalDone)
    assert not bench.said(TerminalRefused), "a foreign terminal's refusal is no outcome"
    assert [lost.reason for lost in bench.said(TerminalLost)] == [
        "the terminal on the line says that it is not T-1"
    ]
    assert sum(kind in KINDS for kind in other.kinds()) == 1
    swap(bench, FarTerminal(boot_id=8))
    bench.advance(10_000 + RETRY_MS)
    assert [event.action for event in bench.said(TerminalDone)] == [action]


def test_terminal_is_swapped_in_the_middle_of_a_report() -> None:
    tally = bytes(range(256)) * 20
    ours, other = FarTerminal(), foreign()
    ours.reports[0x17], other.reports[0x17] = tally, tally[::-1]
    bench = Bench(far=ours)
    bench.up()
    step = bench.dialogue.handle_request("tally", bench.now)
    for _ in range(3):
        step = bench.dialogue.handle_bytes(ours.hear(step.send), bench.now)
    swap(bench, other)
    bench.take(step)
    bench.advance(60_000)
    assert not bench.said(TerminalDone)
    swap(bench, ours)
    bench.advance(60_000)
    assert bench.said(TerminalDone) == [TerminalDone("tally", 1, tally)]


def test_terminal_that_does_not_know_its_own_name_is_asked_once_a_second() -> None:
    """It says T-1 in HELLO, and refuses what is addressed to T-1."""
    bench = Bench()
    bench.up()
    bench.far.refusals = {messages.ACTIONS["open"]: 5}
    bench.request("open")
    bench.advance(60 * RETRY_MS)
    assert not bench.said(TerminalRefused)
    assert bench.far.kinds().count(messages.ACTIONS["open"]) == 61
    bench.far.refusals = {}
    bench.advance(RETRY_MS)
    assert bench.said(TerminalDone) == [TerminalDone("open", 1, None)]


@pytest.mark.parametrize("name", ["", "x" * 256, "ü" * 128])
def test_name_that_no_request_can_be_addressed_to(name: str) -> None:
    with pytest.raises(ValueError, match="1 to 255 are allowed"):
        messages.address(name)


def test_kit_restarts_in_the_middle_of_a_report() -> None:
    tally = bytes(range(256)) * 20
    far = FarTerminal()
    far.reports[0x17] = tally
    old = Bench(far=far, session=1)
    old.up()
    step = old.dialogue.handle_request("tally", old.now)
    for _ in range(3):
        step = old.dialogue.handle_bytes(far.hear(step.send), old.now)
    late = far.hear(step.send)
    new = Bench(far=far, session=2)
    new.up()
    new.hear(late)
    assert not new.said(TerminalDone), "a chunk for the kit before"
    new.request("tally")
    assert new.said(TerminalDone) == [TerminalDone("tally", 1, tally)]


def test_terminal_and_kit_reboot_at_once() -> None:
    far = FarTerminal()
    old = Bench(far=far)
    old.up()
    old.request("close")
    far.boot_id, far.mute = 8, True
    new = Bench(far=far, session=9)
    new.request("account")
    new.up()
    new.advance(TRIES_MAX * TIMEOUT_MS + 5_000)
    far.mute = False
    new.advance(RETRY_MS)
    assert [up.identity.boot_id for up in new.said(TerminalUp)] == [8]
    assert new.said(TerminalDone) == [TerminalDone("account", 1, b"account")]
