"""One event leads to a phase and to other usable uplinks: the phase must be entered once, or no life replays it."""

import pytest

from kit.events import OrderReceived, TerminalHeard
from kit.facts import PhaseEntered
from tests.kit.harness import CLOSE_MS, LOW, Branch
from tests.kit.staff import order, standing_in, work_until

T1 = "terminal-1-1"


def closing(branch: Branch) -> None:
    """The order to close is with the terminal, which takes its time."""
    branch.advance_to_wall(CLOSE_MS)
    branch.lines[T1].connected = False
    order(branch, "close")


@pytest.mark.parametrize("held_up_ms", [100, 5_000, 15_000, 20_000, 60_000])
def test_uplinks_die_at_the_moment_of_closing(held_up_ms: int) -> None:
    branch = standing_in("open")
    closing(branch)
    for name in branch.links:
        branch.set_link(name, "hole")
    branch.advance(15_000)  # probes are under way into the hole
    branch.now += held_up_ms
    branch.post(TerminalHeard(T1, branch.lines[T1].carry_out(branch.wall_ms)))
    branch.settle()
    assert [fact.phase for fact in branch.facts(PhaseEntered)].count("closed") == 1
    branch.lines[T1].connected = True
    for name in branch.links:
        branch.set_link(name, "works")
    branch.boot()
    work_until(branch, "delivered")


def test_power_runs_low_at_the_moment_of_closing() -> None:
    branch = standing_in("open")
    closing(branch)
    branch.post(TerminalHeard(T1, branch.lines[T1].carry_out(branch.wall_ms)))
    branch.power(LOW)
    branch.settle()
    assert [fact.phase for fact in branch.facts(PhaseEntered)].count("closed") == 1
    branch.lines[T1].connected = True
    work_until(branch, "delivered")


def test_power_runs_low_at_the_moment_of_opening() -> None:
    branch = standing_in("zeroed")
    branch.advance(600_000)
    branch.lines[T1].connected = False
    order(branch, "open")
    branch.post(TerminalHeard(T1, branch.lines[T1].carry_out(branch.wall_ms)))
    branch.power(LOW)
    branch.lines[T1].connected = True
    branch.settle()
    assert [fact.phase for fact in branch.facts(PhaseEntered)][-2:] == ["open", "suspended"]


def test_both_officials_hand_in_the_order_in_the_same_instant() -> None:
    branch = standing_in("open")
    branch.advance_to_wall(CLOSE_MS)
    for number in range(3):
        for official in branch.election.officials_of("branch-1"):
            data = branch.election.order("branch-1", "close", 3, signers=[official])
            branch.post(OrderReceived(data, 10 * number))
    branch.settle()
    assert [fact.phase for fact in branch.facts(PhaseEntered)].count("closed") == 1
    assert branch.station.day.state.serial == 3
