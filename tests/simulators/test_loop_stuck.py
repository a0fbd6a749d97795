"""A world that hangs, spins, fails in a callback or reaches for a real socket says so, loudly."""

import asyncio
import gc
import time

import pytest

import simulators.virtual.timed_loop
from simulators.virtual.errors import DeadlockError, LivelockError, SimulationError
from simulators.virtual.loop import VirtualLoop


def test_a_day_takes_no_time() -> None:
    with VirtualLoop() as loop:
        began = time.perf_counter()
        loop.run_until_complete(asyncio.sleep(14 * 3_600))
        assert time.perf_counter() - began < 1.0
        assert 14 * 3_600 <= loop.time() - simulators.virtual.timed_loop.START_S < 14 * 3_600 + 1


def test_waiting_for_ever_is_a_deadlock_that_names_who_waits() -> None:
    async def waits_for_godot() -> None:
        await asyncio.get_running_loop().create_future()

    with VirtualLoop() as loop:
        loop.spawn("kit-7", waits_for_godot())
        with pytest.raises(DeadlockError, match=r"waits_for_godot\) on kit-7"):
            loop.run_until_complete(waits_for_godot())


def test_spinning_without_time_passing_is_a_livelock(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(simulators.virtual.timed_loop, "STEPS_PER_INSTANT_MAX", 1_000)

    async def spin() -> None:
        for _ in range(10_000):
            await asyncio.sleep(0)

    with VirtualLoop() as loop, pytest.raises(LivelockError, match="clock stands still"):
        loop.run_until_complete(spin())


def test_a_callback_that_fails_ends_the_run() -> None:
    def fail() -> None:
        raise ZeroDivisionError

    with VirtualLoop() as loop:
        loop.call_later(1, fail)
        with pytest.raises(SimulationError, match="fail on the world") as caught:
            loop.run_until_complete(asyncio.sleep(10))
        assert isinstance(caught.value.__cause__, ZeroDivisionError)


def test_an_error_of_the_simulation_ends_the_run_even_if_swallowed() -> None:
    async def swallow(loop: VirtualLoop) -> None:
        loop.fail(SimulationError("no such link"))
        await asyncio.sleep(1_000)

    with VirtualLoop() as loop, pytest.raises(SimulationError, match="no such link"):
        loop.run_until_complete(swallow(loop))


def test_an_exception_that_nobody_retrieves_is_a_complaint() -> None:
    async def broken() -> None:
        raise ZeroDivisionError

    with VirtualLoop() as loop:
        loop.spawn("kit", broken())
        loop.run_for(1)
        gc.collect()
        assert len(loop.complaints) == 1
        assert "never retrieved on kit: ZeroDivisionError" in loop.complaints[0]


def test_real_sockets_are_out_of_reach() -> None:
    async def reach_out() -> None:
        await asyncio.open_connection("127.0.0.1", 1)

    with VirtualLoop() as loop, pytest.raises(SimulationError, match="no real sockets"):
        loop.run_until_complete(reach_out())


def test_an_executor_runs_at_once_and_answers_later() -> None:
    order: list[str] = []

    async def world(loop: VirtualLoop) -> float:
        def job() -> str:
            order.append("job")
            loop.block(2.0)
            return "done"

        future = loop.run_in_executor(None, job)
        loop.call_soon(order.append, "somebody else")
        began = loop.time()
        assert await future == "done"
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        return loop.time() - began

    with VirtualLoop() as loop:
        assert loop.run_until_complete(world(loop)) == pytest.approx(2.0, abs=0.01)
    assert order == ["job", "somebody else"]


def test_cancelled_timers_are_swept_away() -> None:
    async def many() -> int:
        loop = asyncio.get_running_loop()
        for _ in range(10_000):
            loop.call_later(1_000, print).cancel()
        return len(loop._timers)  # type: ignore[attr-defined]

    with VirtualLoop() as loop:
        assert loop.run_until_complete(many()) < 200
