"""The real centerd (aiomqtt, paho, SQLite) on virtual time: links fail, the broker crashes, the power goes."""

import asyncio
import contextlib
from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import pytest

import center.daemon
from center.config import Setup
from center.daemon import CenterDaemon
from center.intake.inbox import Inbox
from center.log.ledger import Ledger
from center.mqtt import MqttSession
from center.ports import CenterPorts, Delivery
from crypto import merkle, receipt
from crypto.codec import sha256_hex
from crypto.wire import topic_receipt
from simulators.virtual.disk import SimDisk
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import SimBroker
from simulators.virtual.net import Network, install
from simulators.virtual.trace import Trace
from tests.center.branch import WALL_MS, Device
from tests.crypto.election_fixture import ELECTION, Election, make_election

HOST, PORT = "broker.example", 1883
LEDGER = "ledger.db"
DAY_S = 3 * 3600.0
BRANCHES = 3


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(BRANCHES)


class BadWorld:
    """A broker, the centre on a disk that loses what was not synced, and branches that ask until they are answered."""

    def __init__(self, loop: VirtualLoop, election: Election) -> None:
        self.loop, self.election = loop, election
        self.network = Network(loop)
        self.broker = SimBroker(self.network)
        self.broker.listen(HOST, PORT)
        self.center_link = self.network.add_link("center", host=HOST, port=PORT, node="center")
        self.branch_link = self.network.add_link("branches", host=HOST, port=PORT, node="branches")
        self.disk = SimDisk(seed=loop.seed, name="center")
        self.receipts: list[str] = []
        self.daemon: CenterDaemon | None = None
        self.stopped_at: float | None = None
        devices = [Device(election, branch.id) for branch in election.manifest.branches]
        self.outbox = [
            (device.topic, make()) for device in devices for make in (device.account, device.tally)
        ]
        self.by_hash = {sha256_hex(data): data for _, data in self.outbox}

    def start_center(self) -> None:
        ports = CenterPorts(
            wall_ms=lambda: WALL_MS + int(self.loop.time() * 1000),
            lock=lambda _: lambda: None,
            notify=lambda _: None,
            session=MqttSession,
            vfs=self.disk.vfs_name,
            exclusive_locking=True,
        )
        setup = Setup(
            Path("/nowhere"), LEDGER, self.election.loaded, self.election.log, HOST, PORT, "centerd"
        )
        self.loop.spawn("center", self._run(setup, ports))

    async def _run(self, setup: Setup, ports: CenterPorts) -> None:
        self.daemon = CenterDaemon(setup, ports)
        await self.daemon.run()
        self.stopped_at = self.loop.time()

    def pull_the_plug(self) -> None:
        self.disk.cut()
        self.loop.kill("center")
        self.disk.power_on()

    def owed(self) -> list[tuple[str, bytes]]:
        held = {receipt.envelope_sha256_of(text) for text in self.receipts}
        return [(topic, data) for topic, data in self.outbox if sha256_hex(data) not in held]

    async def branches(self) -> None:
        """Publish what is owed every 20 s, on whatever session there is."""
        while self.owed():
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(HOST, PORT, identifier="branches", keepalive=10) as client:
                    await client.subscribe(topic_receipt(ELECTION, "+"), qos=0)
                    listener = asyncio.create_task(self._listen(client))
                    try:
                        while self.owed():
                            for topic, data in self.owed():
                                await client.publish(topic, data, qos=1)
                            await asyncio.sleep(20)
                    finally:
                        listener.cancel()
            await asyncio.sleep(5)

    async def _listen(self, client: aiomqtt.Client) -> None:
        with contextlib.suppress(aiomqtt.MqttError):
            async for message in client.messages:
                self.receipts.append(bytes(message.payload).decode())

    def check(self) -> None:
        """Everything is delivered, every receipt ever seen verifies, and the log has only grown."""
        assert not self.owed()
        self.pull_the_plug()
        ledger = Ledger.open_to_read(LEDGER, vfs=self.disk.vfs_name, exclusive=True)
        entries = list(ledger.entries())
        ledger.close()
        assert sorted(entry.data for entry in entries) == sorted(data for _, data in self.outbox)
        tree = merkle.Tree([merkle.leaf_hash(entry.data) for entry in entries])
        manifest = self.election.loaded
        for text in self.receipts:
            data = self.by_hash[receipt.envelope_sha256_of(text)]
            policy = manifest.manifest.witness_policy
            found = receipt.verify(text, data, log=manifest.log_verifier, policy=policy)
            proof = tree.consistency(found.size)
            merkle.verify_consistency(found.size, tree.size, proof, found.root, tree.root())


@contextlib.contextmanager
def bad_world(election: Election, seed: int) -> Iterator[BadWorld]:
    with VirtualLoop(seed=seed, trace=Trace(tail=200)) as loop:
        world = BadWorld(loop, election)
        with install(loop, world.network):
            world.start_center()
            loop.spawn("branches", world.branches())
            yield world
        world.disk.close()


@pytest.mark.parametrize("seed", range(3))
def test_links_that_flap_lose_nothing(election: Election, seed: int) -> None:
    with bad_world(election, seed) as world:
        world.center_link.flap(up_s=(1, 60), out_s=(1, 60))
        world.branch_link.flap(up_s=(1, 60), out_s=(1, 60), fault="blackhole")
        world.loop.run_for(600)
        world.center_link.up()
        world.branch_link.up()
        world.loop.run_for(300)
        world.check()


@pytest.mark.parametrize("seed", range(3))
def test_plug_pulled_again_and_again_breaks_no_receipt(election: Election, seed: int) -> None:
    with bad_world(election, seed) as world:
        draw = world.loop.stream("plug")
        for _ in range(8):
            world.loop.run_for(draw.uniform(0.5, 40))
            world.pull_the_plug()
            world.loop.run_for(draw.uniform(0, 5))
            world.start_center()
        world.loop.run_for(300)
        world.check()


@pytest.mark.parametrize("seed", range(4))
def test_power_cut_in_the_middle_of_a_write_breaks_no_receipt(election: Election, seed: int) -> None:
    with bad_world(election, seed) as world:
        world.disk.on_cut = lambda: world.loop.kill("center")
        draw = world.loop.stream("cut")
        for _ in range(10):
            world.disk.cut_after(draw.randint(1, 60))
            world.loop.run_for(90)
            if not world.disk.on:
                world.disk.power_on()
                world.start_center()
        assert world.disk.cuts >= 1
        world.loop.run_for(300)
        world.check()


def test_broker_that_crashes_is_found_again(election: Election) -> None:
    with bad_world(election, 1) as world:
        for _ in range(5):
            world.loop.run_for(7)
            world.broker.crash(restart_after_s=3)
        world.loop.run_for(300)
        assert "centerd" in world.broker.clients()
        world.check()


def test_blackhole_is_noticed_and_left(election: Election) -> None:
    with bad_world(election, 2) as world:
        world.loop.run_for(30)
        world.center_link.blackhole()
        world.loop.run_for(120)
        world.center_link.up()
        world.loop.run_for(60)
        assert "centerd" in world.broker.clients()
        world.check()


def test_flood_that_does_not_fit_stays_with_the_broker(
    election: Election, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused: list[int] = []

    class TinyInbox(Inbox):
        def push(self, delivery: Delivery) -> bool:
            taken = len(self._queue) < 2 and super().push(delivery)
            if not taken:
                refused.append(delivery.mid)
            return taken

    monkeypatch.setattr(center.daemon, "Inbox", TinyInbox)
    with bad_world(election, 4) as world:
        # The centre's session stands and is cut; meanwhile all branches publish; then all comes at once.
        world.branch_link.down()
        world.center_link.latency_s = (0.05, 0.05)
        world.loop.run_for(30)
        world.center_link.down()
        world.branch_link.up()
        world.loop.run_for(30)
        world.center_link.up()
        world.loop.run_for(300)
        assert refused
        world.check()


@pytest.mark.parametrize("out", ["blackhole", "down", "up"])
def test_stop_is_prompt_whatever_the_link_does(election: Election, out: str) -> None:
    with bad_world(election, 3) as world:
        world.loop.run_for(10)
        getattr(world.center_link, out)()
        world.loop.run_for(1)
        assert world.daemon is not None
        asked_at = world.loop.time()
        world.daemon.stop()
        world.loop.run_for(60)
        assert world.stopped_at is not None
        assert world.stopped_at - asked_at < 10
        world.center_link.up()
        world.start_center()
        world.loop.run_for(120)
        world.check()


def test_same_seed_same_trace(election: Election) -> None:
    digests = []
    for _ in range(2):
        with bad_world(election, 5) as world:
            world.center_link.flap(up_s=(1, 20), out_s=(1, 20))
            world.loop.run_for(300)
            digests.append(world.loop.trace.hexdigest())
    assert digests[0] == digests[1]
