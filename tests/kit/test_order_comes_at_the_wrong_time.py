"""An authentic order of both bodies, at a moment at which it must not be followed."""

from typing import Any

import pytest

from crypto.statements import OrderKind
from kit import exit_codes
from kit.day.phases import ORDERS, PHASES, TABLE
from kit.effects import AskTerminal
from kit.facts import OrderAccepted, Phase, PhaseEntered
from tests.kit.harness import CLOSE_MS, OPEN_MS, STANDBY_DEVICE, TALLY_MS, TWO_TERMINALS, Branch
from tests.kit.staff import order, readiness, standing_in, work_until

WRONG = [(kind, phase) for kind, phases in ORDERS.items() for phase in PHASES if phase not in phases]
RIGHT = [(kind, phase) for kind, phases in ORDERS.items() for phase in phases]


def assert_refused(branch: Branch, kind: OrderKind, words: str, *, serial: int | None = None) -> None:
    before, asked = list(branch.journal.facts), len(branch.effects)
    answer = order(branch, kind, serial)
    assert answer["ok"] is False
    assert answer["code"] == exit_codes.FORBIDDEN
    assert words in answer["error"]
    assert branch.journal.facts == before
    assert not [effect for effect in branch.effects[asked:] if isinstance(effect, AskTerminal)]


@pytest.mark.parametrize(("kind", "phase"), WRONG)
def test_order_in_the_wrong_phase(kind: OrderKind, phase: Phase) -> None:
    device = STANDBY_DEVICE if kind == "reissue" else None
    assert_refused(standing_in(phase, device=device), kind, f"the branch is {phase!r}")


@pytest.mark.parametrize(("kind", "phase"), RIGHT)
def test_order_is_refused_although_it_is_time(kind: OrderKind, phase: Phase) -> None:
    device = STANDBY_DEVICE if kind == "reissue" else None
    branch = standing_in(phase, TWO_TERMINALS, device=device)
    form: dict[str, Any] = {}
    if kind == "close":
        branch.advance_to_wall(CLOSE_MS)
    if kind == "open":
        branch.advance_to_wall(OPEN_MS)
    if kind == "replace-terminal" and phase in ("accounted", "tallied"):
        form["standby"] = None
        branch.unplug("terminal-1-1")
        branch.boot()  # so that no tally is left in memory
        branch.settle()
    assert order(branch, kind, **form) == {"ok": True, "accepted": True}
    assert branch.facts(OrderAccepted)[-1].kind == kind


def test_every_phase_can_be_left_by_a_trigger_that_leads_onwards() -> None:
    assert list(TABLE) == list(PHASES)
    dead_ends = [phase for phase in PHASES if not set(TABLE[phase].values()) - {phase}]
    assert dead_ends == ["archived"]


def test_polls_open_a_millisecond_early() -> None:
    branch = standing_in("zeroed")
    branch.advance_to_wall(OPEN_MS - 1)
    assert_refused(branch, "open", "not before 2027-06-18T14:10:00.000Z; it is 2027-06-18T14:09:59.999Z")
    branch.advance(1)
    assert order(branch, "open")["accepted"] is True


def test_polls_close_a_millisecond_early() -> None:
    branch = standing_in("open")
    branch.advance_to_wall(CLOSE_MS - 1)
    assert_refused(branch, "close", "not before 2027-06-18T14:30:00.000Z")
    branch.advance(1)
    assert order(branch, "close")["accepted"] is True


def test_wall_clock_jumps_over_closing_time() -> None:
    """Times are reckoned from the boot: a clock that somebody sets forward closes no poll."""
    branch = standing_in("open")
    branch.wall_offset += 6 * 3_600_000
    assert_refused(branch, "close", "not before 2027-06-18T14:30:00.000Z")


@pytest.mark.parametrize("serial", [1, 2, 4, 2**31])
def test_serial_is_replayed_or_skipped(serial: int) -> None:
    branch = standing_in("open")
    branch.advance_to_wall(CLOSE_MS)
    assert_refused(branch, "close", f"its serial is {serial}, the next one is 3", serial=serial)


def test_order_of_the_morning_is_handed_in_again_in_the_evening() -> None:
    branch = standing_in("zeroed")
    branch.unplug("terminal-1-1")  # so that it stays zeroed while the order is carried out
    branch.advance_to_wall(OPEN_MS)
    assert order(branch, "open", 2)["accepted"] is True
    assert_refused(branch, "open", "its serial is 2, the next one is 3", serial=2)


def test_next_order_comes_while_the_last_one_is_being_carried_out() -> None:
    branch = standing_in("readiness")
    branch.unplug("terminal-1-1")
    assert order(branch, "zero")["accepted"] is True
    assert_refused(branch, "zero", "'zero' is still being carried out")
    branch.plug("terminal-1-1")
    branch.settle()
    assert branch.phase == "zeroed"


def test_poll_must_close_although_a_terminal_does_not_suspend() -> None:
    branch = standing_in("open")
    branch.unplug("terminal-1-1")
    assert order(branch, "suspend")["accepted"] is True
    branch.advance_to_wall(CLOSE_MS)
    assert order(branch, "close")["accepted"] is True
    branch.plug("terminal-1-1")
    branch.settle()
    assert branch.phase == "closed"


def test_tally_is_asked_for_before_its_time_or_before_the_account() -> None:
    branch = work_until(Branch(), "accounted")
    asked = branch.lines["terminal-1-1"].asked
    assert asked == ["self-test", "zero", "open", "close", "account"]
    branch.advance_to_wall(TALLY_MS - 1)
    assert asked[-1] == "account"
    assert [fact.phase for fact in branch.facts(PhaseEntered)][-1] == "accounted"
    branch.advance(1)
    assert asked[-1] == "tally"


def test_tally_waits_for_the_account_of_the_slowest_terminal() -> None:
    branch = standing_in("closed", TWO_TERMINALS)
    branch.unplug("terminal-1-2")
    order(branch, "account")
    branch.advance_to_wall(TALLY_MS + 60_000)
    assert "tally" not in branch.lines["terminal-1-1"].asked
    branch.plug("terminal-1-2")
    branch.settle()
    assert branch.phase == "delivered"
    for line in branch.lines.values():
        assert line.asked.index("account") < line.asked.index("tally")


def test_terminals_clock_is_behind_ours() -> None:
    """The terminal says too-early: it is asked again soon, without an incident."""
    branch = work_until(Branch(), "accounted")
    line = branch.lines["terminal-1-1"]
    carry_out = line.carry_out
    line.carry_out = lambda wall_ms: carry_out(wall_ms - 2_500)  # type: ignore[method-assign]
    branch.advance_to_wall(TALLY_MS)
    assert branch.phase == "accounted"
    branch.advance(5_000)
    assert branch.phase == "delivered"
    assert line.asked.count("tally") == 4


def test_readiness_is_asked_for_when_it_is_past() -> None:
    for phase in PHASES[2:]:
        answer = readiness(standing_in(phase))
        assert (answer["ok"], answer["code"]) == (False, exit_codes.FORBIDDEN)
