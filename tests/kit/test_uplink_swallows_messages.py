"""Real MQTT sessions over a relay that swallows bytes, to a broker that dies."""

import asyncio
import json
import time

import pytest

from crypto import wire
from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from kit.events import ReceiptHeard, RefusalHeard
from kit.uplinks import session
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import BRANCH, DEADLINE_MS, ELECTION, PATIENCE_S, center, uplink

# --- a session that works -------------------------------------------------------------------------


async def test_probe_does_not_come_back(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.connect()
        assert await up.until(UplinkConnected, UplinkLost) == UplinkConnected("fibre")
        for nonce in (1, 7, 2**62):
            await up.echoes(nonce)
        assert up.events == [UplinkConnected("fibre"), *[ProbeEchoed("fibre", n) for n in (1, 7, 2**62)]]


async def test_envelope_arrives_changed(broker: MqttBroker) -> None:
    data = bytes(range(256)) * (wire.ENVELOPE_MAX // 256)
    async with uplink(broker) as up, center(broker) as hub:
        await hub.subscribe(wire.topic_all_envelopes(ELECTION), qos=1)
        up.connect()
        await up.until(UplinkConnected)
        up.mqtt.publish("fibre", data)
        async with asyncio.timeout(PATIENCE_S):
            message = await anext(aiter(hub.messages))
        assert (str(message.topic), message.payload) == (wire.topic_envelope(ELECTION, BRANCH), data)


async def test_word_of_the_centre_is_not_heard(broker: MqttBroker) -> None:
    async with uplink(broker) as up, center(broker) as hub:
        up.connect()
        await up.until(UplinkConnected)
        await hub.publish(wire.topic_receipt(ELECTION, BRANCH), "c2sp.org/tlog-proof@v1\n…")
        assert await up.until(ReceiptHeard) == ReceiptHeard("fibre", "c2sp.org/tlog-proof@v1\n…")
        refusal = json.dumps({"envelope_sha256": "ab" * 32, "reason": "unknown device"})
        await hub.publish(wire.topic_refusal(ELECTION, BRANCH), refusal)
        assert await up.until(RefusalHeard) == RefusalHeard("fibre", "ab" * 32, "unknown device")


# --- holes ----------------------------------------------------------------------------------------


async def test_connecting_into_a_hole_has_no_outcome(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.relay.hole()
        started = time.monotonic()
        up.connect()
        lost = await up.until(UplinkLost, UplinkConnected)
        waited_ms = (time.monotonic() - started) * 1000
        assert isinstance(lost, UplinkLost)
        assert "no session" in lost.reason
        assert DEADLINE_MS - 50 <= waited_ms <= DEADLINE_MS + 1_500
        await up.no_sockets()


async def test_nobody_listens(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        await up.relay.close()
        up.connect(5_000)
        lost = await up.until(UplinkLost, UplinkConnected)
        assert "no session" in lost.reason
        await up.relay.start()  # for the end of the test


async def test_dropped_while_connecting_and_heard_of_later(broker: MqttBroker) -> None:
    """What failover gave up says no more: no late word, no socket that nobody owns."""
    async with uplink(broker) as up:
        up.relay.hole()
        up.connect()
        await asyncio.sleep(0.1)
        up.mqtt.disconnect("fibre", "no session within the deadline")
        await up.no_sockets()
        await asyncio.sleep(DEADLINE_MS / 1000)
        assert up.events == []


async def test_dropped_while_connecting_and_then_healed(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.relay.hole()
        up.connect(2_000)
        await asyncio.sleep(0.1)
        up.mqtt.disconnect("fibre", "gave up")
        up.relay.heal()
        await asyncio.sleep(0.3)
        assert up.events == []
        await up.no_sockets()


async def test_hole_opens_under_a_session(broker: MqttBroker) -> None:
    """Nothing is heard, and nothing is claimed; what was sent into the hole comes out when it heals."""
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        await up.echoes(1)
        up.relay.hole()
        up.mqtt.probe("fibre", 2)
        await asyncio.sleep(0.3)
        assert up.events == [UplinkConnected("fibre"), ProbeEchoed("fibre", 1)]
        up.relay.heal()
        await up.echoes(3)
        assert ProbeEchoed("fibre", 2) in up.events


async def test_session_does_not_come_back_after_a_hole(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        up.relay.hole()
        up.mqtt.disconnect("fibre", "probes stay unanswered")
        up.connect()
        await up.until(UplinkLost)
        up.relay.heal()
        up.connect()
        await up.until(UplinkConnected, count=2)
        await up.echoes(9)
        assert [type(event) for event in up.events] == [
            UplinkConnected,
            UplinkLost,
            UplinkConnected,
            ProbeEchoed,
        ]


async def test_broker_never_acknowledges(broker: MqttBroker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "PUBLISH_TIMEOUT_S", 0.2)
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        up.relay.hole()
        up.mqtt.publish("fibre", b"an envelope")
        lost = await up.until(UplinkLost)
        assert "not sent" in lost.reason
        await up.no_sockets()


async def test_end_waits_for_a_hole(broker: MqttBroker) -> None:
    """A daemon that is told to stop does not wait for uplinks that never answer."""
    async with uplink(broker) as up:
        up.relay.hole()
        up.connect(10_000)
        await asyncio.sleep(0.1)
        started = time.monotonic()
        await up.mqtt.close()
        assert time.monotonic() - started < 2.5
        assert up.events == []
        await up.no_sockets()


# --- deaths ---------------------------------------------------------------------------------------


async def test_line_is_cut_and_nobody_notices(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        started = time.monotonic()
        await up.relay.close()
        assert isinstance(await up.until(UplinkLost), UplinkLost)
        assert time.monotonic() - started < 1.0
        await up.relay.start()


async def test_broker_dies_under_a_session() -> None:
    mortal = MqttBroker()
    await mortal.start()
    try:
        async with uplink(mortal) as up:
            up.connect()
            await up.until(UplinkConnected)
            up.mqtt.publish("fibre", b"an envelope")
            mortal.kill()
            await up.until(UplinkLost)
            await up.no_sockets()
            up.connect()
            await up.until(UplinkLost, count=2)
    finally:
        mortal.kill()


async def test_session_is_replaced_and_the_old_one_speaks_for_the_new(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        for number in (1, 2, 3):
            up.connect()
            await up.until(UplinkConnected, count=number)
            await up.echoes(number)
        await asyncio.sleep(0.1)
        assert [type(event) for event in up.events] == [UplinkConnected, ProbeEchoed] * 3
        assert up.sockets() == 1


async def test_word_for_an_uplink_without_a_session(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.mqtt.probe("fibre", 1)
        up.mqtt.publish("fibre", b"an envelope")
        up.mqtt.disconnect("fibre", "twice")
        assert up.events == []
