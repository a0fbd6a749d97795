"""kill -9, restarts, a broker that dies: with real processes, no receipt is ever broken and no envelope is lost."""

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import aiomqtt
import iotcore
import pytest

from crypto import receipt
from crypto.codec import sha256_hex
from crypto.wire import topic_receipt
from tests.center.branch import Device
from tests.center.ledger_check import check_ledger
from tests.center.site import Site, ran
from tests.crypto.election_fixture import ELECTION, Election, make_election

BRANCHES = 30


@pytest.fixture(scope="module")
def election() -> Election:
    return make_election(BRANCHES)


@pytest.fixture
def site(tmp_path: Path, election: Election) -> Iterator[Site]:
    site = Site(tmp_path, election)
    site.start_broker()
    yield site
    site.close()


class Branches:
    """All branches behind one client: publish, and publish again until a verified receipt is there."""

    def __init__(self, election: Election) -> None:
        self.election = election
        devices = [Device(election, branch.id) for branch in election.manifest.branches]
        self.outbox = [
            (device.topic, data) for device in devices for data in (device.account(), device.tally())
        ]
        self._by_hash = {sha256_hex(data): data for _, data in self.outbox}
        self.receipts: list[str] = []
        self._heard = asyncio.Event()

    def owed(self) -> list[tuple[str, bytes]]:
        held = {receipt.envelope_sha256_of(text) for text in self.receipts}
        return [(topic, data) for topic, data in self.outbox if sha256_hex(data) not in held]

    def holds(self, count: int) -> bool:
        return len(self.receipts) >= count

    def verify(self, text: str) -> receipt.Receipt:
        manifest = self.election.loaded
        data = self._by_hash[receipt.envelope_sha256_of(text)]
        policy = manifest.manifest.witness_policy
        return receipt.verify(text, data, log=manifest.log_verifier, policy=policy)

    async def send_until(self, port: int, enough: Callable[[], bool], pause_s: float = 0.3) -> None:
        """Publish what is owed, again and again, until ``enough``."""
        async with (
            asyncio.timeout(20),
            aiomqtt.Client("127.0.0.1", port, identifier="branches", max_inflight_messages=200) as client,
        ):
            await client.subscribe(topic_receipt(ELECTION, "+"))
            listener = asyncio.create_task(self._listen(client))
            try:
                while not enough():
                    for topic, data in self.owed():
                        client._client.publish(topic, data, qos=1)
                    await self._pause(enough, pause_s)
            finally:
                listener.cancel()
                with pytest.raises(asyncio.CancelledError):
                    await listener

    async def _listen(self, client: aiomqtt.Client) -> None:
        async for message in client.messages:
            self.receipts.append(message.payload.decode())
            self._heard.set()

    async def _pause(self, enough: Callable[[], bool], pause_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause_s):
                while not enough():
                    self._heard.clear()
                    await self._heard.wait()


def check(site: Site, branches: Branches) -> None:
    receipts = [branches.verify(text) for text in branches.receipts]
    check_ledger(site.state_dir, site.election, (data for _, data in branches.outbox), receipts)


async def test_killed_mid_stream_breaks_no_receipt_and_loses_no_envelope(site: Site) -> None:
    branches = Branches(site.election)
    for life in range(1, 4):
        site.start_centerd()
        wanted = life * len(branches.outbox) // 4
        await branches.send_until(site.port, partial(branches.holds, wanted))
        site.kill_centerd()
    site.start_centerd()
    await branches.send_until(site.port, lambda: not branches.owed())
    assert site.stop_centerd() == 0
    check(site, branches)
    code, out, _ = ran("center", "status", "--state-dir", site.state_dir)
    assert code == 0
    assert re.search(rf"verified +{len(branches.outbox)} ", out)


async def test_broker_that_dies_and_comes_back_is_found_again(site: Site) -> None:
    branches = Branches(site.election)
    site.start_centerd()
    await branches.send_until(site.port, lambda: len(branches.receipts) >= 10)
    site.stop_broker()
    site.await_log("broker-lost")
    site.start_broker()
    site.await_log("broker-connected", 2)
    await branches.send_until(site.port, lambda: not branches.owed())
    assert site.stop_centerd() == 0
    check(site, branches)


async def test_sigterm_mid_stream_stops_cleanly(site: Site) -> None:
    branches = Branches(site.election)
    site.start_centerd(WATCHDOG_USEC="200000")
    site.await_notification("WATCHDOG=1")

    await branches.send_until(site.port, lambda: len(branches.receipts) >= 5)
    assert site.stop_centerd() == 0
    site.await_notification("STOPPING=1")
    site.start_centerd()
    await branches.send_until(site.port, lambda: not branches.owed())
    assert site.stop_centerd() == 0
    check(site, branches)


def test_second_centerd_on_one_state_directory_is_refused(site: Site) -> None:
    site.start_centerd()
    assert site.centerd is not None
    code, _, err = ran("centerd", "--config", site.config)
    assert code == 73
    assert f"another centerd (process {site.centerd.pid}) is running" in err
    # The first one never noticed, and after its death the lock is free.
    assert site.centerd.poll() is None
    site.kill_centerd()
    site.start_centerd()
    assert site.stop_centerd() == 0


def test_centerd_without_a_broker_waits_and_still_stops(tmp_path: Path, election: Election) -> None:
    site = Site(tmp_path, election)
    try:
        site.start_centerd()
        site.await_log("broker-lost", 2)
        assert site.stop_centerd() == 0
    finally:
        site.close()


def test_broker_that_cannot_carry_the_greatest_envelope_is_named(tmp_path: Path, election: Election) -> None:
    site = Site(tmp_path, election)
    with iotcore.Broker(port=site.port, listen="127.0.0.1"):  # its default limit is 20,473 bytes
        try:
            site.start_centerd()
            line = site.await_log("broker-payload-limit")
            assert line["needed_bytes"] == 196_608
        finally:
            site.close()
