"""The shell of the routing before a kernel that is silent, refuses, or does what somebody else says. Virtual time."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Final

from failover.events import PathChanged
from failover.routing.picture import Picture
from failover.routing.shell import GAP_MAX_MS, RESYNC_MS, RETRY_MS, Routes
from failover.routing.spec import UplinkSpec
from tests.drivers.virtual_time import VirtualLoop, now
from tests.failover.kernels import FakeKernel, address, default, link

SPEC: Final = UplinkSpec("fibre", "name", "fib0", "auto", 7_101, 0)
WHOLE: Final = Picture(
    (link(1, "fib0"),), (address(1, "10.1.0.2", "10.1.0.0/24"),), (default(1, "10.1.0.1"),)
)
DARK: Final = Picture((link(1, "fib0", carrier=False),), WHOLE.addresses, WHOLE.routes)


class Stage:
    def __init__(self, kernel: FakeKernel) -> None:
        self.kernel = kernel
        self.told: list[tuple[int, PathChanged]] = []
        self.said: list[str] = []
        self.routes = Routes(
            [SPEC], now, lambda event: self.told.append((now(), event)), self.said.append, open_kernel=kernel
        )
        self.task = asyncio.get_running_loop().create_task(self.routes.run())

    async def end(self) -> None:
        self.task.cancel()
        await asyncio.gather(self.task, return_exceptions=True)


def play(kernel: FakeKernel, story: Callable[[Stage], Coroutine[Any, Any, None]]) -> Stage:
    async def whole() -> Stage:
        stage = Stage(kernel)
        await story(stage)
        await stage.end()
        return stage

    loop = VirtualLoop()
    try:
        return loop.run_until_complete(whole())
    finally:
        loop.close()


def test_kernel_is_silent_from_the_start_and_those_who_wait_hear_why() -> None:
    async def story(stage: Stage) -> None:
        stage.kernel.silent = True
        await asyncio.sleep(10)
        assert [event.reason for _, event in stage.told] == ["listening: it is silent"]
        assert stage.said == ["listening: it is silent"]
        stage.kernel.silent = False
        await asyncio.sleep(2)
        assert stage.told[-1][1].path is not None

    play(FakeKernel(WHOLE), story)


def test_news_was_lost_and_everything_is_read_anew() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(1)
        stage.kernel.break_off()
        stage.kernel.picture = DARK
        stage.kernel.silent = True
        await asyncio.sleep(0.1)
        stage.kernel.silent = False
        await asyncio.sleep(2 * RETRY_MS / 1000)
        assert stage.kernel.opened == 2
        assert stage.told[-1][1].reason == "fib0: no carrier"

    play(FakeKernel(WHOLE), story)


def test_change_that_nobody_told_of_is_seen_at_the_next_slow_look() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(1)
        looks = stage.kernel.looks
        stage.kernel.picture = DARK
        await asyncio.sleep(2 * RESYNC_MS / 1000)
        assert stage.told[-1][1].path is None
        assert stage.kernel.looks - looks <= 6  # idle, it costs next to nothing

    play(FakeKernel(WHOLE), story)


def test_lost_carrier_is_told_at_once() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(5)
        lost_at = now()
        stage.kernel.change(DARK)
        await asyncio.sleep(1)
        assert stage.told[-1][0] - lost_at <= 1
        assert stage.told[-1][1] == PathChanged("fibre", None, "fib0: no carrier")

    play(FakeKernel(WHOLE), story)


def test_kernel_refuses_and_people_hear_of_it_once() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(300)
        assert stage.said == ["not permitted"]
        assert [event.path and event.path.table for _, event in stage.told] == [None]
        stage.kernel.refuses = None
        stage.kernel.change(WHOLE)
        await asyncio.sleep(2)
        path = stage.told[-1][1].path
        assert path is not None
        assert path.table == 7_101
        assert stage.told[-1][1].reason.endswith("(its table stands)")

    play(FakeKernel(WHOLE, refuses="not permitted"), story)


def test_another_program_undoes_everything_and_the_two_do_not_fight_without_end() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(60)
        assert any("something undoes the routes" in words for words in stage.said)
        assert stage.kernel.looks <= 3 * (60_000 // GAP_MAX_MS + 16)
        assert len(stage.told) == 1

    play(FakeKernel(WHOLE, undoes=True), story)


def test_routing_fails_and_begins_anew_and_all_paths_are_told_again() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(1)
        stage.kernel.change(Picture(("no link",)))  # type: ignore[arg-type]
        await asyncio.wait((stage.task,))
        assert isinstance(stage.task.exception(), AttributeError)
        stage.kernel.picture = WHOLE
        stage.task = asyncio.get_running_loop().create_task(stage.routes.run())
        await asyncio.sleep(1)
        assert [event.path is not None for _, event in stage.told] == [True, True]

    play(FakeKernel(WHOLE), story)


def test_end_leaves_nothing_behind() -> None:
    async def story(stage: Stage) -> None:
        await asyncio.sleep(1)
        assert len(stage.kernel.picture.rules) == 2

    kernel = FakeKernel(WHOLE)
    play(kernel, story)
    assert kernel.picture == WHOLE


def test_modem_says_the_same_thing_again_and_nobody_looks() -> None:
    async def story(stage: Stage) -> None:
        stage.routes.modem_says("m1", "wwan0")
        await asyncio.sleep(1)
        looks = stage.kernel.looks
        for _ in range(20):
            stage.routes.modem_says("m1", "wwan0")
            await asyncio.sleep(1)
        assert stage.kernel.looks == looks

    play(FakeKernel(WHOLE), story)
