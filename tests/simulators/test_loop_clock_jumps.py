"""Wall clocks jump, drift and forget; monotonic ones only restart with their machine."""

import pytest

from simulators.virtual.clock import NodeClock, SeededEntropy
from simulators.virtual.loop import VirtualLoop

DAY_MS = 1_813_302_000_000


def test_a_jump_of_the_wall_clock_leaves_the_monotonic_clock_alone() -> None:
    with VirtualLoop() as loop:
        clock = NodeClock(loop, wall_start_ms=DAY_MS)
        loop.run_for(10)
        assert (clock.monotonic_ms(), clock.wall_ms()) == (10_000, DAY_MS + 10_000)
        clock.step_wall(-3_600_000)
        loop.run_for(1)
        assert (clock.monotonic_ms(), clock.wall_ms()) == (11_000, DAY_MS + 11_000 - 3_600_000)


def test_a_boot_restarts_the_monotonic_clock_and_may_lose_the_wall_clock() -> None:
    with VirtualLoop() as loop:
        clock = NodeClock(loop, wall_start_ms=DAY_MS)
        loop.run_for(10)
        clock.boot()
        assert (clock.monotonic_ms(), clock.wall_ms()) == (0, DAY_MS + 10_000)
        clock.boot(wall_ms=0)
        loop.run_for(1)
        assert (clock.monotonic_ms(), clock.wall_ms()) == (1_000, 1_000)


def test_a_drifting_clock_gains_what_it_should() -> None:
    with VirtualLoop() as loop:
        clock = NodeClock(loop, wall_start_ms=0, drift_ppm=50)
        loop.run_for(10_000)
        assert clock.wall_ms() == pytest.approx(10_000_500, abs=1)
        assert clock.monotonic_ms() == 10_000_000
        with pytest.raises(ValueError, match="drift"):
            NodeClock(loop, wall_start_ms=0, drift_ppm=1_000_000)


def test_entropy_repeats_with_the_seed_alone() -> None:
    one, again, other = SeededEntropy(1, "kit"), SeededEntropy(1, "kit"), SeededEntropy(1, "kit-2")
    drawn = [one(32), one(32)]
    assert drawn == [again(32), again(32)]
    assert len({*drawn, other(32), SeededEntropy(2, "kit")(32)}) == 4
