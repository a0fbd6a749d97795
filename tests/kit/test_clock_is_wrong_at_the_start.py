"""A kit starts with a clock that was set, or lost its battery: somebody is told, and nobody who is not concerned."""

import pytest

from kit.clock_check import BACK_MS, GAP_MS, clock_objection
from kit.day.phases import PHASES
from kit.facts import IncidentRecorded, Phase
from tests.kit.harness import Branch
from tests.kit.staff import standing_in

LAST = "2027-06-18T14:30:00.000Z"
LAST_MS = 1_813_329_000_000
DURING_THE_DAY = PHASES[PHASES.index("zeroed") : PHASES.index("sending") + 1]


def codes(branch: Branch) -> list[str]:
    return [fact.code for fact in branch.facts(IncidentRecorded)]


def restarted(phase: Phase, by_ms: int) -> Branch:
    branch = standing_in(phase)
    branch.wall_offset += by_ms
    branch.boot()
    branch.settle()
    return branch


@pytest.mark.parametrize("phase", DURING_THE_DAY)
def test_clock_far_ahead_is_believed_in_silence(phase: Phase) -> None:
    branch = restarted(phase, 12 * 3_600_000)
    assert codes(branch)[-1] == "clock-ahead-or-long-off"
    assert "compare it with a watch" in branch.station.status(branch.now)["incidents"][-1]["detail"]


def test_clock_without_a_battery_begins_in_another_year() -> None:
    branch = restarted("open", -40 * 365 * 24 * 3_600_000)
    assert codes(branch) == ["clock-went-back"]


@pytest.mark.parametrize("by_ms", [-120_000, 0, 120_000])
def test_time_server_mends_the_clock_or_the_mains_were_out(by_ms: int) -> None:
    assert codes(restarted("open", by_ms)) == []


@pytest.mark.parametrize("phase", ["commissioned", "readiness", "delivered", "archived"])
def test_night_before_or_after_the_day(phase: Phase) -> None:
    assert codes(restarted(phase, 14 * 3_600_000)) == []


def test_first_start_of_all_has_nothing_to_compare_with() -> None:
    assert codes(Branch()) == []


def test_limits_are_crossed_at_the_wrong_millisecond() -> None:
    assert clock_objection(LAST, LAST_MS - BACK_MS, "open") is None
    assert clock_objection(LAST, LAST_MS + GAP_MS, "open") is None
    back, ahead = (clock_objection(LAST, LAST_MS + by, "open") for by in (-BACK_MS - 1, GAP_MS + 1))
    assert back is not None
    assert ahead is not None
    assert (back[0], ahead[0]) == ("clock-went-back", "clock-ahead-or-long-off")
