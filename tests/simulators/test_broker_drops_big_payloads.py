"""The demo broker carries the greatest envelope, or says at its start that it does not."""

import asyncio
import time
from collections.abc import Iterator

import aiomqtt
import pytest

from crypto.wire import MQTT_PAYLOAD_MAX, topic_envelope
from simulators.loopback.broker import BrokerError, MqttBroker


@pytest.fixture
def broker() -> Iterator[MqttBroker]:
    one = MqttBroker()
    yield one
    one.kill()


async def test_greatest_envelope_reaches_another_session_on_the_longest_topic(broker: MqttBroker) -> None:
    await broker.start()
    topic = topic_envelope("e" * 64, "b" * 64)
    payload = b"\xff" * MQTT_PAYLOAD_MAX
    async with aiomqtt.Client("127.0.0.1", broker.port) as center:
        await center.subscribe(topic, qos=1)
        async with aiomqtt.Client("127.0.0.1", broker.port) as kit:
            await kit.publish(topic, payload, qos=1)
        message = await asyncio.wait_for(anext(aiter(center.messages)), 5)
    assert message.payload == payload


async def test_limit_too_low_is_found_at_the_start() -> None:
    broker = MqttBroker(packet_max=20_480)
    began = time.monotonic()
    with pytest.raises(BrokerError, match=r"does not carry a payload of 196608 bytes .* now 20480"):
        await broker.start()
    assert not broker.is_running
    assert time.monotonic() - began < 5  # and not after a time-out


async def test_killed_broker_starts_again_on_its_port_with_nothing_remembered(broker: MqttBroker) -> None:
    await broker.start()
    port = broker.port
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.publish("a/b", b"kept", qos=1, retain=True)
    broker.kill()
    assert not broker.is_running
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    await broker.start()
    assert broker.port == port
    async with aiomqtt.Client("127.0.0.1", port) as client:
        await client.subscribe("a/b", qos=1)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(anext(aiter(client.messages)), 0.1)


async def test_taken_port_is_named() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    with pytest.raises(BrokerError, match=f"port {port} of 127.0.0.1 is taken"):
        await MqttBroker(port).start()
    server.close()
    await server.wait_closed()


async def test_stopping_is_idempotent_and_starting_too(broker: MqttBroker) -> None:
    broker.stop()
    await broker.start()
    await broker.start()
    port = broker.port
    broker.stop()
    broker.stop()
    broker.kill()
    assert not broker.is_running
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)


async def test_broker_does_not_outlive_whoever_started_it(broker: MqttBroker) -> None:
    await broker.start()
    process = broker._process
    assert process is not None
    assert process.stdin is not None
    process.stdin.close()  # what the death of the starter does
    assert await asyncio.to_thread(process.wait, 5) == 0
