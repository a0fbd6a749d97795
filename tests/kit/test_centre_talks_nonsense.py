"""Floods and nonsense on an uplink: bounded, dropped, and the session lives."""

import asyncio
import time
from typing import Any

import pytest

from crypto import canonical, wire
from failover.events import ProbeEchoed, UplinkConnected, UplinkLost
from kit.events import ReceiptHeard, RefusalHeard
from kit.uplinks.session import QUEUE_MAX
from kit.uplinks.uplinks import REFUSAL_BYTES_MAX
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import BRANCH, ELECTION, PATIENCE_S, center, uplink

NESTED = b"[" * (REFUSAL_BYTES_MAX - 10)


async def test_outgoing_messages_pile_up(broker: MqttBroker) -> None:
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        up.relay.hole()
        for _ in range(20 * QUEUE_MAX):
            up.mqtt.publish("fibre", b"x" * 1000)
        envelopes = up.mqtt._sessions["fibre"]._queues[1]
        assert envelopes.qsize() <= QUEUE_MAX
        up.relay.heal()
        async with asyncio.timeout(PATIENCE_S):
            while envelopes.qsize():  # noqa: ASYNC110 - a queue sets no Event
                await asyncio.sleep(0.01)
        await up.echoes(5)


async def test_incoming_messages_pile_up(broker: MqttBroker) -> None:
    """Somebody floods the receipts while the kit is held up: what does not fit is dropped, and the session lives."""
    async with uplink(broker) as up, center(broker) as hub:
        up.connect()
        await up.until(UplinkConnected)
        waiting = up.mqtt._sessions["fibre"]._client._queue
        assert waiting.maxsize == QUEUE_MAX
        for number in range(2_000):
            hub._client.publish(wire.topic_receipt(ELECTION, BRANCH), f"{number:04}" * 250)
        time.sleep(0.1)  # noqa: ASYNC251 - the loop stands still, so that they come all at once
        sizes = [0]
        up.on_event = lambda: sizes.append(waiting.qsize())
        async with asyncio.timeout(PATIENCE_S):
            while not any(isinstance(event, ProbeEchoed) for event in up.events):
                up.mqtt.probe("fibre", len(sizes))  # an echo may be among what does not fit
                await asyncio.sleep(0.05)
        assert max(sizes) <= QUEUE_MAX
        heard = [event for event in up.events if isinstance(event, ReceiptHeard)]
        assert len(heard) < 2_000, "nothing was too much: this was no flood"
        assert not [event for event in up.events if isinstance(event, UplinkLost)]


async def test_probe_waits_for_the_acknowledgement_of_an_envelope(broker: MqttBroker) -> None:
    """A slow uplink that is busy with an envelope still answers probes, so it is not torn down in the middle."""
    async with uplink(broker) as up:
        up.connect()
        await up.until(UplinkConnected)
        client = up.mqtt._sessions["fibre"]._client
        publish = client.publish

        async def slowly(topic: str, payload: bytes, *, qos: int, **how: Any) -> None:
            await publish(topic, payload, qos=qos, **how)
            await asyncio.sleep(qos * 3_600)

        client.publish = slowly  # type: ignore[method-assign, assignment]
        up.mqtt.publish("fibre", b"an envelope")
        await up.echoes(1)
        assert not [event for event in up.events if isinstance(event, UplinkLost)]


@pytest.mark.parametrize(
    ("topic", "payload"),
    [
        (wire.topic_probe(ELECTION, BRANCH, "fibre"), b""),
        (wire.topic_probe(ELECTION, BRANCH, "fibre"), b"-1"),
        (wire.topic_probe(ELECTION, BRANCH, "fibre"), "٣".encode()),
        (wire.topic_probe(ELECTION, BRANCH, "fibre"), b"9" * 100),
        (wire.topic_receipt(ELECTION, BRANCH), b"\xff\xfe"),
        (wire.topic_receipt(ELECTION, BRANCH), b"x" * (wire.RECEIPT_MAX + 1)),
        (wire.topic_refusal(ELECTION, BRANCH), b"no JSON"),
        (wire.topic_refusal(ELECTION, BRANCH), b"[]"),
        (wire.topic_refusal(ELECTION, BRANCH), b'"text"'),
        (wire.topic_refusal(ELECTION, BRANCH), b'{"reason":"x"}'),
        (wire.topic_refusal(ELECTION, BRANCH), NESTED),
        (wire.topic_refusal(ELECTION, BRANCH), b"1" * 1_999),
        (wire.topic_refusal(ELECTION, BRANCH), b" " * (REFUSAL_BYTES_MAX + 1)),
    ],
    ids=lambda value: repr(value)[-30:],
)
async def test_centre_talks_nonsense(broker: MqttBroker, topic: str, payload: bytes) -> None:
    async with uplink(broker) as up, center(broker) as hub:
        up.connect()
        await up.until(UplinkConnected)
        await hub.publish(topic, payload)
        await up.echoes(4)
        assert up.events == [UplinkConnected("fibre"), ProbeEchoed("fibre", 4)]


@pytest.mark.parametrize("reason", ["\\ud800", "\\u0000", "x" * 1_500, "رأی"])
async def test_reason_of_a_refusal_cannot_be_journaled(broker: MqttBroker, reason: str) -> None:
    """Half a Unicode character in a hint would have ended the daemon, again and again."""
    payload = f'{{"envelope_sha256":"{"ab" * 32}","reason":"{reason}"}}'
    async with uplink(broker) as up, center(broker) as hub:
        up.connect()
        await up.until(UplinkConnected)
        await hub.publish(wire.topic_refusal(ELECTION, BRANCH), payload)
        await up.echoes(4)
        for event in up.events:
            if isinstance(event, RefusalHeard):
                canonical.encode([event.envelope_sha256, event.reason])
                assert len(event.reason) <= 400
