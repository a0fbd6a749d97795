"""Four kits and the gateway by SMS alone: losses, repetitions, forgeries, deaths, a full disk, messages days late."""

import random
from functools import cache

import pytest

from kit.facts import SmsGiven
from kit.sms.plan import SmsPlan
from tests.center.sms_world import tally_of
from tests.crypto.election_fixture import Election, make_election
from tests.world.sms_air import DAY_MS, GATEWAYS, Air, Kit, Weather

BRANCHES = ("branch-1", "branch-2", "branch-3", "branch-4")
STEP_MS = 10_000
EVENING_MS = 2 * 3_600_000
PLAN = SmsPlan(numbers=GATEWAYS, modems=("a", "b"), patience_ms=240_000, max_per_hour=40, max_per_envelope=80)
AWFUL = Weather(lose=0.15, double=0.15, days_late=0.03, refuse=0.1, silent=0.05, forge=0.5)


@cache
def election() -> Election:
    return make_election(4)


@cache
def tally(branch: str) -> bytes:
    return tally_of(election(), branch)


def air_with(seed: int, weather: Weather, *, one_number: bool) -> Air:
    """``one_number``: all branches of a county send through one exchange, which shows one number for each operator."""
    air = Air(election(), seed, weather)
    for at, branch in enumerate(BRANCHES):
        numbers = ("+98912000001", "+98912000002") if one_number else (f"+9891200000{at}", f"+9891200001{at}")
        air.kits.append(Kit(air, branch, numbers, tally(branch), PLAN))
    return air


def hurt(air: Air, chance: random.Random) -> None:
    match chance.randrange(60):
        case 0 | 1 | 2:
            air.centre.start()
        case 3 | 4 | 5:
            chance.choice(air.kits).restart()
        case 6 | 7:
            air.centre.centerd_runs = not air.centre.centerd_runs
        case 8 | 9:
            air.centre.memory.full = not air.centre.memory.full


@pytest.mark.parametrize("one_number", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_awful_evening_ends_without_an_acknowledgement(seed: int, one_number: bool) -> None:
    chance = random.Random(seed)
    air = air_with(seed, AWFUL, one_number=one_number)
    while air.now < EVENING_MS and not all(kit.is_acknowledged for kit in air.kits):
        hurt(air, chance)
        air.run(STEP_MS)
    assert [kit.name for kit in air.kits if not kit.is_acknowledged] == []
    for kit in air.kits:
        given = sum(fact.count for fact in kit.facts if isinstance(fact, SmsGiven))
        assert kit.sent <= given <= PLAN.max_per_envelope, "it sent what it had not counted"
    before = [kit.sent for kit in air.kits]
    air.centre.centerd_runs, air.centre.memory.full = True, False
    air.run(4 * DAY_MS, step_ms=60_000)
    assert [kit.sent for kit in air.kits] == before, "it went on after the acknowledgement"
    assert (len(air.centre.desk._envelopes), air.centre.desk.parts_held) == (0, 0)
    assert air.centre.memory.count("part") == 0


def test_gateway_never_answers_and_the_limits_hold_through_every_crash() -> None:
    """Twenty crashes with something on its way, and modems that die in the middle of it."""
    air = air_with(1, Weather(silent=0.3, refuse=0.2), one_number=False)
    air.deliver = lambda *_: None  # type: ignore[method-assign]
    for _ in range(20):
        air.run(5 * 60_000)
        for kit in air.kits:
            kit.restart()
    air.run(DAY_MS, step_ms=30_000)
    for kit in air.kits:
        assert kit.sent <= PLAN.max_per_envelope
        assert sum(letter.spent for letter in kit.rung.letters.values()) >= kit.sent
