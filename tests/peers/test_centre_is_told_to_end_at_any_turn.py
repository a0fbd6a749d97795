"""centerd and the SMS gateway beside mosquitto, cancelled once, whatever they are at: they end, and leave nothing."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from center.broker_door import IN_THE_CLEAR, Door
from drivers.tls_settings import TlsSettings
from tests.drivers.one_broker import breathless, connections, one_broker
from tests.peers.centre_edges import EDGES, SmsEdge, end
from tests.peers.certificates import Authority
from tests.peers.kit_edge import until
from tests.peers.mosquitto import Mosquitto

pytestmark = pytest.mark.peer("mosquitto")
TURNS = 40  # of the loop; every fourth waits for the broker a little


@pytest.fixture(params=["clear", "tls"])
async def way(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[tuple[Mosquitto, Door]]:
    if request.param == "clear":
        broker, door = Mosquitto(tmp_path), IN_THE_CLEAR
    else:
        issued = Authority(tmp_path).issue("broker.example")
        broker, door = Mosquitto(tmp_path, *issued.for_mosquitto()), Door(tls=TlsSettings(pins=(issued.pin,)))
    await broker.start()
    yield broker, door
    broker.kill()


@pytest.mark.parametrize("which", EDGES)
async def test_edge_that_is_cancelled_goes_on_or_leaves_a_socket(
    way: tuple[Mosquitto, Door], which: str, caplog: pytest.LogCaptureFixture
) -> None:
    broker, door = way
    when = [(False, turns) for turns in range(TURNS)] + [(True, turns) for turns in range(0, TURNS, 4)]
    for stands, turns in when:
        before = asyncio.all_tasks()
        edge = EDGES[which](broker.port, door)
        running = asyncio.create_task(edge.run())
        if stands:
            await until(lambda: edge.stands)  # noqa: B023 - used at once
        for turn in range(turns):
            await asyncio.sleep(0.001 if turn % 4 == 3 else 0)
        if isinstance(edge, SmsEdge) and turns % 2:
            edge.broker.submit("branch-1", b"an envelope")
            await asyncio.sleep(0)
        await end(running)
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == before, turns
        assert connections(broker.port) == 0, turns
    assert [record for record in caplog.records if record.name in ("asyncio", "mqtt")] == []


@pytest.mark.parametrize("which", EDGES)
async def test_broker_that_hangs_up_as_it_takes_us_is_believed_for_ever(which: str) -> None:
    """One that is overloaded may: without an envelope to send nobody would have noticed."""
    async with one_broker(breathless) as port:
        edge = EDGES[which](port, IN_THE_CLEAR)
        running = asyncio.create_task(edge.run())
        # Noticed before or after the subscription was sent: that is chance.
        await until(
            lambda: re.search("the connection ended|not currently connected", edge.said()) is not None
        )
        assert not edge.stands
        await end(running)
        assert connections(port) == 0


class Swallowing:
    """A client whose publish is done in the instant in which it is cancelled: asyncio.wait_for swallows that."""

    def __init__(self) -> None:
        self.publishing = asyncio.Event()
        self.messages = self

    async def subscribe(self, *_: Any, **__: Any) -> list[int]:
        return [0, 0]

    async def publish(self, *_: Any, **__: Any) -> None:
        self.publishing.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return

    def __aiter__(self) -> "Swallowing":
        return self

    async def __anext__(self) -> None:
        await asyncio.Event().wait()


async def test_gateway_never_ends_once_a_wait_swallowed_the_word() -> None:
    edge, client = SmsEdge(1, IN_THE_CLEAR), Swallowing()
    serving = asyncio.create_task(edge.broker._serve(client))  # type: ignore[arg-type]
    edge.broker.submit("branch-1", b"an envelope")
    await client.publishing.wait()
    await end(serving)
