"""The schedule moves later and never earlier, by orders of the branch and by acts of the centre."""

from hashlib import sha256
from typing import Any, Final

import msgspec
import pytest

from crypto import rfc3339
from crypto.act_statements import Adjudication, ScheduleChange
from crypto.acts import sign_act
from crypto.statements import Schedule
from kit import exit_codes
from kit.events import ScheduleHeard
from kit.facts import IncidentRecorded, ScheduleExtended
from tests.crypto.election_fixture import ELECTION, Election, key_of
from tests.kit.harness import ONE_TERMINAL, SCHEDULE, TALLY_MS, TWO_TERMINALS, Branch
from tests.kit.staff import LATER, order, standing_in, work_until

LATER_TALLY_MS: Final = rfc3339.to_ms(LATER.tally_not_before)
LATER_TIMES: Final = msgspec.structs.asdict(LATER)
BOTH: Final = ("commissioner-executive", "commissioner-supervision")


def moved(**times: str) -> Schedule:
    return msgspec.structs.replace(SCHEDULE, **times)


def act(
    number: int = 1,
    *,
    schedule: Schedule = LATER,
    branch: str | None = None,
    signers: tuple[str, ...] = BOTH,
    election: Election = ONE_TERMINAL,
) -> bytes:
    change = ScheduleChange(
        election=ELECTION,
        round=1,
        manifest_sha256=election.loaded.sha256,
        number=number,
        prev=None if number == 1 else sha256(b"the one before").hexdigest(),
        branch=branch,
        schedule=schedule,
        reason="queues everywhere",
    )
    return sign_act(change, [key_of(signer) for signer in signers])


def hand_in(branch: Branch, data: bytes) -> dict[str, Any]:
    return branch.ask(lambda token: ScheduleHeard(data, token))


def schedule_of(branch: Branch) -> Schedule:
    assert branch.station.status(branch.now)["schedule"] == msgspec.structs.asdict(
        branch.station.day.schedule.current
    )
    return branch.station.day.schedule.current


# --- local orders


@pytest.mark.parametrize(
    "field", ["open_not_before", "close_not_before", "tally_not_before", "opening_not_before"]
)
def test_order_moves_one_time_earlier(field: str) -> None:
    branch = standing_in("readiness")
    earlier = rfc3339.to_text(rfc3339.to_ms(getattr(SCHEDULE, field)) - 1)
    before = list(branch.journal.facts)
    answer = order(branch, "extend", schedule=moved(**{field: earlier}))
    assert answer["code"] == exit_codes.FORBIDDEN
    assert (
        f"{field} {earlier} is earlier than {getattr(SCHEDULE, field)} of the schedule as it is"
        in answer["error"]
    )
    assert branch.journal.facts == before
    assert schedule_of(branch) == SCHEDULE


def test_order_that_closes_after_the_tally() -> None:
    branch = standing_in("open")
    answer = order(branch, "extend", schedule=moved(close_not_before="2027-06-18T15:00:00Z"))
    assert "backwards: close_not_before" in answer["error"]
    assert "give a later tally_not_before too" in answer["error"]


@pytest.mark.parametrize("time", ["2027-02-30T10:00:00Z", "9999-99-99T10:00:00Z"])
def test_order_names_a_moment_that_is_in_no_calendar(time: str) -> None:
    answer = order(standing_in("open"), "extend", schedule=moved(opening_not_before=time))
    assert answer["code"] == exit_codes.FORBIDDEN
    assert "no moment of the calendar" in answer["error"]


def test_slip_of_the_pen_keeps_the_poll_open_for_a_year() -> None:
    """Nobody could take it back: by order of the branch or by act of the centre, two weeks are the most."""
    branch = standing_in("open")
    next_year = moved(**{name: time.replace("2027", "2028") for name, time in LATER_TIMES.items()})
    answer = order(branch, "extend", schedule=next_year)
    assert answer["code"] == exit_codes.FORBIDDEN
    assert "more than 14 days" in answer["error"]
    assert "more than 14 days" in hand_in(branch, act(schedule=next_year))["error"]
    assert schedule_of(branch) == SCHEDULE
    assert order(branch, "extend")["accepted"] is True


def test_order_that_changes_nothing_is_taken_for_an_extension() -> None:
    branch = standing_in("open")
    written_otherwise = moved(open_not_before=SCHEDULE.open_not_before.replace(".000Z", "Z"))
    assert "changes nothing" in order(branch, "extend", schedule=written_otherwise)["error"]


def test_second_extension_goes_behind_the_first() -> None:
    branch = standing_in("open")
    assert order(branch, "extend")["accepted"] is True
    between = moved(close_not_before="2027-06-18T14:35:00.000Z", tally_not_before="2027-06-18T14:50:00.000Z")
    assert "a schedule only moves later" in order(branch, "extend", schedule=between)["error"]
    assert schedule_of(branch) == LATER


def test_extension_is_forgotten_over_a_restart() -> None:
    branch = standing_in("open")
    order(branch, "extend")
    branch.boot()
    branch.settle()
    assert schedule_of(branch) == LATER
    assert "not before 2027-06-18T14:40:00.000Z" in order(branch, "close")["error"]


def test_tally_is_asked_for_at_the_old_time() -> None:
    branch = work_until(Branch(), "accounted")
    order(branch, "extend")
    asked = branch.lines["terminal-1-1"].asked
    branch.advance_to_wall(LATER_TALLY_MS - 1)
    assert asked[-1] == "account"
    branch.advance(1)
    assert asked[-1] == "tally"
    assert branch.phase == "delivered"


def test_extension_after_a_tally_was_given() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "accounted")
    branch.unplug("terminal-1-2")
    branch.advance_to_wall(TALLY_MS)
    assert branch.phase == "accounted"
    answer = order(branch, "extend")
    assert "the tally of terminal-1-1 was given" in answer["error"]


def test_extension_holds_up_the_order_that_is_being_carried_out() -> None:
    branch = standing_in("open")
    branch.advance_to_wall(rfc3339.to_ms(SCHEDULE.close_not_before))
    branch.unplug("terminal-1-1")
    order(branch, "close")
    assert order(branch, "extend")["accepted"] is True
    branch.plug("terminal-1-1")
    branch.settle()
    assert branch.phase == "closed", "what was ordered in time is carried out"


# --- acts of the centre


def test_act_is_followed_and_kept() -> None:
    branch = standing_in("open")
    data = act(3)
    branch.post(ScheduleHeard(data))
    branch.settle()
    assert schedule_of(branch) == LATER
    (fact,) = branch.facts(ScheduleExtended)
    assert (fact.source, fact.number, fact.reason) == ("act", 3, "queues everywhere")
    assert set(fact.signers) == set(BOTH)
    assert msgspec.json.decode(f'"{fact.act}"', type=bytes) == data


def test_act_that_is_repeated_all_day_fills_the_journal() -> None:
    branch = standing_in("open")
    for _ in range(5):
        branch.post(ScheduleHeard(act()))
        branch.settle()
    branch.boot()
    branch.post(ScheduleHeard(act()))
    branch.settle()
    assert len(branch.facts(ScheduleExtended)) == 1
    assert branch.facts(IncidentRecorded) == []
    assert hand_in(branch, act()) == {"ok": True, "followed": False}


def refused(branch: Branch, data: bytes) -> str:
    """By hand it is said, from an uplink it is recorded; nothing else changes."""
    before = schedule_of(branch)
    answer = hand_in(branch, data)
    assert (answer["ok"], answer["code"]) == (False, exit_codes.DATA)
    branch.post(ScheduleHeard(data))
    branch.settle()
    incident = branch.facts(IncidentRecorded)[-1]
    assert incident.code == "schedule-refused"
    assert incident.detail in answer["error"]
    assert schedule_of(branch) == before
    return str(answer["error"])


def test_act_moves_something_earlier() -> None:
    branch = standing_in("open")
    order(branch, "extend")
    mixed = msgspec.structs.replace(
        LATER, tally_not_before="2027-06-18T14:40:59.999Z", opening_not_before="2027-06-18T20:00:00.000Z"
    )
    words = refused(branch, act(schedule=mixed))
    assert "tally_not_before 2027-06-18T14:40:59.999Z is earlier than" in words
    assert "a schedule only moves later" in words


def test_act_that_moves_nothing_later_raises_an_alarm() -> None:
    """A branch that was extended for longer hears the one for all again and again: nothing is wrong."""
    branch = standing_in("open")
    longer = msgspec.structs.replace(LATER, close_not_before="2027-06-18T14:41:00Z")
    assert hand_in(branch, act(1, branch="branch-1", schedule=longer))["followed"] is True
    for number in (2, 3, 2):
        assert hand_in(branch, act(number)) == {"ok": True, "followed": False}
        branch.post(ScheduleHeard(act(number)))
        branch.settle()
    assert hand_in(branch, act(1, branch="branch-1")) == {"ok": True, "followed": False}
    assert schedule_of(branch) == longer
    assert len(branch.facts(ScheduleExtended)) == 1
    assert branch.facts(IncidentRecorded) == []


def test_act_of_yesterday_is_played_again() -> None:
    branch = standing_in("open")
    branch.post(ScheduleHeard(act(2, branch="branch-1")))
    branch.settle()
    later = msgspec.structs.replace(LATER, opening_not_before="2027-06-18T20:00:00Z")
    assert "number 2 was followed already" in refused(branch, act(1, branch="branch-1", schedule=later))
    branch.boot()
    branch.settle()
    assert "number 2 was followed already" in refused(branch, act(2, branch="branch-1", schedule=later))


def test_act_for_this_branch_is_heard_after_the_next_one_for_all() -> None:
    """A kit that came late hears both in any order: what moves later is followed."""
    branch = standing_in("open")
    assert hand_in(branch, act(5))["followed"] is True
    later = msgspec.structs.replace(LATER, close_not_before="2027-06-18T14:41:00Z")
    assert hand_in(branch, act(4, branch="branch-1", schedule=later))["followed"] is True
    assert schedule_of(branch) == later
    assert hand_in(branch, act(6)) == {"ok": True, "followed": False}


def test_act_says_what_officials_have_ordered_already() -> None:
    branch = standing_in("open")
    order(branch, "extend")
    for _ in range(3):
        branch.post(ScheduleHeard(act()))
        branch.settle()
    assert [fact.source for fact in branch.facts(ScheduleExtended)] == ["order", "act"]
    assert branch.facts(IncidentRecorded) == []


@pytest.mark.parametrize(
    "signers",
    [BOTH[:1], BOTH[1:], ("official-1-executive", "official-1-supervision"), (BOTH[0], "manifest-1")],
)
def test_act_is_not_signed_by_two_commissioners_of_different_bodies(signers: tuple[str, ...]) -> None:
    refused(standing_in("open"), act(signers=signers))


def test_act_of_another_kind_or_none_at_all() -> None:
    branch = standing_in("open")
    adjudication = Adjudication(
        election=ELECTION,
        round=1,
        manifest_sha256=ONE_TERMINAL.loaded.sha256,
        number=1,
        prev=None,
        branch="branch-1",
        terminal="terminal-1-1",
        decision="absent",
        envelope_sha256=None,
        cause="not-used",
        reason="not used",
    )
    assert "changes no schedule" in refused(branch, sign_act(adjudication, [key_of(one) for one in BOTH]))
    refused(branch, b"\x00 no act")
    refused(branch, branch.election.order("branch-1", "close", 3))


def test_act_for_another_branch_moves_ours() -> None:
    branch = standing_in("open")
    assert hand_in(branch, act(branch="branch-2")) == {"ok": True, "followed": False}
    assert schedule_of(branch) == SCHEDULE
    assert branch.facts(ScheduleExtended) == []


def test_act_resurrects_a_phase_that_is_past() -> None:
    """After the tally it is written down, and nothing waits for it."""
    branch = standing_in("tallied")
    branch.lines["terminal-1-1"].connected = False
    branch.boot()
    branch.sealer_hangs = False
    assert hand_in(branch, act()) == {"ok": True, "followed": True}
    assert branch.phase == "tallied"
    branch.plug("terminal-1-1")
    work_until(branch, "sealed")
    assert branch.wall_ms < LATER_TALLY_MS
    assert branch.lines["terminal-1-1"].asked.count("tally") == 2


def test_flood_of_bad_acts_fills_the_flash() -> None:
    branch = standing_in("open")
    for number in range(100):
        branch.post(ScheduleHeard(b"nonsense %d" % number * 3))
    for number in range(2, 60):
        mixed = moved(
            open_not_before=f"2027-06-18T13:{number:02}:00Z", opening_not_before="2027-06-18T20:00:00Z"
        )
        branch.post(ScheduleHeard(act(number, schedule=mixed)))
    branch.settle()
    assert len(branch.facts(IncidentRecorded)) <= 20


def test_act_of_another_election_or_manifest() -> None:
    assert "manifest_sha256" in refused(standing_in("open"), act(election=TWO_TERMINALS))
