"""An uplink that is dropped, taken up again or closed beside mosquitto, whatever it is at: nothing of it stays."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from kit.tables.uplinks import UplinkTls
from kit.uplinks.gateway import Gateway
from tests.drivers.one_broker import connections
from tests.peers.certificates import Authority
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import HOST, Mosquitto

pytestmark = pytest.mark.peer("mosquitto")
TURNS = 24  # of the loop; every fourth waits for the broker a little


@pytest.fixture(params=["paho", "dialled", "tls"])
async def gateway(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Gateway]:
    issued = Authority(tmp_path).issue("broker.example")
    broker = Mosquitto(tmp_path, *(issued.for_mosquitto() if request.param == "tls" else ()))
    await broker.start()
    yield {
        "paho": Gateway(HOST, broker.port),
        "dialled": Gateway(HOST, broker.port, addresses=(HOST,)),
        "tls": Gateway(HOST, broker.port, tls=UplinkTls(pins=(issued.pin,))),
    }[request.param]
    broker.kill()


async def turn_away(turns: int) -> None:
    for turn in range(turns):
        await asyncio.sleep(0.001 if turn % 4 == 3 else 0)


@pytest.mark.parametrize("how", ["disconnect", "again", "close"])
async def test_uplink_leaves_something(gateway: Gateway, how: str, caplog: pytest.LogCaptureFixture) -> None:
    for stands, turns in [(False, one) for one in range(TURNS)] + [(True, one) for one in range(0, TURNS, 6)]:
        before = asyncio.all_tasks()
        async with KitEdge(gateway.port, gateway=gateway) as kit:
            kit.uplinks.connect("fibre", 2_000)
            if stands:
                await until(lambda: kit.stands("fibre") is True)
                kit.uplinks.publish("fibre", b"an envelope")
                kit.uplinks.probe("fibre", 1)
            await turn_away(turns)
            if how == "again":
                kit.uplinks.connect("fibre", 2_000)
                await until(lambda: kit.stands("fibre") is True)
                await kit.probe()
            elif how == "disconnect":
                kit.uplinks.disconnect("fibre", "a test")
                await asyncio.sleep(0)
        await until(lambda: connections(gateway.port) == 0)
        await until(lambda: asyncio.all_tasks() == before)  # noqa: B023 - as above
    assert [record for record in caplog.records if record.name in ("asyncio", "mqtt")] == []
