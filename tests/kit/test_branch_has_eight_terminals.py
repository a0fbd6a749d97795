"""Eight terminals at one kit: each is a unit of its own, and the trouble of one is not the trouble of the others."""

import msgspec

from crypto import rfc3339, seal
from crypto.codec import unb64
from crypto.statements import SealedTally
from crypto.submissions import check_submission
from drivers.ports import TerminalDone, TerminalEvent, TerminalRefused
from kit.facts import AccountTaken, IncidentRecorded, OrderFailed, TallyTaken, TerminalActed, ZeroProved
from tests.crypto.election_fixture import make_election
from tests.kit.harness import CLOSE_MS, OPEN_MS, SCHEDULE, SIGNED_IN, TRUTH, Branch
from tests.kit.staff import order, standing_in, work_until

LATE_TALLY = msgspec.structs.replace(SCHEDULE, tally_not_before="2027-06-18T14:45:00.000Z")
TALLY_MS = rfc3339.to_ms(LATE_TALLY.tally_not_before)
EIGHT = make_election(1, schedule=LATE_TALLY, terminals_per_branch=8)
NAMES = [f"terminal-1-{number}" for number in range(1, 9)]
VOTERS = {contest: 8 * number for contest, number in SIGNED_IN.items()}


def incidents(branch: Branch) -> list[str]:
    return [fact.code for fact in branch.facts(IncidentRecorded)]


def vote(branch: Branch) -> None:
    for line in branch.lines.values():
        line.model.cast_all()


def account(branch: Branch, **voters: int) -> None:
    assert order(branch, "account", voters_signed_in={**VOTERS, **voters})["accepted"] is True


def delivered_units(branch: Branch) -> dict[str, int]:
    """Terminals with a sealed tally that opens to the true count, and how many they have."""
    units: dict[str, int] = {}
    for fact in branch.envelopes():
        statement = check_submission(unb64(fact.envelope), branch.election.loaded).statement
        if isinstance(statement, SealedTally):
            opened = seal.open_tally(statement, branch.election.election_private_key, branch.election.loaded)
            for contest, truth in TRUTH.items():
                assert opened.tally.contests[contest].votes == truth.votes
            assert opened.tally.terminal == fact.terminal
            units[fact.terminal] = units.get(fact.terminal, 0) + 1
    return units


def test_whole_day_with_one_rebooting_one_lost_and_one_too_early() -> None:
    branch = standing_in("zeroed", EIGHT)
    assert [fact.terminal for fact in branch.facts(ZeroProved)] == NAMES
    rebooting, lost, slow = (branch.lines[name] for name in NAMES[1:4])
    branch.advance_to_wall(OPEN_MS)

    # One is away when the poll is opened: seven are open, the poll is not, until the eighth is back.
    branch.unplug(NAMES[2])
    order(branch, "open")
    branch.advance(60_000)
    assert [line.model.phase for line in branch.lines.values()].count("open") == 7
    assert branch.phase == "zeroed"
    branch.plug(NAMES[2])
    branch.settle()
    assert branch.phase == "open"
    assert sorted(fact.terminal for fact in branch.facts(TerminalActed)) == NAMES

    # One reboots, and its counts with it survive; one is lost for the afternoon and goes on counting by itself.
    branch.unplug(NAMES[1], "no answer")
    rebooting.model.reboot(2)
    branch.plug(NAMES[1])
    branch.unplug(NAMES[2])
    vote(branch)
    branch.advance_to_wall(CLOSE_MS)
    order(branch, "close")
    branch.advance(120_000)
    assert branch.phase == "open"
    assert lost.model.phase == "open"
    branch.boot()  # the kit reboots in the middle of it
    branch.advance(30_000)
    branch.plug(NAMES[2])
    branch.settle()
    assert branch.phase == "closed"
    account(branch)
    assert branch.phase == "accounted"
    assert [fact.terminal for fact in branch.facts(AccountTaken)] == NAMES

    # One has a clock that is 40 s behind: it refuses TALLY until its own time has come.
    refusals: list[str] = []

    def alter(name: str, event: TerminalEvent) -> TerminalEvent:
        if isinstance(event, TerminalRefused):
            refusals.append(f"{name} {event.reason}")
        return event

    branch.alter = alter
    slow.model.wall_offset_ms = -40_000
    assert not branch.facts(TallyTaken)
    branch.advance_to_wall(TALLY_MS - 1)
    assert not any("tally" in line.asked for line in branch.lines.values())
    branch.advance_to_wall(TALLY_MS + 20_000)
    assert len(branch.facts(TallyTaken)) == 7
    assert branch.phase == "accounted"
    assert set(refusals) == {f"{NAMES[3]} too-early"}
    assert len(refusals) <= 22, "asked once a second, not without a pause"
    work_until(branch, "delivered")
    assert delivered_units(branch) == dict.fromkeys(NAMES, 1)
    assert len(branch.envelopes()) == 16
    assert set(incidents(branch)) == {"terminal-lost"}
    assert branch.station.day.state.findings == []


def test_lost_for_good_terminal_holds_the_other_seven_back() -> None:
    branch = standing_in("open", EIGHT)
    vote(branch)
    branch.unplug(NAMES[4])
    branch.advance_to_wall(CLOSE_MS)
    order(branch, "close")
    branch.advance(300_000)
    assert branch.phase == "open"
    assert order(branch, "replace-terminal", terminal=NAMES[4], standby=None)["accepted"] is True
    branch.settle()
    assert branch.phase == "closed"
    account(branch)
    work_until(branch, "delivered")
    assert delivered_units(branch) == dict.fromkeys([*NAMES[:4], *NAMES[5:]], 1)


def test_one_refuses_the_account_and_the_others_give_theirs_twice() -> None:
    """An order that failed is ordered again; what seven had given is not found twice for it."""
    how = {"dishonest": ["public-counter-differs"]}
    branch = standing_in("closed", EIGHT, **how)
    branch.lines[NAMES[7]].model.faults.broken = True
    account(branch)
    assert branch.phase == "closed"
    assert [fact.kind for fact in branch.facts(OrderFailed)] == ["account"]
    branch.lines[NAMES[7]].model.faults.broken = False
    account(branch)
    work_until(branch, "delivered")
    assert delivered_units(branch) == dict.fromkeys(NAMES, 1)
    assert len(branch.envelopes()) == 16
    codes = [(finding.code, finding.contest) for finding in branch.station.day.state.findings]
    assert codes == [("public-counter-differs", None)] * 8


def test_poll_book_of_the_branch_is_held_against_one_terminal() -> None:
    branch = standing_in("closed", EIGHT)
    account(branch)
    work_until(branch, "delivered")
    assert incidents(branch) == []
    assert branch.station.day.state.findings == []


def test_sum_over_the_terminals_is_compared_by_nobody() -> None:
    few, many = sorted(VOTERS)
    branch = standing_in("closed", EIGHT)
    account(branch, **{few: VOTERS[few] - 1, many: VOTERS[many] + 2})
    assert branch.phase == "accounted"
    signed_in = {few: VOTERS[few] - 1, many: VOTERS[many] + 2}
    words = {
        one: f"{one}: {VOTERS[one]} ballots at 8 terminals, {number} voters signed in"
        for one, number in signed_in.items()
    }
    assert {fact.code: fact.detail for fact in branch.facts(IncidentRecorded)} == {
        "more-counted-than-signed-in": words[few],
        "signed-in-differs": words[many],
    }
    work_until(branch, "delivered")
    assert delivered_units(branch) == dict.fromkeys(NAMES, 1)


def test_one_terminals_report_is_taken_for_anothers() -> None:
    branch = standing_in("closed", EIGHT)
    reports: dict[str, bytes] = {}

    def alter(_: str, event: TerminalEvent) -> TerminalEvent:
        if isinstance(event, TerminalDone) and event.action == "account" and event.report:
            reports.setdefault("first", event.report)
            return TerminalDone("account", event.close_no, reports["first"])
        return event

    branch.alter = alter
    account(branch)
    branch.advance(30_000)
    assert [fact.terminal for fact in branch.facts(AccountTaken)] == NAMES[:1]
    assert branch.phase == "closed"
    assert set(incidents(branch)) == {"bad-report"}
