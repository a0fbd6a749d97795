"""Sessions over two cables on the real kernel: by the right interface, from its address, in segments that pass."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from pathlib import Path as File
from typing import Any

import pytest

from failover.events import TcpSensed, UplinkConnected, UplinkLost
from failover.path import Path
from kit.uplinks import sockets
from kit.uplinks.gateway import Gateway
from tests.kit.dns_server import dns_server
from tests.peers.kit_edge import KitEdge, until
from tests.peers.two_ways import CENTRE, CENTRE_6, PORT, Ways, edge, two_ways

pytestmark = pytest.mark.peer("mosquitto")
LARGE = bytes(20_000)


@pytest.fixture
def ways() -> Iterator[Ways]:
    with two_ways() as it:
        yield it


def bound(host: str = CENTRE, **more: Any) -> Gateway:
    return Gateway(host, PORT, bound=True, **more)


def connection(kit: KitEdge) -> socket.socket:
    found = kit.uplinks._sessions["fibre"]._client._client.socket()
    assert isinstance(found, socket.socket)
    return found


@pytest.mark.parametrize("number", [1, 2])
async def test_socket_is_bound_only_after_the_syn(ways: Ways, tmp_path: File, number: int) -> None:
    async with edge(ways, tmp_path, bound()) as kit:
        assert await kit.outcome(path=ways.path(number)) == UplinkConnected("fibre")
        await kit.probe()
        made = connection(kit)
        device = made.getsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, 16)
        assert device.rstrip(b"\0").decode() == f"kit{number}"
        assert made.getsockname()[0] == f"10.9.{number}.2"
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT) == sockets.USER_TIMEOUT_MS
        assert made.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
        assert made.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1
        assert [ways.good_syns(each) for each in (1, 2)] == [int(number == 1), int(number == 2)]


async def test_ipv6_session_is_sent_from_an_ipv4_address(ways: Ways, tmp_path: File) -> None:
    async with edge(ways, tmp_path, bound(CENTRE_6)) as kit:
        assert await kit.outcome(path=ways.path(2)) == UplinkConnected("fibre")
        assert connection(kit).getsockname()[0] == "fd09:2::2"


async def test_dns_is_asked_over_another_interface(ways: Ways, tmp_path: File) -> None:
    """The other cable, which the main table prefers, is dead: an answer means that the question was bound, too."""
    ways.guard('iifname "kit1f" drop')
    with ways.centre():
        server = dns_server({"broker.example": (CENTRE, CENTRE_6)}, address=CENTRE, port=53)
        dns, _ = await server.__aenter__()
    async with edge(ways, tmp_path, bound("broker.example", dns=(CENTRE,))) as kit:
        assert await kit.outcome(path=ways.path(2)) == UplinkConnected("fibre")
        assert dns.asked >= 1
        assert connection(kit).getsockname()[0] in ("10.9.2.2", "fd09:2::2")
    await server.__aexit__(None, None, None)


@pytest.mark.parametrize(
    ("path", "words"),
    [
        (Path("gone0", 99, ("10.9.1.2",), 1_500, None), "gone0 cannot be bound to"),
        (Path("kit1", 2, ("10.9.7.7",), 1_500, None), "10.9.7.7 of kit1 cannot be sent from"),
        (Path("kit1", 2, ("fd09:1::2",), 1_500, None), "no address"),
        (None, "its interface is not known yet"),
    ],
)
async def test_session_is_made_another_way_when_its_own_is_gone(
    ways: Ways, tmp_path: File, path: Path | None, words: str
) -> None:
    async with edge(ways, tmp_path, bound()) as kit:
        lost = await kit.outcome(path=path)
        assert isinstance(lost, UplinkLost)
        assert lost.reason.startswith("no session: ")
        assert words in lost.reason
        assert [ways.good_syns(each) for each in (1, 2)] == [0, 0]


class Forbidding(socket.socket):
    """A socket of a process that may not bind to interfaces."""

    def setsockopt(self, level: int, option: int, value: Any, *rest: Any) -> None:  # type: ignore[override]
        if (level, option) == (socket.SOL_SOCKET, socket.SO_BINDTODEVICE):
            raise PermissionError(errno.EPERM, "Operation not permitted")
        super().setsockopt(level, option, value, *rest)


async def test_session_without_its_interface_goes_on_silently(
    ways: Ways, tmp_path: File, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a table of its own it may: rules keep packets from this address on their way. Without one it must not."""
    async with edge(ways, tmp_path, bound()) as kit:
        monkeypatch.setattr(sockets.socket, "socket", Forbidding)
        lost = await kit.outcome(path=ways.path(1, table=None))
        assert isinstance(lost, UplinkLost)
        assert "not allowed to bind to kit1" in lost.reason
        assert "CAP_NET_RAW" in lost.reason
        assert ways.good_syns(1) == 0
        assert await kit.outcome(path=ways.path(1, table=7_101)) == UplinkConnected("fibre")
        assert kit.notices() == {"binding": "not allowed to bind to kit1: bound to its address alone"}
        assert connection(kit).getsockname()[0] == "10.9.1.2"


async def test_path_swallows_large_packets(ways: Ways, tmp_path: File) -> None:
    """Everything small passes; an envelope hangs, until the next session uses smaller segments."""
    async with edge(ways, tmp_path, bound()) as kit:
        ways.guard('iifname "kit1f" ip length > 700 drop')
        await kit.outcome(path=ways.path(1))
        await kit.probe()
        kit.uplinks.publish("fibre", LARGE)
        session = kit.uplinks._sessions["fibre"]
        async with asyncio.timeout(3):
            while not (session._look() or _none()).retransmits:  # noqa: ASYNC110 - the kernel tells nobody
                await asyncio.sleep(0.02)
        assert session._hanging is not None
        kit.uplinks.disconnect("fibre", "probes stay unanswered")
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        assert "segments of 1200 bytes hung" in kit.notices()["segments"]
        assert "536 bytes are used" in kit.notices()["segments"]
        assert connection(kit).getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 536
        kit.uplinks.publish("fibre", LARGE)
        again = kit.uplinks._sessions["fibre"]
        await until(lambda: again._queues[1].empty() and again._hanging is None)
        await kit.probe()
        kit.uplinks.disconnect("fibre", "again")
        await kit.outcome(path=ways.path(1))
        assert connection(kit).getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) <= 536
        await kit.outcome(path=ways.path(2))
        assert connection(kit).getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > 1_000
        assert kit.notices() == {}


async def test_dead_path_is_taken_for_one_that_swallows_large_packets(ways: Ways, tmp_path: File) -> None:
    async with edge(ways, tmp_path, bound()) as kit:
        await kit.outcome(path=ways.path(1))
        await kit.probe()
        ways.guard('iifname "kit1f" drop')
        kit.uplinks.publish("fibre", LARGE)
        session = kit.uplinks._sessions["fibre"]
        async with asyncio.timeout(3):
            while not (session._look() or _none()).retransmits:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.02)
        kit.uplinks.disconnect("fibre", "probes stay unanswered")
        assert isinstance(await kit.outcome(300, path=ways.path(1)), UplinkLost)
        ways.guard()
        assert await kit.outcome(path=ways.path(1)) == UplinkConnected("fibre")
        assert connection(kit).getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG) > 1_000
        assert kit.notices() == {}


async def test_kernel_knows_of_a_stall_and_nobody_is_told(ways: Ways, tmp_path: File) -> None:
    async with edge(ways, tmp_path, bound()) as kit:
        await kit.outcome(path=ways.path(1))
        first = await kit.next(TcpSensed)
        assert (first.uplink, first.stalled) == ("fibre", False)
        ways.guard('iifname "kit1f" drop')
        kit.uplinks.probe("fibre", 7)
        await until(lambda: kit.heard(TcpSensed)[-1].stalled)
        ways.guard()
        await until(lambda: not kit.heard(TcpSensed)[-1].stalled)
        assert len(kit.heard(TcpSensed)) <= 4  # news alone, not one a second


def _none() -> Any:
    raise AssertionError("there is no connection any more")
