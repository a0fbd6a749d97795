"""A terminal that miscounts, contradicts itself, answers for another one, or says what cannot be."""

import msgspec
import pytest

from crypto import envelope, seal
from crypto.codec import from_bytes, to_bytes, unb64
from crypto.statements import Finding, SealedTally, Tally
from crypto.submissions import check_submission
from crypto.wire import TYPE_TALLY
from drivers.ports import TerminalDone, TerminalEvent, TerminalIdentity, TerminalStatus, TerminalUp
from kit.day.terminals_heard import COUNTER_MAX, COUNTER_MS
from kit.effects import AskTerminal
from kit.events import TerminalHeard
from kit.facts import CounterRead, IncidentRecorded, OrderFailed, TallyTaken, TerminalActed
from kit.incidents import INCIDENTS_MAX
from simulators.devices.terminal_reports import Dishonesty
from tests.crypto.election_fixture import COUNCIL
from tests.kit.harness import OPEN_MS, TALLY_MS, TRUTH, TWO_TERMINALS, Branch
from tests.kit.staff import order, standing_in, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"


def incidents(branch: Branch) -> list[str]:
    return [fact.code for fact in branch.facts(IncidentRecorded)]


def resigned(branch: Branch, report: bytes, **changes: object) -> bytes:
    """The terminal's tally with other numbers, signed by the terminal all the same."""
    tally = msgspec.structs.replace(
        from_bytes(envelope.Envelope.from_bytes(report).payload, Tally), **changes
    )
    return envelope.sign(TYPE_TALLY, to_bytes(tally), [branch.election.terminals[T1]]).to_bytes()


def altering_tallies(branch: Branch, **changes: object) -> None:
    def alter(_: str, event: TerminalEvent) -> TerminalEvent:
        if isinstance(event, TerminalDone) and event.action == "tally" and event.report:
            return TerminalDone("tally", event.close_no, resigned(branch, event.report, **changes))
        return event

    branch.alter = alter


# --- numbers: recorded, flagged, delivered; never mended -----------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "finding"),
    [
        (
            "candidates-do-not-add-up",
            Finding(grade="alarm", code="candidates-do-not-add-up", contest=COUNCIL),
        ),
        (
            "valid-and-invalid-do-not-add-up",
            Finding(grade="alarm", code="valid-and-invalid-do-not-add-up", contest=COUNCIL),
        ),
        ("public-counter-differs", Finding(grade="alarm", code="public-counter-differs", contest=None)),
        (
            "account-differs-from-tally",
            Finding(grade="alarm", code="account-differs-from-tally", contest="mayor:1"),
        ),
    ],
)
def test_dishonest_tally_is_mended_or_held_back(how: Dishonesty, finding: Finding) -> None:
    branch = work_until(Branch(dishonest=[how]), "delivered")
    state = branch.station.day.state
    assert finding in state.findings
    shown = {"grade": "alarm", "code": finding.code, "contest": finding.contest}
    assert shown in branch.station.status(branch.now)["findings"]
    assert state.findings.count(finding) == 1, "flagged twice"
    statement = check_submission(unb64(branch.envelopes()[-1].envelope), branch.election.loaded).statement
    assert isinstance(statement, SealedTally)
    private = branch.election.election_private_key
    opened = seal.open_tally(statement, private, branch.election.loaded).tally.contests[COUNCIL]
    truth = TRUTH[COUNCIL]
    assert sum(opened.votes.values()) - truth.valid == (how == "candidates-do-not-add-up")
    assert opened.invalid - truth.invalid == (how == "valid-and-invalid-do-not-add-up")


def test_more_ballots_than_voters_hold_the_tally_back() -> None:
    branch = standing_in("closed")
    few = {contest: truth.ballots - 1 for contest, truth in TRUTH.items()}
    order(branch, "account", voters_signed_in=few)
    work_until(branch, "delivered")
    codes = {finding.code for finding in branch.station.day.state.findings}
    assert codes == {"more-counted-than-signed-in"}


def test_count_does_not_fit_into_the_seal() -> None:
    """It cannot be sealed, so it must not be taken for sealed: an incident for people, and no crash for ever."""
    branch = work_until(Branch(), "accounted")
    altering_tallies(branch, public_counter=0x10000)
    branch.advance_to_wall(TALLY_MS + 60_000)
    assert branch.phase == "accounted"
    assert incidents(branch) == ["bad-report"]
    assert "does not fit into the 16 bits" in branch.facts(IncidentRecorded)[0].detail
    assert not branch.facts(TallyTaken)


# --- one tally, the same bytes ever after --------------------------------------------------------------------------


def test_tally_changes_over_a_restart() -> None:
    branch = work_until(Branch(), "accounted")
    branch.sealer_hangs = True
    work_until(branch, "tallied")
    branch.sealer_hangs = False
    altering_tallies(branch, public_counter=8025)
    branch.boot()
    branch.advance(120_000)
    assert branch.phase == "tallied"
    assert [fact.kind for fact in branch.envelopes()] == ["account"]
    assert incidents(branch) == ["bad-report"]
    assert "other bytes for its tally than before" in branch.facts(IncidentRecorded)[0].detail
    branch.alter = lambda _, event: event
    work_until(branch, "delivered")


@pytest.mark.parametrize("action", ["zero", "account", "tally"])
@pytest.mark.parametrize("report", [None, b"", b"{}", b"\xff" * 100])
def test_report_is_missing_or_nonsense(action: str, report: bytes | None) -> None:
    branch = Branch()

    def alter(_: str, event: TerminalEvent) -> TerminalEvent:
        spoilt = isinstance(event, TerminalDone) and event.action == action
        return TerminalDone(event.action, event.close_no, report) if spoilt else event

    branch.alter = alter
    work_until(branch, {"zero": "readiness", "account": "closed", "tally": "accounted"}[action])
    before = branch.phase
    if action == "tally":
        branch.advance_to_wall(TALLY_MS)
    else:
        order(branch, action)
    branch.advance(60_000)
    assert branch.phase == before
    assert incidents(branch) == ["bad-report"], "recorded once, not every ten seconds"
    branch.alter = lambda _, event: event
    work_until(branch, "delivered")


def test_report_of_another_terminal() -> None:
    branch = standing_in("readiness", TWO_TERMINALS)
    branch.lines[T1].model, branch.lines[T2].model = branch.lines[T2].model, branch.lines[T1].model
    order(branch, "zero")
    branch.advance(30_000)
    assert branch.phase == "readiness"
    assert incidents(branch) == ["bad-report", "bad-report"]


def test_report_is_of_another_close() -> None:
    branch = standing_in("closed")
    branch.lines[T1].model.durable["close_no"] = 2
    order(branch, "account")
    branch.advance(30_000)
    assert branch.phase == "closed"
    assert incidents(branch) == ["bad-report"]


# --- who answers at all ----------------------------------------------------------------------------------------------


def foreign(branch: Branch, terminal_id: str = "terminal-2-1") -> TerminalEvent:
    definition = branch.election.loaded.definition_sha256("branch-1")
    return TerminalUp(TerminalIdentity(terminal_id, "sim-1", 9, definition, "f0" * 32))


def test_foreign_terminal_on_our_line_is_opened() -> None:
    branch = standing_in("zeroed")
    branch.advance_to_wall(OPEN_MS)
    branch.post(TerminalHeard(T1, foreign(branch)))
    branch.settle()
    order(branch, "open")
    branch.advance(30_000)
    assert incidents(branch) == ["foreign-terminal"]
    assert branch.phase == "zeroed"
    assert not branch.facts(TerminalActed), "a foreign terminal's word was written down as ours"
    assert AskTerminal(T1, "open") not in branch.effects
    branch.plug(T1)  # the cables are swapped back
    branch.settle()
    assert branch.phase == "open"


def test_foreign_terminals_counter_is_shown_as_ours() -> None:
    branch = standing_in("open")
    branch.post(TerminalHeard(T1, foreign(branch)))
    branch.post(TerminalHeard(T1, TerminalStatus("open", 0, 4711)))
    branch.settle()
    assert not branch.facts(CounterRead)
    status = branch.station.status(branch.now)
    assert status["terminals"][0]["public_counter"] is None
    assert status["terminals"][0]["connected"] is False


def test_terminal_calls_itself_something_new_every_second() -> None:
    """The flash is not filled by a line that says something else each time."""
    branch = standing_in("open")
    for number in range(3 * INCIDENTS_MAX):
        branch.post(TerminalHeard(T1, foreign(branch, f"nobody-{number}")))
        branch.unplug(T1, f"reason {number}")
        branch.lines[T1].connected = True
        branch.settle()
    codes = incidents(branch)
    assert codes.count("foreign-terminal") == INCIDENTS_MAX
    assert codes.count("terminal-lost") == INCIDENTS_MAX


# --- refusals and counters -------------------------------------------------------------------------------------------


def test_terminal_refuses_an_order() -> None:
    branch = standing_in("zeroed")
    branch.advance_to_wall(OPEN_MS)
    branch.lines[T1].model.faults.broken = True
    order(branch, "open")
    assert branch.phase == "zeroed"
    assert [(fact.kind, fact.serial) for fact in branch.facts(OrderFailed)] == [("open", 2)]
    assert incidents(branch) == ["terminal-refused"]
    branch.lines[T1].model.faults.broken = False
    branch.advance(60_000)
    assert branch.phase == "zeroed", "an order that failed is not carried out by itself later"
    assert order(branch, "open") == {"ok": True, "accepted": True}
    assert branch.phase == "open"


def test_answer_comes_to_a_question_nobody_asked() -> None:
    branch = standing_in("zeroed")
    before = list(branch.journal.facts)
    for action in ("open", "suspend", "resume", "close", "zero", "account", "tally", "self-test"):
        branch.post(TerminalHeard(T1, TerminalDone(action, 1, b"{}")))
    branch.settle()
    assert branch.journal.facts == before


def test_public_counter_is_beyond_all_ballots() -> None:
    """A fact that cannot be read back would keep the branch from ever starting again."""
    branch = standing_in("open")
    branch.post(TerminalHeard(T1, TerminalStatus("open", 0, COUNTER_MAX + 1)))
    branch.post(TerminalHeard(T1, TerminalStatus("open", 0, 0xFFFFFFFF)))
    branch.settle()
    assert incidents(branch) == ["bad-counter"]
    assert not branch.facts(CounterRead)
    branch.post(TerminalHeard(T1, TerminalStatus("open", 0, COUNTER_MAX)))
    branch.settle()
    assert [fact.public_counter for fact in branch.facts(CounterRead)] == [COUNTER_MAX]


def test_counter_readings_tell_when_people_voted() -> None:
    branch = standing_in("open")
    for number in range(200):
        branch.post(TerminalHeard(T1, TerminalStatus("open", 0, number)))
        branch.advance(10_000)
    read = [fact.public_counter for fact in branch.facts(CounterRead)]
    assert read == [0, COUNTER_MS // 10_000, 2 * COUNTER_MS // 10_000]


def test_counter_is_read_while_the_poll_is_not_open() -> None:
    for phase in ("zeroed", "suspended", "closed"):
        branch = standing_in(phase)
        branch.post(TerminalHeard(T1, TerminalStatus("open", 0, 5)))
        branch.settle()
        assert not branch.facts(CounterRead)
