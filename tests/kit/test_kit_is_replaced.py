"""A standby kit takes over, at noon or after everything was closed; or two kits serve one branch."""

from typing import Any, Final

import pytest

from crypto.codec import b64, unb64
from crypto.statements import AccountSubmission, SealedTally
from crypto.submissions import check_submission
from kit import exit_codes
from kit.events import OrderReceived
from kit.facts import (
    AccountTaken,
    Commissioned,
    IncidentRecorded,
    OrderAccepted,
    OrderFailed,
    Phase,
    PhaseEntered,
    TakenOver,
    TallyTaken,
    TerminalActed,
)
from tests.kit.harness import CLOSE_MS, STANDBY_DEVICE, STANDBY_TERMINAL, TALLY_MS, TWO_TERMINALS, Branch
from tests.kit.real_kit import real_kit
from tests.kit.staff import FORMS, order, standing_in, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"
SECOND_DEVICE: Final = "standby-device-1-2"


def replacement(lost: Branch, **how: Any) -> Branch:
    """The first kit is gone; its terminals are plugged into the standby."""
    kit = Branch(lost.election, device=STANDBY_DEVICE, lines_of=lost, center=lost.center, **how)
    kit.settle()
    return kit


def taken_over(lost: Branch) -> Branch:
    kit = replacement(lost)
    assert order(kit, "reissue")["accepted"] is True
    kit.statuses()
    return kit


def stated(kit: Branch) -> list[AccountSubmission | SealedTally]:
    """What the centre has from this kit."""
    checked = [check_submission(data, kit.election.loaded).statement for data in kit.center.taken]
    return [statement for statement in checked if statement.device == kit.device]


# --- at noon


@pytest.mark.parametrize("phase", ["zeroed", "open", "suspended"])
def test_replacement_begins_another_day(phase: Phase) -> None:
    lost = standing_in(phase, TWO_TERMINALS)
    kit = taken_over(lost)
    assert kit.phase == phase
    (fact,) = kit.facts(TakenOver)
    assert (fact.cause, fact.reason) == ("replacement-kit", "the kit is lost")
    assert {terminal: one.phase for terminal, one in fact.terminals.items()} == {T1: phase, T2: phase}
    work_until(kit, "delivered")
    submitted = stated(kit)
    assert len(submitted) == 4
    assert {(one.device, one.cause, one.supersedes) for one in submitted} == {
        (STANDBY_DEVICE, "replacement-kit", None)
    }
    assert [one.seq for one in submitted] == [1, 2, 3, 4]


def test_votes_of_the_morning_are_lost() -> None:
    lost = standing_in("open")
    lost.lines[T1].model.cast_all()
    cast = lost.lines[T1].model.durable["public_counter"]
    assert cast
    kit = taken_over(lost)
    work_until(kit, "delivered")
    assert lost.lines[T1].model.durable["public_counter"] == cast
    assert kit.station.day.state.findings == []


def test_replacement_reads_no_counter() -> None:
    kit = taken_over(standing_in("open"))
    kit.statuses()
    assert kit.station.day.state.units[T1].public_counter is not None


def test_take_over_is_believed_before_every_terminal_has_spoken() -> None:
    kit = replacement(standing_in("open", TWO_TERMINALS))
    kit.unplug(T2)
    order(kit, "reissue")
    kit.statuses()
    assert (kit.phase, kit.station.day.state.stage) == ("commissioned", "reissue")
    kit.plug(T2)
    kit.settle()
    assert kit.phase == "commissioned", "a session is no word on where the terminal stands"
    kit.statuses()
    assert kit.phase == "open"


def test_word_from_before_the_order_counts() -> None:
    lost = standing_in("zeroed")
    kit = replacement(lost)
    kit.statuses()
    order(kit, "reissue")
    assert kit.phase == "commissioned"
    kit.statuses()
    assert kit.phase == "zeroed"


def test_power_goes_during_the_take_over() -> None:
    kit = replacement(standing_in("open", TWO_TERMINALS))
    order(kit, "reissue")
    kit.boot()
    kit.settle()
    assert kit.station.day.state.stage == "reissue"
    kit.statuses()
    assert kit.phase == "open"
    kit.boot()
    work_until(kit, "delivered")
    assert {one.cause for one in stated(kit)} == {"replacement-kit"}


HALF_DONE: Final[dict[str, tuple[Phase, str, Phase]]] = {
    "open": ("zeroed", "open", "zeroed"),
    "suspend": ("open", "suspend", "open"),
    "close": ("open", "close", "open"),
}


@pytest.mark.parametrize("kind", HALF_DONE)
def test_kit_was_lost_in_the_middle_of_an_order(kind: Any) -> None:
    """One terminal has followed, the other has not: the order is given again, and both have followed it then."""
    start, action, expected = HALF_DONE[kind]
    lost = standing_in(start, TWO_TERMINALS)
    lost.advance_to_wall(CLOSE_MS)
    lost.lines[T1].request(action)  # type: ignore[arg-type]
    lost.lines[T1].carry_out(lost.wall_ms)
    kit = taken_over(lost)
    assert kit.phase == expected
    assert order(kit, kind)["accepted"] is True
    kit.settle()
    assert len({line.model.phase for line in kit.lines.values()}) == 1
    assert kit.phase == {"open": "open", "suspend": "suspended", "close": "closed"}[kind]
    work_until(kit, "delivered")


def test_closed_terminal_is_opened_by_the_take_over() -> None:
    lost = standing_in("open", TWO_TERMINALS)
    lost.lines[T1].request("close")
    lost.lines[T1].carry_out(lost.wall_ms)
    kit = taken_over(lost)
    assert kit.phase == "open"
    kit.advance(60_000)
    assert kit.lines[T1].model.phase == "closed"
    assert kit.lines[T1].asked == []


async def test_real_terminal_does_not_say_where_it_stands() -> None:
    """A real kitd as a standby, a terminal on a real line that another kit had opened."""
    lost = standing_in("open")
    kit = Branch(lost.election, device=STANDBY_DEVICE, lines_of=lost)
    async with real_kit(kit) as real:
        status = await real.until_status(lambda status: status["terminals"][0]["connected"], "the terminal")
        assert (status["phase"], status["device"]) == ("commissioned", STANDBY_DEVICE)
        for official in lost.election.officials_of("branch-1"):
            data = lost.election.order("branch-1", "reissue", signers=[official], **FORMS["reissue"])
            answer = await real.ask({"op": "order", "envelope": b64(data)})
            assert answer["ok"] is True, answer
        status = await real.until_status(lambda status: status["phase"] == "open", "the take-over")
        assert (status["cause"], status["terminals"][0]["at"]) == ("replacement-kit", "open")


# --- after the close: the terminals give again what they gave


@pytest.mark.parametrize("phase", ["closed", "accounted", "tallied", "sealed"])
def test_kit_is_destroyed_before_sending(phase: Phase) -> None:
    """The same bytes ever after: what the standby seals is what the lost kit had sealed."""
    lost = standing_in(phase, TWO_TERMINALS)
    kit = taken_over(lost)
    assert kit.phase == "closed"
    assert kit.facts(TakenOver)[0].cause == "reissued"
    for link in kit.links:
        kit.set_link(link, "works")
    kit.center_answers = True
    kit.advance_to_wall(TALLY_MS)
    work_until(kit, "delivered")
    assert {one.cause for one in stated(kit)} == {"reissued"}
    assert {one.close_no for one in stated(kit)} == {1}
    before = {fact.terminal: fact.account for fact in lost.facts(AccountTaken)}
    after = {fact.terminal: fact.account for fact in kit.facts(AccountTaken)}
    assert before == {terminal: after[terminal] for terminal in before}
    tallies = {fact.terminal: fact.report_sha256 for fact in lost.facts(TallyTaken)}
    again = {fact.terminal: fact.report_sha256 for fact in kit.facts(TallyTaken)}
    assert tallies == {terminal: again[terminal] for terminal in tallies}


def test_account_is_passed_over_because_the_terminal_gave_it_already() -> None:
    """The voters signed in are the officials' word, and the lost kit took it with it."""
    kit = taken_over(standing_in("sealed"))
    kit.advance(3_600_000)
    assert kit.phase == "closed"
    assert kit.lines[T1].asked == []


def test_first_kit_comes_back() -> None:
    """Both are authentic, both are logged; neither knows of the other, and adjudication settles it."""
    lost = standing_in("sealed")
    kit = taken_over(lost)
    for link in kit.links:
        kit.set_link(link, "works")
        lost.set_link(link, "works")
    work_until(kit, "delivered")
    lost.boot()
    lost.center_answers = True
    work_until(lost, "delivered")
    tallies = [
        check_submission(data, kit.election.loaded).statement
        for data in kit.center.taken
        if check_submission(data, kit.election.loaded).statement.type == "sealed-tally"
    ]
    assert {(one.device, one.cause) for one in tallies} == {
        ("device-1", "first"),
        (STANDBY_DEVICE, "reissued"),
    }


def test_two_kits_serve_one_branch_at_once() -> None:
    """One terminal each: what is done by one kit alone is not undone by the other."""
    first = standing_in("open", TWO_TERMINALS)
    kit = Branch(TWO_TERMINALS, device=STANDBY_DEVICE, lines_of=first, center=first.center)
    kit.settle()
    order(first, "replace-terminal", terminal=T2, standby=None, reason="moved to the other kit")
    order(kit, "replace-terminal", terminal=T1, standby=None, reason="stays at the other kit")
    first.unplug(T2)
    kit.unplug(T1)
    order(kit, "reissue")
    kit.statuses()
    assert kit.phase == "open"
    work_until(first, "delivered")
    work_until(kit, "delivered")
    checked = [check_submission(data, kit.election.loaded).statement for data in kit.center.taken]
    units = {(one.device, one.terminal) for one in checked if one.type == "sealed-tally"}
    assert units == {("device-1", T1), (STANDBY_DEVICE, T2)}


# --- kits and terminals together


def test_kit_and_a_terminal_are_destroyed() -> None:
    lost = standing_in("open", TWO_TERMINALS)
    lost.unplug(T1)
    kit = replacement(lost)
    kit.unplug(T1)
    kit.plug(STANDBY_TERMINAL)
    order(kit, "replace-terminal")
    order(kit, "reissue")
    kit.statuses()
    assert kit.phase == "open", "a standby that has done nothing yet does not count"
    kit.settle()
    assert kit.lines[STANDBY_TERMINAL].model.phase == "open"
    work_until(kit, "delivered")
    assert {one.terminal for one in stated(kit)} == {STANDBY_TERMINAL, T2}


def test_standby_terminal_of_the_lost_kit_is_not_known() -> None:
    """It had replaced terminal 1 under the lost kit: officials order that again, and it stands where it stands."""
    lost = standing_in("open", TWO_TERMINALS)
    lost.unplug(T1)
    lost.plug(STANDBY_TERMINAL)
    order(lost, "replace-terminal")
    lost.settle()
    kit = replacement(lost)
    kit.unplug(T1)
    order(kit, "replace-terminal")
    kit.plug(STANDBY_TERMINAL)
    order(kit, "reissue")
    kit.statuses()
    assert kit.phase == "open"
    assert kit.facts(TerminalActed) == []
    work_until(kit, "delivered")
    assert {one.terminal for one in stated(kit)} == {STANDBY_TERMINAL, T2}


def test_re_vote_is_taken_for_a_replacement() -> None:
    """Standby kit and standby terminal, from the morning on; the first poll's envelopes stay what they are."""
    first = standing_in("archived")
    kit = Branch(device=STANDBY_DEVICE, poll="re-vote", center=first.center)
    kit.unplug(T1)
    kit.plug(STANDBY_TERMINAL)
    kit.settle()
    order(kit, "replace-terminal", reason="re-vote")
    work_until(kit, "delivered")
    assert {(one.cause, one.terminal, one.close_no) for one in stated(kit)} == {
        ("re-vote", STANDBY_TERMINAL, 1)
    }
    assert kit.facts(Commissioned)[0].poll == "re-vote"


def test_re_vote_is_no_re_vote_any_more_when_its_kit_is_replaced_too() -> None:
    lost = standing_in("open", device=SECOND_DEVICE, poll="re-vote")
    kit = replacement(lost, poll="re-vote")
    order(kit, "reissue")
    kit.statuses()
    work_until(kit, "delivered")
    assert {one.cause for one in stated(kit)} == {"re-vote"}


def test_standby_kit_from_the_morning_on_calls_itself_the_first() -> None:
    kit = Branch(device=STANDBY_DEVICE)
    work_until(kit, "delivered")
    assert {one.cause for one in stated(kit)} == {"replacement-kit"}


# --- refusals


@pytest.mark.parametrize("device", ["device-1", SECOND_DEVICE])
def test_order_is_for_another_kit(device: str) -> None:
    kit = Branch(device=device)
    kit.settle()
    answer = order(kit, "reissue")
    assert answer["code"] == exit_codes.FORBIDDEN
    assert "it is for the standby kit standby-device-1-1, and this is" in answer["error"]


def test_order_of_the_lost_kit_is_played_to_the_standby() -> None:
    """Each kit counts its own orders: what was signed for one must not fit the next number of another."""
    lost = standing_in("closed")
    signed = [unb64(fact.order) for fact in lost.facts(OrderAccepted)]
    kit = taken_over(standing_in("open"))
    kit.advance_to_wall(CLOSE_MS)
    before = list(kit.journal.facts)
    for data in signed:
        answer = kit.ask(lambda token, data=data: OrderReceived(data, token))
        assert "it is for the branch's own kit" in answer["error"]
    assert kit.journal.facts == before
    assert order(kit, "close")["accepted"] is True
    foreign = unb64(kit.facts(OrderAccepted)[-1].order)
    assert "standby kit" in lost.ask(lambda token: OrderReceived(foreign, token))["error"]


def test_kit_that_has_begun_its_day_takes_over() -> None:
    kit = Branch(device=STANDBY_DEVICE)
    work_until(kit, "zeroed")
    assert "the branch is 'zeroed'" in order(kit, "reissue")["error"]


def failure(kit: Branch) -> str:
    assert order(kit, "reissue")["accepted"] is True
    kit.statuses()
    failed = kit.facts(OrderFailed)[-1]
    assert failed.kind == "reissue"
    assert (kit.phase, kit.station.day.state.stage) == ("commissioned", None)
    assert kit.facts(TakenOver) == []
    assert kit.facts(IncidentRecorded)[-1].code == "take-over-refused"
    return str(failed.reason)


def test_terminals_have_not_begun() -> None:
    lost = standing_in("readiness", TWO_TERMINALS)
    assert "begin the day with readiness and zero" in failure(replacement(lost))


def test_terminals_have_not_begun_and_the_day_cannot_begin() -> None:
    """After the refused take-over the ordinary morning is still open."""
    kit = replacement(standing_in("readiness", TWO_TERMINALS))
    failure(kit)
    work_until(kit, "delivered")


def test_terminals_are_too_far_apart() -> None:
    lost = standing_in("closed", TWO_TERMINALS)
    lost.lines[T1].model.durable["phase"] = "idle"
    words = failure(replacement(lost))
    assert "terminal-1-1 is idle, terminal-1-2 is closed" in words
    assert "too far apart" in words


def test_terminal_is_at_fault() -> None:
    lost = standing_in("open", TWO_TERMINALS)
    lost.lines[T1].model.faults.broken = True
    kit = replacement(lost)
    assert "order replace-terminal for the one at fault" in failure(kit)
    kit.plug(STANDBY_TERMINAL)
    order(kit, "replace-terminal")
    order(kit, "reissue")
    kit.statuses()
    assert kit.phase == "open"


def test_take_over_leaves_no_trace_of_who_ordered_it() -> None:
    kit = taken_over(standing_in("open"))
    (accepted,) = kit.facts(OrderAccepted)
    assert (accepted.kind, len(accepted.officials), accepted.reason) == ("reissue", 2, "the kit is lost")
    assert kit.facts(PhaseEntered)[-1].trigger == "took-over-open"
