"""What we say went over the air, against what nftables counted on the cable: bytes of IP, both ways."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path as File
from typing import Any, Final

import pytest

from crypto import wire
from failover.events import TrafficCounted, UplinkConnected, UplinkLost
from kit.tables.uplinks import UplinkTls
from kit.uplinks.gateway import Gateway
from tests.crypto.election_fixture import ELECTION
from tests.kit.dns_server import dns_server
from tests.peers.certificates import Authority
from tests.peers.kit_edge import KitEdge, until
from tests.peers.namespaces import run
from tests.peers.two_ways import CENTRE, CENTRE_6, PORT, Ways, edge, two_ways

pytestmark = pytest.mark.peer("mosquitto")
NAME: Final = "broker.example"
TLS = 18_832
REST_S: Final = 0.15  # until the last FIN is answered
SEGMENTS: Final = 2 * 52  # bytes: whether an acknowledgement went alone, nobody knows before it did
_COUNTERS: Final = """\
table inet air {
  counter sent { }
  counter came { }
  chain sent { type filter hook postrouting priority 300; oifname "kit1" meta l4proto { tcp, udp } counter name sent; }
  chain came { type filter hook prerouting priority -300; iifname "kit1" meta l4proto { tcp, udp } counter name came; }
}
"""
Tls = Callable[[], UplinkTls]


@pytest.fixture
def ways() -> Iterator[Ways]:
    with two_ways() as it:
        with it.centre():
            run("ip", "link", "set", "kit1f", "gso_max_segs", "1")  # one packet for each segment
        run("nft", "-f", "-", said=_COUNTERS)
        yield it


def on_the_cable() -> int:
    """Bytes so far, both ways."""
    told: dict[str, Any] = json.loads(run("nft", "-j", "list", "counters", "table", "inet", "air"))
    return sum(each["counter"]["bytes"] for each in told["nftables"] if "counter" in each)


def said(kit: KitEdge) -> int:
    return sum(event.size for event in kit.heard(TrafficCounted))


def with_tls(authority: Authority | None) -> list[str]:
    """Lines of mosquitto.conf(5); none where the broker speaks no TLS."""
    if authority is None:
        return []
    certificate = authority.issue(NAME).for_mosquitto()
    return [f"listener {TLS} {CENTRE}", *certificate, f"listener {TLS} {CENTRE_6}", *certificate]


async def end(kit: KitEdge) -> None:
    """Let the session go, and everything that is still to be said about it."""
    kit.uplinks.disconnect("fibre", "the test is over")
    await asyncio.gather(*kit.uplinks._tasks)
    await asyncio.sleep(REST_S)


def gateway_of(host: str, authority: Authority | None, **more: Any) -> Gateway:
    if authority is None:
        return Gateway(host, PORT, bound=True, **more)
    tls = UplinkTls(ca_file=str(authority.file), server_name=NAME)
    return Gateway(host, TLS, bound=True, tls=tls, **more)


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("host", [CENTRE, CENTRE_6])
async def test_session_costs_more_than_we_say(ways: Ways, tmp_path: File, host: str, secure: bool) -> None:
    """Handshakes, TLS, MQTT, probes, an envelope, a receipt, the end: to 2 %."""
    authority = Authority(tmp_path) if secure else None
    async with edge(ways, tmp_path, gateway_of(host, authority), *with_tls(authority)) as kit:
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        for _ in range(20):
            await kit.probe()
        kit.uplinks.publish("fibre", bytes(12_000))
        kit.uplinks._send("fibre", wire.topic_receipt(ELECTION, kit.branch), b"x" * 3_000, 0)
        await asyncio.sleep(REST_S)
        await end(kit)
        assert said(kit) == pytest.approx(on_the_cable(), rel=0.02)


async def test_sessions_that_come_and_go_cost_more_than_we_say(ways: Ways, tmp_path: File) -> None:
    """Nothing but beginnings and ends: to 3 %."""
    authority = Authority(tmp_path)
    async with edge(ways, tmp_path, gateway_of(CENTRE, authority), *with_tls(authority)) as kit:
        for _ in range(6):
            assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
            await end(kit)
        assert said(kit) == pytest.approx(on_the_cable(), rel=0.03)


async def test_handshakes_that_fail_cost_nothing(ways: Ways, tmp_path: File) -> None:
    """The certificate is by somebody else, time and again: at most 8 % more, and not less."""
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    async with edge(ways, tmp_path, gateway_of(CENTRE, other), *with_tls(authority)) as kit:
        for _ in range(5):
            assert isinstance(await kit.outcome(path=ways.path(1)), UplinkLost)
        await asyncio.sleep(REST_S)
        assert 0.99 * on_the_cable() <= said(kit) <= 1.08 * on_the_cable()
        last = [type(event) for event in kit.events if isinstance(event, TrafficCounted | UplinkLost)]
        assert last[-2:] == [TrafficCounted, UplinkLost], "the price is known when the attempt is judged"


async def test_names_that_are_asked_for_cost_nothing(ways: Ways, tmp_path: File) -> None:
    with ways.centre():
        server = dns_server({NAME: (CENTRE, CENTRE_6)}, address=CENTRE, port=53)
        await server.__aenter__()
    async with edge(ways, tmp_path, Gateway(NAME, PORT, bound=True, dns=(CENTRE,))) as kit:
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        await end(kit)
        assert said(kit) == pytest.approx(on_the_cable(), abs=SEGMENTS)
    await server.__aexit__(None, None, None)


async def test_broker_that_ends_the_session_takes_its_last_figures_along(ways: Ways, tmp_path: File) -> None:
    async with edge(ways, tmp_path, gateway_of(CENTRE, None)) as kit:
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        for _ in range(5):
            await kit.probe()
        other = KitEdge(PORT, gateway=gateway_of(CENTRE, None))  # one client id: the broker ends the first
        assert await other.outcome(path=ways.path(2)) == UplinkConnected("fibre")
        await until(lambda: bool(kit.heard(UplinkLost)))
        await other.uplinks.close()
        await asyncio.sleep(REST_S)
        assert said(kit) == pytest.approx(on_the_cable(), rel=0.03)


async def test_path_that_loses_a_third_costs_more_than_we_say(ways: Ways, tmp_path: File) -> None:
    """What was sent again is counted; what came twice is not by its content: to 10 %."""
    async with edge(ways, tmp_path, gateway_of(CENTRE, None)) as kit:
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        ways.guard('iifname "kit1f" numgen random mod 100 < 30 drop')
        for nonce in range(30):
            kit.uplinks.probe("fibre", 1_000 + nonce)
            await asyncio.sleep(0.05)
        kit.uplinks.publish("fibre", bytes(9_000))
        await asyncio.sleep(1.0)
        ways.guard()
        await kit.probe()
        await end(kit)
        assert said(kit) == pytest.approx(on_the_cable(), rel=0.10)


async def test_dead_path_costs_more_than_we_say(ways: Ways, tmp_path: File) -> None:
    """The kernel repeats for half a minute what a session left behind: that is reckoned when it ends."""
    async with edge(ways, tmp_path, gateway_of(CENTRE, None)) as kit:
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        ways.guard('iifname "kit1f" drop')
        for nonce in range(4):
            kit.uplinks.probe("fibre", 1_000 + nonce)
            await asyncio.sleep(0.25)
        await end(kit)
        ended = on_the_cable()
        async with asyncio.timeout(10):
            while on_the_cable() < ended + 300:  # noqa: ASYNC110 - two repetitions of the kernel's
                await asyncio.sleep(0.05)
        assert on_the_cable() <= said(kit) <= 2 * on_the_cable()


async def test_attempts_that_nobody_answers_cost_nothing(ways: Ways, tmp_path: File) -> None:
    async with edge(ways, tmp_path, gateway_of(CENTRE, None)) as kit:
        ways.guard('iifname "kit1f" drop')
        for _ in range(2):
            assert isinstance(await kit.outcome(600, path=ways.path(1)), UplinkLost)
        assert said(kit) == on_the_cable() > 0
