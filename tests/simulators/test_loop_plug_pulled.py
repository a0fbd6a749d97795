"""The plug of a node is pulled: nothing that it began ever goes on, and nobody is warned about the corpse."""

import asyncio
import gc

import pytest

from simulators.virtual.errors import DeadlockError
from simulators.virtual.loop import VirtualLoop, current_life


def test_no_finally_and_no_callback_runs_after_the_plug_is_pulled() -> None:
    said: list[str] = []

    async def node() -> None:
        asyncio.get_running_loop().call_later(5, said.append, "timer")
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(asyncio.sleep(3))
                await asyncio.sleep(100)
        except asyncio.CancelledError:
            said.append("cancelled")
            raise
        finally:
            said.append("finally")

    with VirtualLoop() as loop:
        loop.spawn("kit", node())
        loop.run_for(1)
        loop.kill("kit")
        gc.collect()
        loop.run_for(1_000)
        assert said == []
        assert not loop.alive("kit")
        assert loop.complaints == []


def test_what_others_resolve_wakes_no_dead_node() -> None:
    said: list[str] = []

    async def wait_for(future: asyncio.Future[None], who: str) -> None:
        await future
        said.append(who)

    with VirtualLoop() as loop:
        future: asyncio.Future[None] = loop.create_future()
        loop.spawn("kit", wait_for(future, "kit"))
        loop.spawn("center", wait_for(future, "center"))
        loop.run_for(1)
        loop.kill("kit")
        loop.call_later(1, future.set_result, None)
        loop.run_for(10)
        assert said == ["center"]


def test_a_node_is_born_again_under_a_new_life() -> None:
    lives: list[int] = []

    async def node() -> None:
        life = current_life()
        assert life is not None
        while True:
            await asyncio.sleep(1)
            lives.append(life.number)

    with VirtualLoop() as loop:
        loop.spawn("kit", node())
        loop.run_for(2.5)
        loop.kill("kit")
        loop.kill("kit")
        loop.run_for(10)
        loop.spawn("kit", node())
        loop.run_for(2.5)
        assert lives == [1, 1, 2, 2]


def test_a_step_that_pulls_its_own_plug_starts_nothing_any_more() -> None:
    said: list[str] = []

    async def child() -> None:
        said.append("child")

    async def node(loop: VirtualLoop) -> None:
        loop.kill("kit")
        loop.call_soon(said.append, "callback")
        loop.create_task(child())
        await asyncio.sleep(0)
        said.append("went on")

    with VirtualLoop() as loop:
        loop.spawn("kit", node(loop))
        loop.run_for(10)
        assert said == []


def test_a_dead_nodes_timers_do_not_hide_a_deadlock() -> None:
    async def sleeper() -> None:
        await asyncio.sleep(10_000)

    with VirtualLoop() as loop:
        loop.spawn("kit", sleeper())

        async def world() -> None:
            await asyncio.sleep(1)
            loop.kill("kit")
            await loop.create_future()

        with pytest.raises(DeadlockError, match="world"):
            loop.run_until_complete(world())
        assert loop.time() < 1_010


@pytest.mark.filterwarnings("error")
def test_leftovers_are_buried_without_a_word() -> None:
    async def stubborn() -> None:
        try:
            await asyncio.sleep(1_000)
        finally:
            await asyncio.sleep(1)

    async def generator() -> asyncio.Queue[int]:
        async def numbers():  # noqa: ANN202
            try:
                yield 1
                yield 2
            finally:
                await asyncio.sleep(1)

        async for _ in numbers():
            await asyncio.sleep(1_000)
        raise AssertionError

    async def holder() -> None:
        never_awaited = asyncio.sleep(3)
        await asyncio.sleep(1_000)
        await never_awaited

    async def broken() -> None:
        raise ValueError

    with VirtualLoop() as loop:
        for make in (stubborn, generator, holder, broken):
            loop.spawn("alive", make())
            loop.spawn("dead", make())
        loop.run_for(1)
        loop.kill("dead")
        loop.spawn("never ran", stubborn())
    gc.collect()
    assert loop.is_closed()
    loop.bury()
