"""Real MQTT sessions over a relay that swallows bytes, to a broker that dies, from a centre that talks nonsense."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import psutil
import pytest

from crypto import canonical, wire
from kit import mqtt
from kit.events import Event, ProbeEchoed, ReceiptHeard, RefusalHeard, UplinkConnected, UplinkLost
from kit.mqtt import QUEUE_MAX, REFUSAL_BYTES_MAX, Gateway, MqttUplinks
from simulators.broker import MqttBroker
from simulators.relay import Relay

ELECTION, BRANCH = "councils-7", "branch-1"
DEADLINE_MS = 400
PATIENCE_S = 5.0
NESTED = b"[" * (REFUSAL_BYTES_MAX - 10)


@pytest.fixture(scope="module")
def broker() -> Iterator[MqttBroker]:
    """One broker for all tests of this file; who kills it starts it again."""
    made = MqttBroker()
    asyncio.run(made.start())
    yield made
    made.stop()


class Quiet:
    """A log that is a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def _note(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    info = warning = error = exception = _note


class Uplink:
    """One uplink called "fibre" through a relay, and the list of what it said."""

    def __init__(self, port: int) -> None:
        self.relay = Relay("127.0.0.1", port)
        self.events: list[Event] = []
        self.log = Quiet()
        self._port = port
        self.on_event: Callable[[], object] = lambda: None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        await self.relay.start()
        self.mqtt = MqttUplinks(
            {"fibre": Gateway("127.0.0.1", self.relay.port)},
            election=ELECTION,
            branch=BRANCH,
            post=self._post,
            log=self.log,
        )

    def _post(self, event: Event) -> None:
        self.events.append(event)
        self.on_event()
        self._changed.set()

    def connect(self, deadline_ms: int = DEADLINE_MS) -> None:
        self.mqtt.connect("fibre", deadline_ms)

    async def until(self, *kinds: type[Event], count: int = 1) -> Any:
        """Wait for the n-th event of a kind; returns it."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                found = [event for event in self.events if isinstance(event, kinds)]
                if len(found) >= count:
                    return found[count - 1]
                self._changed.clear()
                await self._changed.wait()

    async def echoes(self, nonce: int) -> None:
        """The session works: a probe comes back."""
        self.mqtt.probe("fibre", nonce)
        async with asyncio.timeout(PATIENCE_S):
            while ProbeEchoed("fibre", nonce) not in self.events:
                self._changed.clear()
                await self._changed.wait()

    def sockets(self) -> int:
        """Sockets of ours that lead to the relay."""
        connections = psutil.Process().net_connections("tcp")
        return sum(1 for one in connections if one.raddr and one.raddr.port == self.relay.port)

    async def no_sockets(self) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while self.sockets():  # noqa: ASYNC110 - the kernel sets no Event
                await asyncio.sleep(0.02)


@asynccontextmanager
async def uplink(broker: MqttBroker) -> AsyncIterator[Uplink]:
    made = Uplink(broker.port)
    await made.start()
    try:
        yield made
    finally:
        made.relay.heal()
        await made.mqtt.close()
        await made.relay.close()
        await asyncio.sleep(0.02)


@asynccontextmanager
async def center(broker: MqttBroker) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", broker.port) as client:
        yield client


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
    monkeypatch.setattr(mqtt, "PUBLISH_TIMEOUT_S", 0.2)
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


# --- storms and nonsense --------------------------------------------------------------------------


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
