"""The kit's uplink edge over a broker that nobody here wrote: it stands, its end is noticed, it comes back."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path

import aiomqtt
import pytest

from crypto.wire import ENVELOPE_MAX, RECEIPT_MAX, topic_envelope, topic_receipt, topic_refusal
from failover.events import ProbeEchoed, TrafficCounted, UplinkConnected, UplinkLost
from kit.events import ReceiptHeard, RefusalHeard
from tests.crypto.election_fixture import ELECTION
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import HOST, Mosquitto

pytestmark = pytest.mark.peer("mosquitto")

BRANCH = "branch-1"
NOTICED_S = 3.0  # from the death of a broker to the word that the uplink is lost: far below any keepalive


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    one = Mosquitto(tmp_path)
    await one.start()
    yield one
    one.kill()


async def test_greatest_envelope_and_greatest_receipt_pass_unchanged(broker: Mosquitto) -> None:
    envelope = bytes(range(256)) * (ENVELOPE_MAX // 256)
    text = "r" * RECEIPT_MAX
    refusal = {"envelope_sha256": "ab" * 32, "reason": "no such branch"}
    async with aiomqtt.Client(HOST, broker.port) as center, KitEdge(broker.port) as kit:
        await center.subscribe(topic_envelope(ELECTION, BRANCH), qos=1)
        await kit.connect()
        await kit.probe()
        kit.uplinks.publish("fibre", envelope)
        arrived = await asyncio.wait_for(anext(aiter(center.messages)), 5)
        assert (arrived.payload, arrived.qos) == (envelope, 1)
        await center.publish(topic_receipt(ELECTION, BRANCH), text.encode())
        await center.publish(topic_refusal(ELECTION, BRANCH), json.dumps(refusal))
        await until(lambda: bool(kit.heard(RefusalHeard)))
        assert kit.heard(ReceiptHeard) == [ReceiptHeard("fibre", text)]
        assert kit.heard(RefusalHeard) == [RefusalHeard("fibre", *refusal.values())]


async def test_uplinks_do_not_hear_each_others_echoes(broker: Mosquitto) -> None:
    async with KitEdge(broker.port, uplinks=("fibre", "4g")) as kit:
        await kit.connect("fibre")
        await kit.connect("4g")
        await kit.probe("fibre")
        await kit.probe("4g")
        assert kit.heard(ProbeEchoed) == [ProbeEchoed("fibre", 1), ProbeEchoed("4g", 2)]


async def test_second_session_of_one_uplink_takes_over_in_silence(broker: Mosquitto) -> None:
    async with KitEdge(broker.port) as kit:
        await kit.connect()
        await kit.connect()  # the first one is leaving, or thrown out by the broker: both have one client id
        await kit.probe()
        assert kit.heard(UplinkLost) == []
        assert len(kit.heard(ProbeEchoed)) == 1


async def test_dropped_uplink_says_nothing_more(broker: Mosquitto) -> None:
    async with aiomqtt.Client(HOST, broker.port) as center, KitEdge(broker.port) as kit:
        await kit.connect()
        kit.uplinks.disconnect("fibre", "a test")
        await center.publish(topic_receipt(ELECTION, BRANCH), b"too late", qos=1)
        kit.uplinks.probe("fibre", 7)
        await until(lambda: f"{kit.uplinks.client_id('fibre')} disconnected" in broker.said())
        said = [event for event in kit.events if not isinstance(event, TrafficCounted)]  # costs are told late
        assert said == [UplinkConnected("fibre")]
        await kit.connect()
        await kit.probe()


async def test_killed_broker_is_noticed_at_once_and_found_again(broker: Mosquitto) -> None:
    async with KitEdge(broker.port) as kit:
        await kit.connect()
        broker.kill()
        await kit.next(UplinkLost, NOTICED_S)
        kit.uplinks.connect("fibre", 1_000)
        lost = await kit.next(UplinkLost, NOTICED_S)
        assert lost.reason.startswith("no session: ")
        await broker.start()
        await kit.connect()
        await kit.probe()


async def test_frozen_broker_gives_no_echo_and_no_session_and_holds_nobody_up(broker: Mosquitto) -> None:
    loop = asyncio.get_running_loop()
    async with KitEdge(broker.port, uplinks=("fibre", "4g")) as kit:
        await kit.connect("fibre")
        broker.freeze()
        kit.uplinks.probe("fibre", 99)
        kit.uplinks.connect("4g", 500)  # the kernel still accepts for it
        began = loop.time()
        lost = await kit.next(UplinkLost, 5.0)
        assert lost.uplink == "4g"
        assert loop.time() - began > 0.4
        assert kit.heard(ProbeEchoed) == []
        broker.thaw()
        await until(lambda: ProbeEchoed("fibre", 99) in kit.events)
        await kit.connect("4g")
        broker.freeze()
        began = loop.time()
    assert loop.time() - began < 5.0  # leaving is polite, but not for ever
    broker.thaw()


async def test_client_id_that_a_broker_might_choke_on_is_accepted(broker: Mosquitto) -> None:
    branch = "b" * 64
    async with KitEdge(broker.port, branch, uplinks=("fibre",)) as kit:
        await kit.connect()
        await kit.probe()
        assert f"as {kit.uplinks.client_id('fibre')} " in broker.said()
