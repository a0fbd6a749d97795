"""A poll that was closed by mistake goes on; one whose numbers were given away does not."""

from kit import exit_codes
from kit.facts import AccountTaken, OrderFailed, PhaseEntered, TerminalActed
from tests.kit.harness import CLOSE_MS, TWO_TERMINALS, Branch
from tests.kit.staff import order, standing_in, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"


def close_numbers(branch: Branch) -> dict[str, int]:
    return {unit.terminal: unit.close_no for unit in branch.station.day.state.active()}


def test_reopened_poll_closes_under_the_number_of_the_first_close() -> None:
    branch = standing_in("closed", TWO_TERMINALS)
    assert order(branch, "reopen")["accepted"] is True
    branch.settle()
    assert branch.phase == "open"
    assert {line.model.phase for line in branch.lines.values()} == {"open"}
    assert close_numbers(branch) == {T1: 1, T2: 1}
    work_until(branch, "delivered")
    assert close_numbers(branch) == {T1: 2, T2: 2}
    assert {fact.close_no for fact in branch.facts(AccountTaken)} == {2}
    assert branch.facts(OrderFailed) == []


def test_reason_of_the_reopening_is_not_in_the_journal() -> None:
    branch = standing_in("closed")
    order(branch, "reopen", reason="the clock was wrong")
    (accepted,) = [fact for fact in branch.journal.facts if getattr(fact, "kind", None) == "reopen"]
    assert accepted.reason == "the clock was wrong"
    assert accepted.assurance == "procedural"
    assert len(accepted.officials) == 2


def test_poll_reopens_after_one_terminal_gave_its_account() -> None:
    """The kit refuses although the phase is still closed; so would the terminal."""
    branch = standing_in("closed", TWO_TERMINALS)
    branch.lines[T2].model.faults.broken = True
    order(branch, "account")
    branch.settle()
    assert branch.phase == "closed"
    assert [fact.terminal for fact in branch.facts(AccountTaken)] == [T1]
    assert branch.facts(OrderFailed)[-1].kind == "account"
    for kind in ("reopen", "close"):
        answer = order(branch, kind)
        assert answer["code"] == exit_codes.FORBIDDEN
        assert "terminal-1-1 was taken" in answer["error"]


def test_one_terminal_cannot_reopen_and_the_other_stays_open_for_ever() -> None:
    """Terminal 1 gave its account, and the kit was gone before it could write that down."""
    branch = standing_in("closed", TWO_TERMINALS)
    branch.lines[T2].request("account")
    branch.lines[T2].carry_out(branch.wall_ms)
    assert order(branch, "reopen")["accepted"] is True
    branch.settle()
    assert branch.facts(OrderFailed)[-1].kind == "reopen"
    assert branch.phase == "closed"
    assert branch.lines[T1].model.phase == "open"
    order(branch, "close")
    branch.settle()
    assert branch.phase == "closed"
    assert branch.lines[T1].model.phase == "closed"
    work_until(branch, "delivered")
    assert close_numbers(branch) == {T1: 2, T2: 1}


def test_reopening_forgets_the_closing_time() -> None:
    """After the reopening the poll closes by the times that hold, not by those that were."""
    branch = standing_in("closed")
    order(branch, "extend")
    order(branch, "reopen")
    branch.settle()
    answer = order(branch, "close")
    assert "not before 2027-06-18T14:40:00.000Z" in answer["error"]
    branch.advance_to_wall(CLOSE_MS + 600_000)
    assert order(branch, "close")["accepted"] is True


def test_power_goes_while_the_poll_reopens() -> None:
    branch = standing_in("closed", TWO_TERMINALS)
    branch.unplug(T2)
    order(branch, "reopen")
    branch.settle()
    assert branch.phase == "closed"
    branch.boot()
    branch.plug(T2)
    branch.settle()
    assert branch.phase == "open"
    assert [fact.trigger for fact in branch.facts(PhaseEntered)][-1] == "all-reopened"
    assert [fact.terminal for fact in branch.facts(TerminalActed)][-2:] == [T1, T2]
