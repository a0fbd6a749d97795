"""Whatever a broker, a network and a clock do for two months: no SIM pays more than its budget in any of them."""

from random import Random

import pytest

from failover.timing import Timing
from kit.facts import DataNoted
from tests.kit.month_of_data import DAY_MS, HOUR_MS, Mode, Month

MEGABYTES = 5
BUDGET = MEGABYTES * 1_000_000
LOW = 1_300_000  # bytes: about where saving begins, of 2 MB that fit
MONTHS_MS = 62 * DAY_MS


def slack(month: Month) -> int:
    """What a killed life had not journaled."""
    return month.restarts * month.budget.note_bytes


@pytest.mark.parametrize("told", [True, False])
@pytest.mark.parametrize("mode", ["flaps", "tls-fails", "hole"])
def test_loop_of_attempts_burns_the_budget(mode: Mode, told: bool) -> None:
    month = Month(1, MEGABYTES, mode, told=told)
    month.run(MONTHS_MS)
    assert BUDGET // 3 < month.most_in_a_month(1) <= BUDGET
    assert month.attempts[-1] > MONTHS_MS - DAY_MS, "it is never given up"
    assert month.budget.left(month.life_now) >= month.budget.reserve * 9 // 10


def test_loop_of_attempts_is_as_fast_as_ever_while_there_is_enough() -> None:
    month = Month(2, 40, "tls-fails")
    month.run(HOUR_MS)
    assert len(month.attempts) > 60
    month.run(20 * DAY_MS)
    month.attempts.clear()
    month.run(DAY_MS)
    assert len(month.attempts) < 130, "as much as flows in pays for"


@pytest.mark.parametrize("seed", range(6))
def test_everything_together_costs_more_than_the_budget(seed: int) -> None:
    """Modes, SIMs and lives change; the clock of a life is right, behind, or far behind."""
    month, chance = Month(seed, MEGABYTES), Random(seed)
    lives = 0
    while month.now < MONTHS_MS:
        month.run(chance.randrange(HOUR_MS, 3 * DAY_MS))
        match chance.choice(("mode", "mode", "sim", "restart")):
            case "mode":
                month.change(chance.choice(("good", "flaps", "flaps", "tls-fails", "hole")))
            case "sim":
                month.change_sim()
            case _ if lives < 12:
                lives += 1
                month.boot(chance.choice((0, 0, -5 * DAY_MS, -400 * DAY_MS)))
            case _:
                pass
        assert month.budget.left(month.life_now) >= month.budget.reserve * 8 // 10 - slack(month)
    for sim in (1, 2):
        assert 0 < month.most_in_a_month(sim) <= BUDGET + slack(month)
    notes = [fact for fact in month.facts if isinstance(fact, DataNoted)]
    assert len(notes) <= 2 * 2 * 160, "flash is spared"
    spent = {sim: sum(each.size for each in month.spent if each.sim == sim) for sim in (1, 2)}
    for sim in (1, 2):
        told = sum(fact.size for fact in notes if fact.sim == sim)
        assert spent[sim] * 8 // 10 - slack(month) <= told <= spent[sim] * 11 // 10


def test_clock_that_leaps_ahead_earns_more_than_one_bucket() -> None:
    month = Month(3, MEGABYTES, "tls-fails")
    month.run(10 * DAY_MS)
    for _ in range(5):
        month.boot(900 * DAY_MS)
        month.run(HOUR_MS)
    month.boot()
    month.run(21 * DAY_MS)
    assert month.most_in_a_month(1) <= BUDGET + BUDGET * 2 // 5 + slack(month)


@pytest.mark.parametrize("mode", ["good", "flaps", "tls-fails"])
def test_critical_window_finds_an_empty_budget(mode: Mode) -> None:
    """After weeks of burning: its reserve is there, and it is as fast as if nothing had been."""
    month = Month(4, MEGABYTES, "tls-fails")
    month.run(20 * DAY_MS)
    assert month.budget.left(month.life_now) <= LOW
    assert month.budget.left(month.life_now) >= month.budget.reserve * 9 // 10
    month.mode = mode
    month.attempts.clear()
    month.probes.clear()
    month.window(critical=True)
    opened = month.now
    month.run(60_000)
    assert month.attempts[0] - opened <= Timing().critical_backoff_ms
    if mode == "good":
        assert len(month.probes) >= 60_000 // Timing().critical_probe_ms * 9 // 10
    elif mode == "tls-fails":
        assert len(month.attempts) >= 8
    month.window(critical=False)


def test_hour_of_the_critical_window_takes_more_than_its_reserve() -> None:
    month = Month(5, 40)
    month.run(DAY_MS)
    before = month.budget.left(month.life_now)
    month.window(critical=True)
    month.run(HOUR_MS)
    took = before - month.budget.left(month.life_now)
    assert month.budget.reserve * 9 // 10 < took <= month.budget.reserve
    month.window(critical=False)


def test_sim_that_is_used_up_holds_the_other_one_back() -> None:
    month = Month(6, MEGABYTES, "tls-fails")
    month.run(15 * DAY_MS)
    month.attempts.clear()
    month.change_sim()
    month.run(60_000)
    assert month.attempts
    assert month.budget.state(month.life_now) == "enough"
    month.change_sim()
    assert month.budget.left(month.life_now) <= LOW, "a change earns nothing"


def test_used_up_uplink_is_probed_all_the_same() -> None:
    month = Month(7, MEGABYTES)
    month.run(HOUR_MS)
    month.budget.reckon(BUDGET, month.life_now)
    month.probes.clear()
    month.run(3 * DAY_MS)
    assert month.probes == []
    assert month.core.usable() == ("4g",), "it is kept, for what matters"
