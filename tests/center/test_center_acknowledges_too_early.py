"""The broker may forget a message only after the commit; whatever fails before that, nothing is acknowledged."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import center.intake.inbox
from center.config import Setup
from center.daemon import BATCH_MAX, CenterDaemon
from center.errors import LedgerError
from center.intake.inbox import Inbox
from center.log.ledger import Ledger
from center.ports import CenterPorts, Delivery, SessionSettings, Sink
from crypto import receipt
from crypto.codec import sha256_hex
from simulators.virtual.disk import SimDisk
from tests.center.branch import WALL_MS, Device
from tests.crypto.election_fixture import Election, make_election

LEDGER = "ledger.db"


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(3)


class FakeSession:
    """A broker that notes what is acknowledged, and what was durable at that moment."""

    def __init__(self, settings: SessionSettings, sink: Sink, disk: SimDisk) -> None:
        self.settings, self.sink, self.disk = settings, sink, disk
        self.acknowledged: list[int] = []
        self.durable_then: list[int] = []
        self.sent: list[tuple[str, bytes]] = []
        self.up = True
        self.failure: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def run(self) -> None:
        await self.failure

    def deliver(self, mid: int, topic: str, payload: bytes) -> bool:
        return self.sink(Delivery(topic, payload, session=1, mid=mid, qos=1))

    def acknowledge(self, delivery: Delivery) -> None:
        self.acknowledged.append(delivery.mid)
        self.durable_then.append(self.disk.operations)

    async def send(self, topic: str, payload: bytes) -> bool:
        if self.up:
            self.sent.append((topic, payload))
        return self.up


class Bench:
    """A daemon between a fake broker and a simulated disk, in real time."""

    def __init__(self, election: Election) -> None:
        self.disk = SimDisk(seed=1)
        self.notified: list[str] = []
        self.released = 0
        self.session: FakeSession | None = None
        ports = CenterPorts(
            wall_ms=lambda: WALL_MS,
            lock=lambda _: self._release,
            notify=self.notified.append,
            session=self._session,
            vfs=self.disk.vfs_name,
            exclusive_locking=True,
            watchdog_ms=100,
        )
        setup = Setup(Path("/nowhere"), LEDGER, election.loaded, election.log, "host", 1, "centerd")
        self.daemon = CenterDaemon(setup, ports)
        self.task = asyncio.create_task(self.daemon.run())

    async def up(self) -> FakeSession:
        await until(lambda: "READY=1" in self.notified)
        assert self.session is not None
        return self.session

    def _session(self, settings: SessionSettings, sink: Sink) -> FakeSession:
        self.session = FakeSession(settings, sink, self.disk)
        return self.session

    def _release(self) -> None:
        self.released += 1


async def until(reached: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not reached():  # noqa: ASYNC110 - the daemon tells nobody else
            await asyncio.sleep(0.002)


async def test_acknowledged_in_order_after_the_commit(election: Election) -> None:
    bench = Bench(election)
    session = await bench.up()
    device = Device(election, "branch-1")
    before = bench.disk.operations
    for mid, data in enumerate([device.account(), b"junk", device.tally()], 1):
        assert session.deliver(mid, device.topic, data)
    await until(lambda: len(session.sent) == 3)
    assert session.acknowledged == [1, 2, 3]
    assert min(session.durable_then) > before
    bench.daemon.stop()
    await bench.task
    bench.disk.cut("drop")  # only what was synced stays
    bench.disk.power_on()
    ledger = Ledger.open_to_read(LEDGER, vfs=bench.disk.vfs_name, exclusive=True)
    assert ledger.counts().verified == 2
    ledger.close()
    bench.disk.close()


@pytest.mark.parametrize("fault", ["sync", "full"])
async def test_nothing_is_acknowledged_when_the_disk_fails(election: Election, fault: str) -> None:
    bench = Bench(election)
    session = await bench.up()
    device = Device(election, "branch-1")
    if fault == "sync":
        bench.disk.faults = replace(bench.disk.faults, sync_eio=1.0)
    else:
        bench.disk.fill()
    session.deliver(1, device.topic, device.account())
    with pytest.raises(LedgerError):
        await bench.task
    assert session.acknowledged == []
    assert session.sent == []
    assert bench.notified[-1] == "STOPPING=1"
    assert bench.released == 1
    bench.disk.close()


async def test_lost_session_drops_replies_but_not_the_centre(election: Election) -> None:
    bench = Bench(election)
    session = await bench.up()
    device = Device(election, "branch-1")
    data = device.account()
    session.up = False
    session.deliver(1, device.topic, data)
    await until(lambda: session.acknowledged == [1])
    session.up = True
    session.deliver(2, device.topic, data)  # asked for again, the receipt comes
    await until(lambda: len(session.sent) == 1)
    assert receipt.envelope_sha256_of(session.sent[0][1].decode()) == sha256_hex(data)
    bench.daemon.stop()
    await bench.task
    bench.disk.close()


async def test_session_that_breaks_takes_the_centre_down_loudly(election: Election) -> None:
    bench = Bench(election)
    session = await bench.up()
    session.failure.set_exception(RuntimeError("a bug in the edge"))
    with pytest.raises(RuntimeError, match="a bug in the edge"):
        await bench.task
    assert bench.released == 1
    bench.disk.close()


async def test_watchdog_is_fed_when_nothing_happens(election: Election) -> None:
    bench = Bench(election)
    await until(lambda: bench.notified.count("WATCHDOG=1") >= 3)
    bench.daemon.stop()
    await bench.task
    assert bench.notified[0] == "READY=1"
    assert bench.notified[-1] == "STOPPING=1"
    bench.disk.close()


async def test_inbox_is_bounded_in_messages_and_in_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(center.intake.inbox, "INBOX_MAX", 3)
    monkeypatch.setattr(center.intake.inbox, "INBOX_BYTES_MAX", 100)
    inbox = Inbox()
    small = Delivery("t", b"x", 1, 1, 1)
    big = Delivery("t", b"x" * 99, 1, 1, 1)
    assert inbox.push(small)
    assert inbox.push(big)
    assert not inbox.push(small)
    assert await inbox.take(count_max=9, wait_ms=1, idle_ms=1) == [small, big]
    assert [inbox.push(small) for _ in range(4)] == [True, True, True, False]


async def test_batch_is_bounded_and_gathered_only_briefly() -> None:
    inbox = Inbox()
    loop = asyncio.get_running_loop()
    for mid in range(BATCH_MAX + 1):
        inbox.push(Delivery("t", b"", 1, mid, 1))
    began = loop.time()
    batch = await inbox.take(count_max=BATCH_MAX, wait_ms=60_000, idle_ms=60_000)
    assert [delivery.mid for delivery in batch] == list(range(BATCH_MAX))
    assert [d.mid for d in await inbox.take(count_max=BATCH_MAX, wait_ms=10, idle_ms=60_000)] == [BATCH_MAX]
    assert await inbox.take(count_max=BATCH_MAX, wait_ms=10, idle_ms=10) == []
    loop.call_later(0.01, inbox.wake)
    assert await inbox.take(count_max=BATCH_MAX, wait_ms=10, idle_ms=60_000) == []
    assert loop.time() - began < 30
