"""The check list of the morning passes over something, or gets in the way of the day."""

import dataclasses
from typing import Any

import pytest

from drivers.ports import TerminalIdentity, TerminalUp, UpsLost
from kit import exit_codes
from kit.events import ReadinessAsked, TerminalHeard, UpsHeard
from kit.facts import ReadinessPassed
from tests.kit.harness import BATTERY, LOW, MAINS, TWO_TERMINALS, Branch
from tests.kit.staff import order, readiness, standing_in, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"


def fresh(**how: Any) -> Branch:
    branch = Branch(TWO_TERMINALS, **how)
    branch.power(MAINS)
    branch.settle()
    return branch


def missing(branch: Branch) -> dict[str, str]:
    """What the check list complains of, asked now and answered in time."""
    token = branch._next_reply
    readiness(branch)
    branch.advance(7_000)
    answer = branch.replies[token]
    assert answer["ok"] is bool(branch.facts(ReadinessPassed))
    return {item["name"]: item["detail"] for item in answer["items"] if not item["ok"]}


def test_everything_is_in_order_and_it_says_so() -> None:
    branch = fresh()
    assert missing(branch) == {}
    assert branch.facts(ReadinessPassed)[0].items == ("uplink", "power", f"terminal {T1}", f"terminal {T2}")
    assert branch.phase == "readiness"


def test_no_uplink_works() -> None:
    branch = Branch(TWO_TERMINALS)
    for name in branch.links:
        branch.set_link(name, "refused")
    branch.power(MAINS)
    assert missing(branch) == {"uplink": "no uplink reaches the centre's broker"}
    assert branch.phase == "commissioned"


@pytest.mark.parametrize(
    ("said", "state"), [(BATTERY, "battery"), (LOW, "low"), (UpsLost("no answer"), "unknown")]
)
def test_power_is_not_mains(said: Any, state: str) -> None:
    branch = fresh()
    branch.post(UpsHeard(said))
    assert missing(branch) == {"power": f"the UPS says: {state}"}
    assert branch.phase == "commissioned"


def test_branch_without_a_ups_can_never_be_ready() -> None:
    branch = Branch(TWO_TERMINALS, has_ups=False)
    branch.settle()
    assert missing(branch) == {}
    assert branch.phase == "readiness"


def test_self_test_fails() -> None:
    branch = fresh()
    branch.lines[T2].model.faults.self_test_fails = True
    assert missing(branch) == {f"terminal {T2}": "self-test failed"}


def test_terminal_is_not_there() -> None:
    branch = fresh()
    branch.unplug(T2)
    assert missing(branch) == {f"terminal {T2}": "not connected: check power and cable"}
    assert branch.phase == "commissioned"


def test_terminal_leaves_after_its_self_test() -> None:
    """The first one passes and is unplugged while the second one still works on it."""
    branch = fresh()
    token = branch._next_reply
    branch.lines[T2].connected = False  # slow, not lost
    readiness(branch)
    branch.unplug(T1)
    branch.lines[T2].connected = True
    branch.settle()
    assert branch.replies[token]["ok"] is False
    assert branch.phase == "commissioned"


def test_terminal_does_not_answer_the_self_test() -> None:
    branch = fresh()
    branch.lines[T2].connected = False
    assert missing(branch) == {f"terminal {T2}": "no answer to the self-test"}


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"terminal_id": "terminal-2-1"}, "this line has terminal terminal-2-1: swap the cables back"),
        ({"definition_sha256": "00" * 32}, "counts by another ballot definition"),
    ],
)
def test_wrong_terminal_or_ballot_definition(wrong: dict[str, str], words: str) -> None:
    branch = fresh()
    up = branch.lines[T2].up()
    assert isinstance(up.identity, TerminalIdentity)
    branch.post(TerminalHeard(T2, TerminalUp(dataclasses.replace(up.identity, **wrong))))
    branch.settle()
    assert words in missing(branch)[f"terminal {T2}"]
    assert branch.phase == "commissioned"


def test_two_people_ask_at_the_same_time() -> None:
    branch = fresh()
    branch.lines[T2].connected = False
    readiness(branch)
    answer = readiness(branch)
    assert (answer["ok"], answer["code"]) == (False, exit_codes.UNAVAILABLE)
    assert "under way" in answer["error"]


def test_check_ends_after_the_branch_was_zeroed() -> None:
    """A check that drags on into the next phase must not take the day down or back."""
    branch = standing_in("readiness")
    line = branch.lines[T1]
    line.connected = False
    token = branch._next_reply
    readiness(branch)
    order(branch, "zero")
    line.queue.remove("self-test")
    line.connected = True
    branch.settle()
    assert branch.phase == "zeroed"
    branch.lines[T1].request("self-test")
    branch.advance(7_000)
    assert branch.replies[token]["ok"] is True
    assert branch.phase == "zeroed"
    work_until(branch, "delivered")


def test_check_sweeps_an_accepted_order_away() -> None:
    branch = standing_in("readiness")
    line = branch.lines[T1]
    line.connected = False
    assert order(branch, "zero")["accepted"] is True
    branch.post(ReadinessAsked(77))
    branch.settle()
    line.queue.remove("zero")
    line.connected = True
    branch.settle()
    assert branch.replies[77]["ok"] is True
    assert branch.station.day.state.stage == "zero", "two officials signed it, and nobody carries it out"
    branch.advance(11_000)
    assert branch.phase == "zeroed"
