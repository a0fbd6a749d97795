"""What the centre sends in large packets is swallowed on the way back, and all that the kit sends passes."""

import asyncio
from collections.abc import Iterator
from pathlib import Path as File

import pytest

from crypto import wire
from failover.events import UplinkConnected, UplinkLost
from kit.events import ReceiptHeard
from kit.tables.uplinks import UplinkTls
from kit.uplinks.gateway import Gateway
from tests.crypto.election_fixture import ELECTION
from tests.peers.certificates import Authority
from tests.peers.kit_edge import KitEdge, until
from tests.peers.mosquitto import Mosquitto
from tests.peers.namespaces import run
from tests.peers.two_ways import CENTRE, Ways, two_ways

pytestmark = pytest.mark.peer("mosquitto")
NAME = "broker.example"
PLAIN, TLS = 18_830, 18_832
LARGE = "x" * 5_000
PAUSE_S = 0.2  # until what may pass has passed: the kernel tells nobody
SHORT_MS = 400
"""A deadline of the critical window, nearly."""


@pytest.fixture
def ways() -> Iterator[Ways]:
    with two_ways() as it:
        # One packet for each segment, as in two_ways at the other end.
        with it.centre():
            run("ip", "link", "set", "kit1f", "gso_max_segs", "1")
        yield it


def swallow(*what: str) -> None:
    """From now on the branch's side of cable 1 drops so."""
    run("nft", "add", "table", "inet", "back")
    run("nft", "flush", "table", "inet", "back")
    run("nft", "add", "chain", "inet", "back", "came", "{ type filter hook prerouting priority -300; }")
    for rule in what:
        run("nft", "add", "rule", "inet", "back", "came", "iifname", '"kit1"', *rule.split())


async def test_receipt_never_passes(ways: Ways, tmp_path: File) -> None:
    """The envelope does, and the acknowledgement of it; then everything waits behind the receipt, in each session."""
    broker = Mosquitto(tmp_path, f"listener {PLAIN} {CENTRE}", port=PLAIN + 1)
    with ways.centre():
        await broker.start()
    try:
        gateway = Gateway(CENTRE, PLAIN, bound=True)
        async with KitEdge(PLAIN, uplinks=("fibre", "4g"), gateway=gateway) as kit:
            swallow("ip length > 700 drop")
            kit.uplinks.connect("4g", 2_000, ways.path(2))
            await until(lambda: kit.stands("4g") is True)
            for _ in range(2):
                assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
                await kit.probe()
                kit.uplinks.publish("fibre", bytes(3_000))  # is acknowledged
                kit.uplinks._send("4g", wire.topic_receipt(ELECTION, kit.branch), LARGE.encode(), 0)
                await asyncio.sleep(PAUSE_S)
                for nonce in (101, 102):
                    kit.uplinks.probe("fibre", nonce)
                await asyncio.sleep(PAUSE_S)
                came = any(event.uplink == "fibre" for event in kit.heard(ReceiptHeard))
                kit.uplinks.disconnect("fibre", "probes stay unanswered")
            assert came
            assert "536 bytes are used" in kit.notices()["segments"]
    finally:
        broker.kill()


@pytest.mark.parametrize(("deadline_ms", "mss", "passes"), [(SHORT_MS, 600, 620), (2_000, 1_200, 700)])
async def test_certificate_never_passes(
    ways: Ways, tmp_path: File, deadline_ms: int, mss: int, passes: int
) -> None:
    """TLS stands at the second try, and not never: where the certificate's end comes, and where nothing comes."""
    authority = Authority(tmp_path)
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME)
    certificate = authority.issue(NAME).for_mosquitto()
    broker = Mosquitto(tmp_path, f"listener {TLS} {CENTRE}", *certificate, port=TLS + 1)
    with ways.centre():
        await broker.start()
    try:
        async with KitEdge(TLS, gateway=Gateway(CENTRE, TLS, bound=True, tls=tls, mss=mss)) as kit:
            swallow(f"ip length > {passes} drop")
            assert isinstance(await kit.outcome(deadline_ms, path=ways.path(1)), UplinkLost)
            assert await kit.outcome(deadline_ms, path=ways.path(1)) == UplinkConnected("fibre")
            await kit.probe()
            assert "536 bytes are used" in kit.notices()["segments"]
    finally:
        broker.kill()
