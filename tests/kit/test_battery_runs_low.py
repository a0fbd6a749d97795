"""The power fails while people vote."""

from dataclasses import replace
from itertools import pairwise

import pytest

from drivers.ports import UpsEvent, UpsLost
from kit.events import UpsHeard
from kit.facts import OrderAccepted, PowerChanged, PowerState, TerminalActed
from kit.power.power import TABLE, state_of
from tests.kit.harness import BATTERY, LOW, MAINS, TWO_TERMINALS, Branch
from tests.kit.staff import order, standing_in, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"
SAID: dict[PowerState, UpsEvent] = {
    "mains": MAINS,
    "battery": BATTERY,
    "low": LOW,
    "unknown": UpsLost("no answer"),
}


def suspensions(branch: Branch) -> list[tuple[str, str]]:
    return [(fact.terminal, fact.cause) for fact in branch.facts(TerminalActed) if fact.action == "suspend"]


@pytest.mark.parametrize("before", TABLE)
@pytest.mark.parametrize("after", TABLE)
def test_power_state_is_wrong_after_a_reading(before: PowerState, after: PowerState) -> None:
    branch = Branch()
    branch.post(UpsHeard(SAID[before]))
    branch.post(UpsHeard(SAID[after]))
    branch.post(UpsHeard(SAID[after]))
    branch.settle()
    states = [fact.state for fact in branch.facts(PowerChanged)]
    told = [later for earlier, later in pairwise(("unknown", before, after)) if later != earlier]
    assert states == told
    assert branch.station.power.state == after


def test_low_battery_counts_while_it_charges() -> None:
    assert state_of(replace(LOW, on_battery=False)) == "mains"


def test_readings_fill_the_journal() -> None:
    branch = Branch()
    for _ in range(50):
        branch.power(BATTERY)
    branch.settle()
    assert len(branch.facts(PowerChanged)) == 1


def test_battery_runs_low_while_the_poll_is_open() -> None:
    branch = standing_in("open", TWO_TERMINALS)
    branch.power(BATTERY)
    branch.settle()
    assert branch.phase == "open", "a battery that holds is no reason to stop"
    branch.power(LOW)
    branch.settle()
    assert branch.phase == "suspended"
    assert suspensions(branch) == [(T1, "power-low"), (T2, "power-low")]
    assert {line.model.phase for line in branch.lines.values()} == {"suspended"}
    assert branch.facts(OrderAccepted)[-1].kind == "open", "nobody ordered it"


@pytest.mark.parametrize("phase", ["readiness", "zeroed", "suspended", "closed", "accounted", "delivered"])
def test_battery_runs_low_while_nobody_votes(phase: str) -> None:
    branch = standing_in(phase)
    acted = list(branch.facts(TerminalActed))
    branch.power(LOW)
    branch.settle()
    assert branch.phase == phase
    assert branch.facts(TerminalActed) == acted


def test_poll_goes_on_by_itself_when_the_mains_return() -> None:
    branch = standing_in("open")
    branch.power(LOW)
    branch.settle()
    branch.power(MAINS)
    branch.advance(60_000)
    assert branch.phase == "suspended", "people decide when voting goes on"
    order(branch, "resume")
    assert branch.phase == "open"


def test_poll_is_resumed_on_a_battery_that_is_low() -> None:
    branch = standing_in("open")
    branch.power(LOW)
    branch.settle()
    order(branch, "resume")
    assert branch.phase == "suspended"
    assert suspensions(branch) == [(T1, "power-low")] * 2


def test_battery_is_low_when_the_poll_opens() -> None:
    branch = standing_in("zeroed")
    branch.power(LOW)
    branch.advance(600_000)
    order(branch, "open")
    assert branch.phase == "suspended"


def test_mains_return_before_the_terminal_has_suspended() -> None:
    """Whose decision it was is remembered from when it was made: nobody ordered this."""
    branch = standing_in("open")
    branch.unplug(T1)
    branch.power(LOW)
    branch.power(MAINS)
    branch.settle()
    branch.plug(T1)
    branch.settle()
    assert branch.phase == "suspended"
    assert suspensions(branch) == [(T1, "power-low")]


def test_order_to_suspend_is_blamed_on_the_power() -> None:
    branch = standing_in("open")
    branch.unplug(T1)
    order(branch, "suspend")
    branch.power(LOW)
    branch.settle()
    branch.plug(T1)
    branch.settle()
    assert suspensions(branch) == [(T1, "order")]


def test_kit_reboots_on_a_low_battery() -> None:
    branch = standing_in("open")
    branch.unplug(T1)
    branch.power(LOW)
    branch.settle()
    branch.boot()
    branch.plug(T1)
    branch.settle()
    assert branch.phase == "suspended"
    assert suspensions(branch) == [(T1, "power-low")]


def test_poll_cannot_be_closed_in_the_dark() -> None:
    branch = standing_in("open")
    branch.power(LOW)
    branch.settle()
    work_until(branch, "delivered")
