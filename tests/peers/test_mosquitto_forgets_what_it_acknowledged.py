"""A broker's acknowledgement means nothing: whatever it forgets, drops or never had arrives all the same, once."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

import center.mqtt
from center.mqtt import MqttSession
from center.ports import Delivery, SessionSettings
from crypto.wire import ENVELOPE_MAX, MQTT_PAYLOAD_MAX
from tests.center.branch import Device
from tests.center.ledger_check import check_ledger
from tests.center.site import Site
from tests.crypto.election_fixture import Election, make_election
from tests.peers.kit_edge import PATIENCE_S, Kit, KitEdge, until
from tests.peers.mosquitto import HOST, INFLIGHT_MAX, Mosquitto
from tests.running import end

pytestmark = pytest.mark.peer("mosquitto")

BRANCHES = 6


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(BRANCHES)


@pytest.fixture
def site(tmp_path: Path, election: Election) -> Iterator[Site]:
    one = Site(tmp_path, election)
    yield one
    one.close()


def kits_of(site: Site) -> list[Kit]:
    devices = [Device(site.election, branch.id) for branch in site.election.manifest.branches]
    return [
        Kit(site.election, site.port, device.branch, [device.account(), device.tally()]) for device in devices
    ]


async def close(kits: list[Kit]) -> None:
    await asyncio.gather(*(kit.uplinks.close() for kit in kits))


def acknowledged(broker: Mosquitto) -> int:
    """PUBACKs that kits got for their envelopes."""
    return broker.said().count("Sending PUBACK to kit-")


async def all_acknowledged_while_the_centre_is_away(broker: Mosquitto, site: Site, kits: list[Kit]) -> None:
    """The broker knows the centre's session, and says to every kit that it has taken its envelopes."""
    await broker.start()
    site.start_centerd()
    site.await_log("broker-connected")
    assert site.stop_centerd() == 0
    await asyncio.gather(*(kit.connect() for kit in kits))
    for kit in kits:
        kit.send()
    await until(lambda: acknowledged(broker) == sum(len(kit.envelopes) for kit in kits))


def check_all(site: Site, kits: list[Kit]) -> None:
    envelopes = [data for kit in kits for data in kit.envelopes]
    check_ledger(site.state_dir, site.election, envelopes, [one for kit in kits for one in kit.receipts()])


async def test_killed_broker_had_acknowledged_and_kept_nothing(tmp_path: Path, site: Site) -> None:
    broker, kits = Mosquitto(tmp_path, port=site.port), kits_of(site)
    try:
        await all_acknowledged_while_the_centre_is_away(broker, site, kits)
        broker.kill()  # long before its autosave, which is every half hour
        await broker.start()
        site.start_centerd()
        site.await_log("broker-connected", 2)
        # The first to be sent again becomes the first leaf: of all that was acknowledged, nothing reached the centre.
        await kits[0].deliver()
        assert {shown.index for shown in kits[0].receipts()} == {0, 1}
        await asyncio.gather(*(kit.deliver() for kit in kits))
        assert site.stop_centerd() == 0
        check_all(site, kits)
    finally:
        await close(kits)
        broker.kill()


async def test_broker_with_a_full_queue_acknowledges_what_it_drops(tmp_path: Path, site: Site) -> None:
    broker, kits = Mosquitto(tmp_path, "max_queued_messages 3", port=site.port), kits_of(site)
    try:
        await all_acknowledged_while_the_centre_is_away(broker, site, kits)
        assert "Outgoing messages are being dropped for client centerd." in broker.said()
        site.start_centerd()
        await until(lambda: any(kit.receipts() for kit in kits))
        assert any(kit.owed() for kit in kits)
        await asyncio.gather(*(kit.deliver() for kit in kits))
        assert site.stop_centerd() == 0
        check_all(site, kits)
    finally:
        await close(kits)
        broker.kill()


async def test_broker_killed_again_and_again_while_everybody_talks(tmp_path: Path, site: Site) -> None:
    broker, kits = Mosquitto(tmp_path, port=site.port), kits_of(site)
    try:
        await broker.start()
        site.start_centerd()
        delivering = asyncio.gather(*(kit.deliver(0.05) for kit in kits))
        for _ in range(3):
            await asyncio.sleep(0.15)
            broker.kill()
            await broker.start()
        await delivering
        assert site.stop_centerd() == 0
        check_all(site, kits)
    finally:
        await close(kits)
        broker.kill()


# --- the centre's own edge -----------------------------------------------------------------------------------------


class CenterEdge:
    """``center.mqtt.MqttSession`` with a sink that keeps everything, until told to be full."""

    def __init__(self, port: int, probe_topic: str | None = None) -> None:
        self.taken: list[Delivery] = []
        self.room = 1_000
        settings = SessionSettings(HOST, port, "centerd", "kit/v1/+/+/envelope", probe_topic)
        self.session = MqttSession(settings, self._take)
        self._task = asyncio.create_task(self.session.run())

    @property
    def payloads(self) -> list[bytes]:
        return [delivery.payload for delivery in self.taken]

    async def take_and_acknowledge(self, count: int) -> None:
        """Acknowledge everything taken, once, until there are ``count``."""
        done = 0
        async with asyncio.timeout(PATIENCE_S):
            while len(self.taken) < count:
                for delivery in self.taken[done:]:
                    self.session.acknowledge(delivery)
                done = len(self.taken)
                await asyncio.sleep(0.01)

    def end_session(self) -> None:
        assert self.session._client is not None
        self.session._client._client.disconnect()

    async def close(self) -> None:
        await end(self._task)

    def _take(self, delivery: Delivery) -> bool:
        if len(self.taken) >= self.room:
            return False
        self.taken.append(delivery)
        return True


@pytest.fixture
async def broker(tmp_path: Path) -> AsyncIterator[Mosquitto]:
    one = Mosquitto(tmp_path)
    await one.start()
    yield one
    one.kill()


@pytest.fixture
async def kit(broker: Mosquitto) -> AsyncIterator[KitEdge]:
    async with KitEdge(broker.port) as one:
        await one.connect()
        yield one


async def subscribed(broker: Mosquitto, times: int = 1) -> None:
    await until(lambda: broker.said().count("Sending SUBACK to centerd") >= times)


MESSAGES = [b"%d" % number for number in range(2 * INFLIGHT_MAX + 2)]


async def publish_all(broker: Mosquitto, kit: KitEdge) -> None:
    for message in MESSAGES:
        kit.uplinks.publish("fibre", message)
    await until(lambda: acknowledged(broker) == len(MESSAGES))


async def test_nothing_is_acknowledged_before_the_centre_says_so(broker: Mosquitto, kit: KitEdge) -> None:
    edge = CenterEdge(broker.port)
    await subscribed(broker)
    await publish_all(broker, kit)
    await until(lambda: len(edge.taken) == INFLIGHT_MAX)
    await asyncio.sleep(0.1)
    assert edge.payloads == MESSAGES[:INFLIGHT_MAX]  # the broker waits for us
    assert "Received PUBACK from centerd" not in broker.said()
    for delivery in edge.taken[:2]:
        edge.session.acknowledge(delivery)
    # At least two more: where it has caught its breath, this broker sends beyond its own window.
    await until(lambda: len(edge.taken) >= INFLIGHT_MAX + 2)

    first = edge.taken.copy()
    edge.taken.clear()
    edge.end_session()
    # All but the two come again, in the same order; what is acknowledged out of the old session means nothing.
    await until(lambda: len(edge.taken) >= INFLIGHT_MAX)
    for delivery in first:
        edge.session.acknowledge(delivery)
    await edge.take_and_acknowledge(len(MESSAGES) - 2)
    assert edge.payloads == MESSAGES[2:]
    await edge.close()


async def test_inbox_that_is_full_gets_the_rest_later(
    broker: Mosquitto, kit: KitEdge, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(center.mqtt, "FULL_PAUSE_S", 0.05)
    edge = CenterEdge(broker.port)
    edge.room = 3
    await subscribed(broker)
    await publish_all(broker, kit)
    await until(lambda: len(edge.taken) == 3)
    edge.room = 1_000
    await edge.take_and_acknowledge(len(MESSAGES))
    assert edge.payloads == MESSAGES
    await edge.close()


async def test_greatest_envelope_reaches_the_centre_and_the_probe_is_content(
    broker: Mosquitto, kit: KitEdge
) -> None:
    envelope = b"\xff" * ENVELOPE_MAX
    with capture_logs() as logs:
        edge = CenterEdge(broker.port, "kit/v1/e/centerd/probe/payload-limit")
        await until(lambda: edge.session._probe_echoed)
        kit.uplinks.publish("fibre", envelope)
        await until(lambda: edge.payloads == [envelope])
        await edge.close()
    assert [entry["event"] for entry in logs] == ["broker-connected"]


@pytest.mark.parametrize("limit", ["message_size_limit", "max_packet_size"])
async def test_limit_that_is_too_low_is_named_whether_the_broker_hangs_up_or_keeps_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    monkeypatch.setattr(center.mqtt, "PROBE_TIMEOUT_S", 0.3)
    broker = Mosquitto(tmp_path, f"{limit} {MQTT_PAYLOAD_MAX - 1}")
    await broker.start()
    try:
        with capture_logs() as logs:
            edge = CenterEdge(broker.port, "kit/v1/e/centerd/probe/payload-limit")
            await until(lambda: any(entry["event"] == "broker-payload-limit" for entry in logs))
            await edge.close()
        (complaint,) = [entry for entry in logs if entry["log_level"] == "error"]
        assert complaint["needed_bytes"] == MQTT_PAYLOAD_MAX
    finally:
        broker.kill()


async def test_oversized_envelope_is_acknowledged_and_dropped(tmp_path: Path) -> None:
    """Why the limit is probed at all: no kit could tell from the acknowledgement."""
    broker = Mosquitto(tmp_path, f"message_size_limit {ENVELOPE_MAX - 1}")
    await broker.start()
    try:
        edge = CenterEdge(broker.port)
        await subscribed(broker)
        async with KitEdge(broker.port) as kit:
            await kit.connect()
            kit.uplinks.publish("fibre", bytes(ENVELOPE_MAX))
            kit.uplinks.publish("fibre", b"small")
            await until(lambda: acknowledged(broker) == 2)
        await until(lambda: bool(edge.taken))
        assert edge.payloads == [b"small"]
        await edge.close()
    finally:
        broker.kill()
