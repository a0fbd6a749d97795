"""A terminal is out of order for good: the branch goes on without it, with a standby where there is one."""

from typing import Any, Final

import pytest

from crypto.codec import unb64
from crypto.submissions import check_submission
from drivers.ports import TerminalIdentity, TerminalUp
from kit import exit_codes
from kit.events import TerminalHeard
from kit.facts import (
    AccountTaken,
    IncidentRecorded,
    OrderAccepted,
    Phase,
    TerminalActed,
    TerminalReplaced,
    ZeroProved,
)
from tests.kit.harness import (
    CLOSE_MS,
    STANDBY_TERMINAL,
    TALLY_MS,
    TWO_TERMINALS,
    Branch,
)
from tests.kit.real_kit import real_kit
from tests.kit.staff import order, standing_in, work_until

T1, T2, SECOND_STANDBY = "terminal-1-1", "terminal-1-2", "standby-terminal-1-2"
WITHOUT: Final = {"terminal": T1, "standby": None, "reason": "it burnt"}


def destroyed(phase: Phase, **how: Any) -> Branch:
    """Terminal 1 of two is gone for good; the standby waits on its line."""
    branch = standing_in(phase, TWO_TERMINALS, **how)
    branch.unplug(T1)
    branch.plug(STANDBY_TERMINAL)
    branch.settle()
    return branch


def counted(branch: Branch) -> set[str]:
    """The terminals whose sealed tally the centre has."""
    manifest = branch.election.loaded
    statements = [check_submission(data, manifest).statement for data in branch.center.taken]
    return {statement.terminal for statement in statements if statement.type == "sealed-tally"}


@pytest.mark.parametrize("phase", ["commissioned", "readiness", "zeroed", "open", "suspended", "closed"])
def test_standby_does_not_catch_up(phase: Phase) -> None:
    branch = destroyed(phase)
    assert order(branch, "replace-terminal")["accepted"] is True
    work_until(branch, "delivered")
    assert counted(branch) == {STANDBY_TERMINAL, T2}
    standby = branch.lines[STANDBY_TERMINAL]
    assert "zero" in standby.asked, "a standby that was never proved to be at zero takes part"
    assert T1 not in {fact.terminal for fact in branch.facts(AccountTaken)}


def test_standby_is_not_proved_to_be_at_zero_before_it_opens() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal")
    branch.settle()
    assert branch.lines[STANDBY_TERMINAL].asked == ["zero", "open"]
    assert branch.lines[STANDBY_TERMINAL].model.phase == "open"
    assert [fact.terminal for fact in branch.facts(ZeroProved)][-1] == STANDBY_TERMINAL
    assert branch.facts(TerminalActed)[-1].terminal == STANDBY_TERMINAL
    assert (branch.phase, branch.station.day.state.stage) == ("open", None)


@pytest.mark.parametrize("phase", ["zeroed", "suspended", "closed"])
def test_standby_takes_votes_while_the_poll_is_not_open(phase: Phase) -> None:
    branch = destroyed(phase)
    order(branch, "replace-terminal")
    branch.settle()
    standby = branch.lines[STANDBY_TERMINAL]
    assert "open" not in standby.asked
    if phase == "suspended":
        order(branch, "resume")
        branch.settle()
        assert standby.asked == ["zero", "open"]
        assert branch.phase == "open"


def test_poll_cannot_be_suspended_while_a_standby_is_on_its_way() -> None:
    branch = standing_in("open", TWO_TERMINALS)
    branch.unplug(T1)
    order(branch, "replace-terminal")
    order(branch, "suspend")
    branch.settle()
    assert branch.phase == "suspended", "it takes no votes: nothing is to be suspended there"


def test_standby_that_came_in_a_suspended_poll_is_never_closed() -> None:
    branch = destroyed("suspended")
    order(branch, "replace-terminal")
    branch.advance_to_wall(CLOSE_MS)
    order(branch, "close")
    branch.settle()
    assert branch.phase == "closed"
    assert branch.lines[STANDBY_TERMINAL].model.phase == "closed"


def test_branch_waits_for_ever_for_a_terminal_that_burnt() -> None:
    """The order that all wait for goes on without it, under the officials' signatures alone."""
    branch = standing_in("open", TWO_TERMINALS)
    branch.unplug(T1)
    branch.advance_to_wall(CLOSE_MS)
    order(branch, "close")
    branch.advance(60_000)
    assert (branch.phase, branch.station.day.state.stage) == ("open", "close")
    assert order(branch, "replace-terminal", **WITHOUT)["accepted"] is True
    branch.settle()
    assert branch.phase == "closed"
    work_until(branch, "delivered")
    assert counted(branch) == {T2}


def test_standby_joins_while_an_order_is_being_carried_out() -> None:
    branch = destroyed("closed")
    order(branch, "account")
    branch.settle()
    assert branch.phase == "closed"
    order(branch, "replace-terminal")
    branch.settle()
    assert branch.lines[STANDBY_TERMINAL].asked == ["zero", "close", "account"]
    assert branch.phase == "accounted"


@pytest.mark.parametrize("phase", ["accounted", "tallied"])
def test_other_terminals_tallies_are_never_sent(phase: Phase) -> None:
    """Terminal 1 is lost after its account: its account is delivered, and terminal 2 is counted."""
    branch = standing_in(phase, TWO_TERMINALS)
    branch.sealer_hangs, branch.center_answers = False, True
    for name in branch.links:
        branch.set_link(name, "works")
    branch.unplug(T1)
    branch.boot()
    branch.advance_to_wall(TALLY_MS + 60_000)
    assert branch.phase == phase
    assert order(branch, "replace-terminal", **WITHOUT)["accepted"] is True
    work_until(branch, "delivered")
    assert counted(branch) == {T2}
    accounts = [fact.terminal for fact in branch.envelopes() if fact.kind == "account"]
    assert sorted(accounts) == [T1, T2]


def test_account_that_waits_for_the_sealer_is_lost_with_its_terminal() -> None:
    branch = standing_in("closed", TWO_TERMINALS)
    branch.sealer_hangs = True
    work_until(branch, "accounted")
    order(branch, "replace-terminal", terminal=T2, standby=None)
    branch.advance_to_wall(TALLY_MS)
    work_until(branch, "tallied")
    branch.sealer_hangs = False
    branch.post(branch.sealer.make(branch.sealed[-1]))  # the tally of terminal 1 is in memory already
    work_until(branch, "delivered")
    assert {(fact.kind, fact.terminal) for fact in branch.envelopes()} == {
        ("account", T1),
        ("account", T2),
        ("tally", T1),
    }


def test_its_absence_is_not_stated() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal", reason="water came in")
    branch.settle()
    (fact,) = branch.facts(TerminalReplaced)
    assert (fact.terminal, fact.standby, fact.reason) == (T1, STANDBY_TERMINAL, "water came in")
    (accepted,) = [fact for fact in branch.facts(OrderAccepted) if fact.kind == "replace-terminal"]
    assert len(accepted.officials) == 2
    status = branch.station.status(branch.now)
    assert [(t["id"], t["part"]) for t in status["terminals"]] == [
        (T1, "retired"),
        (T2, "active"),
        (STANDBY_TERMINAL, "active"),
    ]
    assert status["replaced"][0]["reason"] == "water came in"


def test_terminal_that_was_given_up_comes_back() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal")
    branch.settle()
    asked = list(branch.lines[T1].asked)
    branch.plug(T1)
    work_until(branch, "delivered")
    assert branch.lines[T1].asked == asked
    assert counted(branch) == {STANDBY_TERMINAL, T2}


def test_standby_is_asked_for_something_before_it_takes_part() -> None:
    branch = standing_in("open", TWO_TERMINALS)
    branch.plug(STANDBY_TERMINAL)
    branch.statuses()
    branch.unplug(STANDBY_TERMINAL)
    branch.plug(STANDBY_TERMINAL)
    work_until(branch, "delivered")
    assert branch.lines[STANDBY_TERMINAL].asked == []
    assert [fact for fact in branch.facts(IncidentRecorded) if STANDBY_TERMINAL in fact.detail] == []


def test_another_terminal_sits_on_the_standbys_line() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal")
    identity = TerminalIdentity("terminal-9-9", "sim-1", 3, "ab" * 32, "cd" * 32)
    branch.post(TerminalHeard(STANDBY_TERMINAL, TerminalUp(identity)))
    branch.settle()
    assert branch.facts(IncidentRecorded)[-1].code == "foreign-terminal"


def test_replacement_is_forgotten_over_a_restart() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal")
    branch.boot()
    work_until(branch, "delivered")
    assert counted(branch) == {STANDBY_TERMINAL, T2}


def test_standby_is_destroyed_too() -> None:
    branch = destroyed("open")
    order(branch, "replace-terminal")
    branch.settle()
    branch.unplug(STANDBY_TERMINAL)
    branch.plug(SECOND_STANDBY)
    assert order(branch, "replace-terminal", terminal=STANDBY_TERMINAL, standby=SECOND_STANDBY)["accepted"]
    work_until(branch, "delivered")
    assert counted(branch) == {SECOND_STANDBY, T2}


async def test_kit_does_not_start_because_the_standby_has_no_line_yet() -> None:
    """The configuration is edited when there is time for it; until then the kit runs, and says what is missing."""
    branch = standing_in("open")
    branch.plug(STANDBY_TERMINAL)
    order(branch, "replace-terminal")
    branch.settle()
    async with real_kit(branch) as real:
        status = (await real.ask({"op": "status"}))["status"]
        assert [(one["id"], one["part"]) for one in status["terminals"]] == [
            (T1, "retired"),
            (STANDBY_TERMINAL, "active"),
        ]
        assert status["terminals"][1]["connected"] is False
        assert "takes part and has no line" in real.log.read_text()


# --- refusals


def refused(branch: Branch, words: str, **form: Any) -> None:
    before = list(branch.journal.facts)
    answer = order(branch, "replace-terminal", **form)
    assert (answer["ok"], answer["code"]) == (False, exit_codes.FORBIDDEN)
    assert words in answer["error"]
    assert branch.journal.facts == before


def test_terminal_is_given_up_that_takes_no_part() -> None:
    branch = destroyed("open")
    refused(branch, "it is standby", terminal=SECOND_STANDBY)
    order(branch, "replace-terminal")
    branch.settle()
    refused(branch, "it is retired", standby=SECOND_STANDBY)
    refused(branch, f"{STANDBY_TERMINAL} is active already", terminal=T2)


def test_last_terminal_of_the_branch_is_given_up() -> None:
    refused(standing_in("open"), "the branch's last terminal", **WITHOUT)


def test_standby_joins_after_the_account() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "accounted")
    refused(branch, "order it without one")


def test_tally_that_is_here_is_thrown_away() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "accounted")
    branch.unplug(T2)
    branch.advance_to_wall(TALLY_MS)
    branch.settle()
    refused(branch, f"the tally of terminal {T1} is here already", **WITHOUT)


def test_account_of_a_retired_terminal_is_not_its_own() -> None:
    """What was taken from it before it was given up is delivered as it was."""
    branch = standing_in("accounted", TWO_TERMINALS)
    order(branch, "replace-terminal", **WITHOUT)
    branch.settle()
    (taken,) = [fact for fact in branch.facts(AccountTaken) if fact.terminal == T1]
    manifest = branch.election.loaded
    submitted = [check_submission(data, manifest).statement for data in branch.center.taken]
    (mine,) = [one for one in submitted if one.terminal == T1 and one.type == "account-submission"]
    assert unb64(mine.account) == unb64(taken.account)
