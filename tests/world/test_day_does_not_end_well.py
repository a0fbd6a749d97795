"""Whole days in virtual time: calm ones, and ones on which much breaks, all of which must end well."""

import pytest

from simulators.world import swarm
from simulators.world.world import FULL_DAY
from tests.world.short_day import Outcome, live, said_against

SEEDS = range(20, 24)
NIGHTLY_SEEDS = range(100, 150)
FAULT_KINDS = 21


def _ended_well(outcome: Outcome, branches: int) -> None:
    assert said_against(outcome) == []
    assert outcome.report["verdict"] == "ok"
    assert outcome.report["opened"] == outcome.report["verified"] == branches


def test_calm_day() -> None:
    outcome = live(1, branches=2, faults=False)
    _ended_well(outcome, 2)
    assert (outcome.faults, outcome.lives) == ({}, 3)


@pytest.mark.usefixtures("thick_faults")
@pytest.mark.parametrize("seed", SEEDS)
def test_day_on_which_much_breaks(seed: int) -> None:
    outcome = live(seed, branches=1 + seed % 2)
    _ended_well(outcome, 1 + seed % 2)
    assert outcome.lives > 3  # something did crash


def test_fault_that_never_strikes(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a hail of faults every kind that the swarm knows strikes, and the day ends well all the same."""
    monkeypatch.setattr(swarm, "CALM_MEAN_S", 20.0)
    monkeypatch.setattr(swarm, "CENTRAL_MEAN_S", 100.0)
    outcome = live(30, branches=2)
    _ended_well(outcome, 2)
    assert len(outcome.faults) == FAULT_KINDS, outcome.faults


@pytest.mark.nightly
@pytest.mark.usefixtures("thick_faults")
@pytest.mark.parametrize("seed", NIGHTLY_SEEDS)
def test_short_days_of_one_night(seed: int) -> None:
    _ended_well(live(seed, branches=3), 3)


@pytest.mark.nightly
@pytest.mark.parametrize("seed", NIGHTLY_SEEDS)
def test_full_days_of_one_night(seed: int) -> None:
    _ended_well(live(seed, branches=2, hours=FULL_DAY), 2)
