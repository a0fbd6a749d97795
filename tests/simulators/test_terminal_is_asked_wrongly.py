"""The terminal does each act only when it is due, gives the same answer to the same question, and refuses the rest."""

import struct

import pytest

from crypto.statements import Candidate, Contest
from simulators.devices.terminal import PHASES, TerminalModel
from simulators.devices.terminal_reports import TerminalSetup
from simulators.devices.terminal_wire import Frame, Kind, encode_frame
from simulators.results import StationContest
from tests.crypto.election_fixture import make_election
from tests.simulators.terminal_asker import (
    ELECTION,
    EVENING,
    SETUP,
    TERMINAL,
    TRUTH,
    VOTERS,
    account_of,
    ask,
    close_day,
    do,
    fetch,
    make_terminal,
    tally_of,
    zero_of,
)

WRONG_PHASE, TOO_EARLY, SELF_TEST_FAILED, UNKNOWN = 1, 2, 3, 4

ALLOWED = {
    "idle": "ZERO",
    "zeroed": "ZERO OPEN CLOSE",
    "open": "OPEN SUSPEND RESUME CLOSE",
    "suspended": "SUSPEND RESUME CLOSE",
    "closed": "OPEN CLOSE ACCOUNT TALLY",
    "tallied": "ACCOUNT TALLY",
}
WAY_THERE = {
    "idle": "",
    "zeroed": "ZERO",
    "open": "ZERO OPEN",
    "suspended": "ZERO OPEN SUSPEND",
    "closed": "ZERO OPEN CLOSE",
    "tallied": "ZERO OPEN CLOSE TALLY",
}


def in_phase(phase: str) -> TerminalModel:
    model = make_terminal()
    do(model, *(Kind[name] for name in WAY_THERE[phase].split()))
    assert status(model)[0] == phase
    return model


def status(model: TerminalModel) -> tuple[str, int, int, int]:
    """Phase, close_no, public counter and boot id."""
    number, close_no, public_counter, _, boot_id = struct.unpack("<BHIBI", do(model, Kind.STATUS))
    return PHASES[number], close_no, public_counter, boot_id


@pytest.mark.parametrize("phase", list(ALLOWED))
@pytest.mark.parametrize("command", ["ZERO", "OPEN", "SUSPEND", "RESUME", "CLOSE", "ACCOUNT", "TALLY"])
def test_command_out_of_turn_is_refused_and_changes_nothing(phase: str, command: str) -> None:
    model = in_phase(phase)
    before = status(model)
    answer = ask(model, Kind[command])
    if command in ALLOWED[phase].split():
        assert answer.kind == Kind[command] | 0x80
    else:
        assert (answer.kind, answer.payload) == (0xFF, bytes((Kind[command], WRONG_PHASE)))
        assert status(model) == before


def test_close_counts_once_however_often_it_is_asked() -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN, Kind.OPEN, Kind.SUSPEND, Kind.SUSPEND, Kind.RESUME, Kind.RESUME)
    assert do(model, Kind.CLOSE, Kind.CLOSE) == b"\x01\x00"
    assert status(model) == ("closed", 1, 0, 1)


def test_reopened_terminal_forgets_votes_or_closes_under_the_same_number() -> None:
    model = make_terminal()
    do(model, Kind.ZERO, Kind.OPEN)
    model.cast_all()
    do(model, Kind.CLOSE)
    assert do(model, Kind.OPEN, Kind.OPEN) == b"\x01\x00"
    assert status(model) == ("open", 1, VOTERS, 1)
    assert do(model, Kind.CLOSE, Kind.CLOSE) == b"\x02\x00"
    account = account_of(fetch(model, Kind.ACCOUNT))
    assert (account.close_no, account.public_counter) == (2, VOTERS)


@pytest.mark.parametrize("given", [Kind.ACCOUNT, Kind.TALLY])
def test_terminal_reopens_although_it_gave_numbers_away(given: Kind) -> None:
    """Also after a power cut: what was given is durable."""
    model = in_phase("closed")
    do(model, given)
    model.reboot(2)
    before = status(model)
    answer = ask(model, Kind.OPEN)
    assert (answer.kind, answer.payload) == (0xFF, bytes((Kind.OPEN, WRONG_PHASE)))
    assert status(model) == before


def test_terminal_that_was_never_opened_counts_something() -> None:
    model = in_phase("zeroed")
    assert do(model, Kind.CLOSE) == b"\x01\x00"
    assert account_of(fetch(model, Kind.ACCOUNT)).public_counter == 0
    assert set(tally_of(fetch(model, Kind.TALLY)).contests)


def test_tally_before_its_time_is_refused_and_comes_later() -> None:
    model = make_terminal()
    close_day(model)
    answer = ask(model, Kind.TALLY, wall_ms=EVENING - 1)
    assert (answer.kind, answer.payload) == (0xFF, bytes((Kind.TALLY, TOO_EARLY)))
    assert status(model)[0] == "closed"
    assert ask(model, Kind.TALLY, wall_ms=EVENING).kind == Kind.TALLY | 0x80
    assert ask(model, Kind.TALLY, wall_ms=0).kind == Kind.TALLY | 0x80  # a clock set back takes nothing away


def test_reports_verify_and_hold_the_true_count() -> None:
    model = make_terminal()
    assert zero_of(fetch(model, Kind.ZERO)).public_counter == 0
    do(model, Kind.OPEN)
    model.cast_all()
    do(model, Kind.CLOSE)
    account = account_of(fetch(model, Kind.ACCOUNT))
    assert (account.close_no, account.public_counter) == (1, VOTERS)
    assert account.ballots == {contest_id: contest.ballots for contest_id, contest in TRUTH.items()}
    tally = tally_of(fetch(model, Kind.TALLY))
    assert (tally.close_no, tally.public_counter) == (1, VOTERS)
    for contest_id, contest in TRUTH.items():
        result = tally.contests[contest_id]
        assert result.votes == contest.votes
        assert (result.valid, result.invalid, result.ballots) == (
            contest.valid,
            contest.invalid,
            contest.ballots,
        )
    assert [result.blank for result in tally.contests.values()] == [None, 0]


def test_report_read_in_any_steps_is_the_same_bytes_ever_after() -> None:
    model = make_terminal()
    close_day(model)
    first = fetch(model, Kind.TALLY, step=1024)
    account = fetch(model, Kind.ACCOUNT, step=7)
    for step in (1, 500, 1024):
        assert fetch(model, Kind.TALLY, step=step) == first
    assert fetch(model, Kind.ACCOUNT) == account  # after TALLY too


def test_answer_to_read_is_cut_to_what_a_frame_holds() -> None:
    codes = [f"{number:03d}" for number in range(200)]
    contest = Contest(
        id="mayor:1",
        title="Mayor",
        candidates=tuple(Candidate(code=code, name=f"No {code}") for code in codes),
    )
    election = make_election(branches=1, contests=(contest,))
    truth = {"mayor:1": StationContest("mayor", dict.fromkeys(codes, 1), 200, 0, 200, 200)}
    setup = TerminalSetup.of(election.loaded, branch="branch-1", terminal=TERMINAL)
    model = TerminalModel(setup, election.terminals[TERMINAL], truth, boot_id=1)
    report = fetch(model, Kind.ZERO, step=1024)
    assert len(report) > 2000
    for asked, told in ((1018, 1018), (1019, 1019), (1020, 1019), (1024, 1019)):
        assert len(ask(model, Kind.READ, struct.pack("<BIH", Kind.ZERO, 5, asked)).payload) == 5 + told
    last = ask(model, Kind.READ, struct.pack("<BIH", Kind.ZERO, len(report) - 3, 1024))
    assert last.payload[5:] == report[-3:]


def test_hello_tells_who_it_is() -> None:
    model = make_terminal(boot_id=0xDEADBEEF)
    payload = ask(model, Kind.HELLO, struct.pack("<I", 77)).payload
    expected = struct.pack("<I", 0xDEADBEEF) + b"\x0cterminal-1-1\x05sim-1"
    expected += bytes.fromhex(SETUP.firmware_sha256)
    assert payload == expected + bytes.fromhex(ELECTION.loaded.definition_sha256("branch-1"))


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        (0x03, b""),
        (0x7F, b""),
        (Kind.HELLO, b""),
        (Kind.HELLO, b"12345"),
        (Kind.STATUS, b"x"),
        (Kind.ZERO, b"x"),
        (Kind.READ, b""),
        (Kind.READ, struct.pack("<BIH", Kind.TALLY, 0, 10)),  # not made yet
        (Kind.READ, struct.pack("<BIH", Kind.CLOSE, 0, 10)),  # no report
        (Kind.READ, struct.pack("<BIH", Kind.ZERO, 1 << 20, 10)),  # beyond its end
        (Kind.READ, struct.pack("<BIH", Kind.ZERO, 0, 0)),
        (Kind.READ, struct.pack("<BIH", Kind.ZERO, 0, 1025)),
    ],
)
def test_nonsense_is_refused_as_unknown(kind: int, payload: bytes) -> None:
    model = make_terminal()
    do(model, Kind.ZERO)
    answer = ask(model, kind, payload)
    assert (answer.kind, answer.payload) == (0xFF, bytes((kind, UNKNOWN)))


def test_answers_of_others_are_not_answered() -> None:
    model = make_terminal()
    assert model.feed(encode_frame(Frame(Kind.STATUS | 0x80, 1)) + encode_frame(Frame(0xFF, 1)), 0) == b""


def test_broken_terminal_says_so_and_refuses() -> None:
    model = in_phase("open")
    assert do(model, Kind.SELF_TEST) == b"\0"
    model.faults.self_test_fails = True
    answer = ask(model, Kind.SELF_TEST)
    assert (answer.kind, answer.payload) == (0xFF, bytes((Kind.SELF_TEST, SELF_TEST_FAILED)))
    assert status(model)[0] == "open"
    model.faults.broken = True
    assert status(model)[0] == "fault"
    assert ask(model, Kind.CLOSE).payload == bytes((Kind.CLOSE, WRONG_PHASE))
    assert model.cast_all() == 0
    model.faults.broken = False
    assert status(model)[0] == "open"


def test_counts_of_another_election_are_not_taken() -> None:
    other = dict(list(TRUTH.items())[:1])
    with pytest.raises(ValueError, match="make the manifest from the same results"):
        TerminalModel(SETUP, ELECTION.terminals[TERMINAL], other, boot_id=1)
