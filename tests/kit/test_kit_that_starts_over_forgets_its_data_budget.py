"""Each life of kitd begins with a full bucket, and one that ends at once spends a probe or two: all day, a month."""

from typing import Final

import pytest

from crypto import rfc3339
from failover.budget import MEGABYTE, MONTH_MS, PROBE_BYTES, ProbeBudget
from failover.events import Probe, Tick, UplinkConnected
from failover.machine import Failover, Timing
from kit.facts import BootRecorded, Fact, PhaseEntered
from kit.links.probe_memory import ProbeMemory

BUDGET: Final = 5 * MEGABYTE
BEGAN_MS: Final = rfc3339.to_ms("2026-03-01T00:00:00.000Z")
HOUR_MS: Final = 3_600_000


def at(ms: int) -> str:
    return rfc3339.to_text(BEGAN_MS + ms)


def booted(ms: int) -> Fact:
    return BootRecorded(at=at(ms), boot_id="a-life")


def made(budget: ProbeBudget | None = None) -> tuple[Failover, ProbeMemory]:
    core = Failover(("4g",), "device-1", Timing(), {"4g": budget or ProbeBudget(BUDGET)})
    return core, ProbeMemory(core, Timing())


def left(core: Failover) -> int:
    return core.uplink("4g").budget.left(0)


@pytest.mark.parametrize("life_ms", [15_000, 90_000])
def test_month_of_short_lives_costs_more_than_the_budget(life_ms: int) -> None:
    core, memory = made()
    budget, spent = core.uplink("4g").budget, 0
    for began_ms in range(0, MONTH_MS, life_ms):
        in_debt = budget.left(0) < PROBE_BYTES
        memory.apply(booted(began_ms))
        spent += 0 if in_debt else (1 + life_ms // Timing().probe_ms) * PROBE_BYTES
    assert BUDGET // 10 < spent <= BUDGET


def test_life_after_too_many_sends_a_probe_as_soon_as_it_is_connected() -> None:
    core, memory = made()
    for number in range(5_000):
        memory.apply(booted(4_000 * number))
    memory.boot(BEGAN_MS + 20_000_000)
    assert left(core) < PROBE_BYTES
    core.handle(Tick(), 0)
    effects = core.handle(UplinkConnected("4g"), 100)
    assert not any(isinstance(effect, Probe) for effect in effects)


def test_restart_on_the_polling_day_makes_probes_rare() -> None:
    core, memory = made(ProbeBudget())
    memory.apply(booted(0))
    memory.apply(PhaseEntered(at=at(HOUR_MS), phase="open", trigger="all-opened"))
    before = left(core)
    memory.apply(booted(6 * HOUR_MS))
    memory.boot(BEGAN_MS + 6 * HOUR_MS)
    assert before - 5 * HOUR_MS // 9_000 * PROBE_BYTES < left(core) < before
    budget = core.uplink("4g").budget
    assert budget.interval_ms(9_000, 0) == 9_000


def test_quiet_weeks_and_a_restart_leave_less_than_no_restart() -> None:
    core, memory = made(ProbeBudget())
    full = left(core)
    memory.apply(booted(0))
    memory.boot(BEGAN_MS + 20 * 24 * HOUR_MS)
    assert left(core) == full


def test_probes_of_this_life_are_counted_twice() -> None:
    core, memory = made()
    memory.apply(booted(0))
    memory.boot(BEGAN_MS + 1_000)
    before = left(core)
    memory.apply(booted(1_000))
    memory.apply(booted(MONTH_MS))
    assert left(core) == before


def test_clock_that_is_set_back_and_forth_fills_the_bucket() -> None:
    core, memory = made()
    for _ in range(1_000):
        memory.apply(booted(0))
    before = left(core)
    for _ in range(3):
        memory.apply(booted(-20 * 24 * HOUR_MS))
        memory.apply(booted(0))
    assert left(core) == before - 6 * 2 * PROBE_BYTES
