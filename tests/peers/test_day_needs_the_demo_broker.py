"""A whole polling day of real processes over a broker that is not the demo's, and that dies when it matters most."""

import asyncio
from pathlib import Path

import pytest

from simulators.cli import SAMPLE
from simulators.day.progress import PlainLog
from simulators.day.run import Day, Options, Scene, run_day
from tests.peers.kit_edge import until
from tests.peers.mosquitto import Mosquitto

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.day]

BRANCHES = 2
VOTING_MS = 2_000
DEAD_S = 0.3


async def test_every_vote_arrives_once_over_mosquitto_that_is_killed_twice_at_closing(tmp_path: Path) -> None:
    broker = Mosquitto(tmp_path)
    killing: list[asyncio.Task[None]] = []

    async def kill() -> None:
        broker.kill()
        await asyncio.sleep(DEAD_S)
        await broker.start()

    async def kill_twice() -> None:
        """At closing time, and again as soon as it has acknowledged an envelope: it comes back with nothing."""
        await kill()
        await until(lambda: "Sending PUBACK to kit-" in broker.said(), 30)
        await kill()

    async def drill(scene: Scene, day: Day) -> None:
        assert day.headquarters.broker is broker
        if scene == "closing":
            killing.append(asyncio.create_task(kill_twice()))

    options = Options(SAMPLE, BRANCHES, seed=5, voting_ms=VOTING_MS, broker=broker, drill=drill)
    try:
        report = await run_day(options, PlainLog())
    finally:
        for task in killing:
            task.cancel()
        broker.kill()
    assert report["checks"] == dict.fromkeys(report["checks"], True)
    assert report["verdict"] == "ok"
    assert broker.said().count(" starting\n") == 3
