"""Each life of kitd begins with a full bucket, and one that ends at once costs a session: all day, a month."""

from typing import Final

import pytest

from crypto import rfc3339
from failover.budget import MEGABYTE, MONTH_MS, PROBE_BYTES, DataBudget
from failover.events import Connect, Probe, SimUsed, Tick, TrafficCounted, UplinkConnected
from failover.machine import Failover, Timing
from kit.facts import BootRecorded, DataNoted, Fact, PhaseEntered
from kit.links.traffic import BOOT_PROBES, NOTE_MIN_MS, Traffic
from kit.wall import Wall

BUDGET: Final = 5 * MEGABYTE
BEGAN_MS: Final = rfc3339.to_ms("2026-03-01T00:00:00.000Z")
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


def at(ms: int) -> str:
    return rfc3339.to_text(BEGAN_MS + ms)


def booted(ms: int) -> Fact:
    return BootRecorded(at=at(ms), boot_id="a-life")


def noted(ms: int, size: int, sim: int = 1) -> Fact:
    return DataNoted(at=at(ms), uplink="4g", sim=sim, size=size)


def wall(ms: int) -> Wall:
    made = Wall()
    made.set(BEGAN_MS + ms, 0)
    return made


def made(*budgets: DataBudget) -> tuple[Failover, Traffic]:
    core = Failover(("4g",), "device-1", Timing(), {"4g": budgets or (DataBudget(BUDGET),)})
    return core, Traffic(core, Timing())


def budget_of(core: Failover) -> DataBudget:
    return core.uplink("4g").spending.budget


def left(core: Failover) -> int:
    return budget_of(core).left(None)


@pytest.mark.parametrize("life_ms", [60_000, 600_000])
def test_month_of_short_lives_costs_more_than_the_budget(life_ms: int) -> None:
    """Every life is told all facts of those before it; here the fold goes on instead."""
    core, memory = made()
    budget, spent, tried_ms = budget_of(core), 0, -MONTH_MS
    for began_ms in range(0, MONTH_MS, life_ms):
        pause_ms, state = budget.pause_ms(budget.connect, None), budget.state(None)
        memory.apply(booted(began_ms))
        if began_ms + life_ms > tried_ms + pause_ms:  # it waits its turn, and connects
            tried_ms = max(began_ms, tried_ms + pause_ms)
            spent += budget.connect + (0 if state == "used-up" else (1 + life_ms // 60_000) * PROBE_BYTES)
    assert BUDGET // 4 < spent <= BUDGET


def test_life_after_too_many_makes_a_session_and_probes_at_once() -> None:
    core, memory = made()
    memory.apply(booted(0))
    memory.apply(noted(1_000, 1_100_000))
    for number in range(100):
        memory.apply(booted(4_000 * number))
    memory.boot(wall(400_000))
    assert budget_of(core).state(None) == "used-up"
    assert not any(isinstance(effect, Connect) for effect in core.handle(Tick(), 0)), "not its turn"
    later = core.wake_at()
    assert later is not None
    assert HOUR_MS // 2 < later <= 4 * HOUR_MS - 400_000
    assert any(isinstance(effect, Connect) for effect in core.handle(Tick(), later))
    effects = core.handle(UplinkConnected("4g"), later + 100)
    assert not any(isinstance(effect, Probe) for effect in effects)


def test_life_after_few_waits_for_its_first_session() -> None:
    core, memory = made()
    for number in range(10):
        memory.apply(booted(4_000 * number))
    memory.boot(wall(100_000))
    assert any(isinstance(effect, Connect) for effect in core.handle(Tick(), 0))


def test_restart_on_the_polling_day_makes_probes_rare() -> None:
    core, memory = made(DataBudget())
    memory.apply(booted(0))
    memory.apply(PhaseEntered(at=at(HOUR_MS), phase="open", trigger="all-opened"))
    before = left(core)
    memory.apply(booted(6 * HOUR_MS))
    memory.boot(wall(6 * HOUR_MS))
    assert before - 5 * HOUR_MS // 9_000 * PROBE_BYTES - 10_000 < left(core) < before
    assert budget_of(core).interval_ms(9_000, 0) == 9_000


def test_quiet_weeks_and_a_restart_leave_less_than_no_restart() -> None:
    core, memory = made(DataBudget())
    memory.apply(booted(0))
    memory.boot(wall(20 * DAY_MS))
    slow = DataBudget()
    for minute in range(20 * 24 * 60):
        slow.reckon(PROBE_BYTES, 60_000 * minute)
    assert abs(left(core) - slow.left(20 * DAY_MS)) < 10_000


def test_bytes_of_this_life_are_counted_twice() -> None:
    core, memory = made()
    memory.apply(booted(0))
    memory.boot(wall(1_000))
    before = left(core)
    memory.apply(booted(1_000))
    memory.apply(noted(MONTH_MS, BUDGET))
    assert left(core) == before


def test_clock_that_is_set_back_and_forth_fills_the_bucket() -> None:
    core, memory = made()
    for _ in range(100):
        memory.apply(booted(0))
    before, budget = left(core), budget_of(core)
    for _ in range(3):
        memory.apply(booted(-20 * DAY_MS))
        memory.apply(booted(0))
    assert left(core) == before - 6 * (budget.connect + BOOT_PROBES * PROBE_BYTES)


def test_reconnect_loop_of_an_earlier_life_is_forgotten() -> None:
    """It spent far more than slow probes would: the journal tells."""
    core, memory = made()
    memory.apply(booted(0))
    memory.apply(noted(HOUR_MS, 500_000))
    memory.apply(noted(2 * HOUR_MS, 700_000))
    memory.boot(wall(2 * HOUR_MS))
    expected = 2 * MEGABYTE - 1_200_000 + 2 * HOUR_MS * 3 * MEGABYTE // MONTH_MS
    assert abs(left(core) - expected) < 10_000, "instead of what is reckoned, not beside it"


def test_what_a_life_spent_is_told_too_often_or_not_at_all() -> None:
    core, memory = made(DataBudget())
    memory.boot(wall(0))
    core.handle(Tick(), 0)
    notes = []
    for second in range(0, 4 * 3_600, 10):
        core.handle(TrafficCounted("4g", 2_000), 1000 * second)
        for fact in memory.look(1000 * second):
            memory.apply(fact)
            notes.append(fact)
    told = sum(fact.size for fact in notes)
    assert 0 <= budget_of(core).spent - told < budget_of(core).note_bytes + 2_000
    assert len(notes) <= told // budget_of(core).note_bytes
    core.handle(TrafficCounted("4g", 10 * MEGABYTE), 4 * HOUR_MS)
    facts = [fact for minute in range(60) for fact in memory.look(4 * HOUR_MS + 60_000 * minute)]
    assert len(facts) == 1
    assert NOTE_MIN_MS >= 600_000


def test_month_that_ends_is_added_to_the_next() -> None:
    core, memory = made()
    for fact in (booted(0), noted(30 * DAY_MS, 1_000_000), noted(31 * DAY_MS + 1, 300_000)):
        memory.apply(fact)
    memory.boot(wall(31 * DAY_MS + 2))
    assert memory.used(budget_of(core), 0) == 300_000, "of April alone"
    core.handle(Tick(), 0)
    core.handle(TrafficCounted("4g", 5_000), 10)
    assert memory.used(budget_of(core), 20) == 305_000


def test_clock_that_goes_back_over_the_end_of_a_month_begins_it_anew() -> None:
    core, memory = made()
    memory.apply(noted(31 * DAY_MS + 1, 300_000))
    memory.boot(wall(30 * DAY_MS))
    assert memory.used(budget_of(core), 0) == 300_000
    memory.apply(noted(30 * DAY_MS, 40_000))
    assert memory.used(budget_of(core), 0) >= 300_000


def test_other_sim_pays_for_what_the_first_one_spent() -> None:
    core, memory = made(DataBudget(BUDGET), DataBudget(BUDGET))
    first, second = core.uplink("4g").spending.budgets
    for fact in (booted(0), noted(HOUR_MS, 1_900_000), noted(2 * HOUR_MS, 7, sim=2)):
        memory.apply(fact)
    memory.boot(wall(2 * HOUR_MS))
    assert budget_of(core) is second, "the one that spent last"
    assert first.state(None) == "used-up"
    assert second.state(None) == "enough"
    core.handle(SimUsed("4g", 1), 0)
    core.handle(Tick(), 0)
    core.handle(TrafficCounted("4g", 1_000), 10)
    assert (first.spent, second.spent) == (1_000, 0)
    core.handle(SimUsed("4g", 2), 20)
    core.handle(TrafficCounted("4g", 500), 30)
    assert (first.spent, second.spent) == (1_500, 0), "said late of a session that SIM 1 carried"
