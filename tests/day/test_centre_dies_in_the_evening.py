"""SIGKILL for centerd or for the broker, while tallies come in and again when the next one has: nothing is lost."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import pytest

from simulators.day.headquarters import Headquarters
from simulators.day.run import Day, Scene
from simulators.loopback.broker import MqttBroker
from tests.day.real_day import Drills, entries_in, false_receipts, live

BRANCHES: Final = 2
KILLS: Final = 2  # at the first envelopes, and when those of the kit that was killed itself come in
OUTAGE_S: Final = 1.0
LOOK_S: Final = 0.005

pytestmark = pytest.mark.day


async def _kill_centerd(headquarters: Headquarters) -> None:
    headquarters.centerd.kill()
    await asyncio.sleep(OUTAGE_S)
    headquarters.centerd.start()
    await headquarters.centerd.ready()


async def _kill_broker(headquarters: Headquarters) -> None:
    assert isinstance(headquarters.broker, MqttBroker)
    headquarters.broker.kill()
    await asyncio.sleep(OUTAGE_S)
    await headquarters.broker.start()


class Killer(Drills):
    """Kills, each time that envelopes were logged which no killing has seen yet."""

    def __init__(self, kill: Callable[[Headquarters], Awaitable[None]]) -> None:
        super().__init__()
        self.logged: list[int] = []
        """Envelopes in the log at each killing."""
        self._kill = kill

    async def drill(self, scene: Scene, day: Day) -> None:
        await super().drill(scene, day)
        if scene == "closing":
            self.begin(self._lie_in_wait(day))

    async def _lie_in_wait(self, day: Day) -> None:
        before = 0
        while len(self.logged) < KILLS:
            logged = len(entries_in(day.folder))
            if logged > before:
                await self._kill(day.headquarters)
                before = len(entries_in(day.folder))
                self.logged.append(logged)
            await asyncio.sleep(LOOK_S)


@pytest.mark.parametrize("kill", [_kill_centerd, _kill_broker])
def test_death_in_the_evening(kill: Callable[[Headquarters], Awaitable[None]], short_tmp: Path) -> None:
    killer = Killer(kill)
    report = live(short_tmp / "d", killer, branches=BRANCHES, seed=2)
    assert report["verdict"] == "ok", report["checks"]
    assert len(killer.logged) == KILLS
    assert killer.day is not None
    assert (
        len(entries_in(killer.day.folder)) == 2 * BRANCHES + 1
    )  # an account and a tally each, none twice; the order
    assert false_receipts(killer.day) == []
