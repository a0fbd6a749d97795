"""Something between the uplink and the world answers for everybody, and wants to be looked at."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from failover.events import UplinkConnected, UplinkLost
from kit.events import UplinkNoticed
from kit.uplinks import portal
from kit.uplinks.gateway import Gateway
from simulators.loopback.broker import MqttBroker
from tests.center.site import free_port
from tests.kit.uplink_bench import Uplink

REDIRECT = b"HTTP/1.1 302 Found\r\nLocation: http://login.example/?to=1\r\nContent-Length: 5\r\n\r\nlogin"
EMPTY = b"HTTP/1.1 204 No Content\r\n\r\n"
HOST = "127.0.0.1"
LEISURE_MS = 3_000


class Web:
    """A web server with one answer."""

    def __init__(self, answer: bytes | None) -> None:
        self.answer, self.requests = answer, list[bytes]()
        self.url = ""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.requests.append(await reader.readuntil(b"\r\n\r\n"))
        if self.answer is None:
            await reader.read()
        else:
            writer.write(self.answer)
        writer.close()


@asynccontextmanager
async def web(answer: bytes | None) -> AsyncIterator[Web]:
    it = Web(answer)
    listening = await asyncio.start_server(it.serve, HOST, 0)
    it.url = f"http://{HOST}:{listening.sockets[0].getsockname()[1]}/generate_204?x=1"
    try:
        yield it
    finally:
        listening.close()
        await listening.wait_closed()


@asynccontextmanager
async def uplink(port: int, url: str) -> AsyncIterator[Uplink]:
    made = Uplink(port)
    made.start_with(Gateway(HOST, port, addresses=(HOST,), portal_check=url))
    try:
        yield made
    finally:
        await made.mqtt.close()


async def lost(up: Uplink, number: int = 1, deadline_ms: int = LEISURE_MS) -> str:
    up.connect(deadline_ms)
    event = await up.until(UplinkLost, count=number)
    assert isinstance(event, UplinkLost)
    return event.reason


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (REDIRECT, "a captive portal answers: status 302, http://login.example/?to=1"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "a captive portal answers: status 200"),
        (b"HTTP/1.0 204 No Content\r\nContent-Length: 3\r\n\r\nabc", "a captive portal answers: status 204"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "a captive portal answers: not even in HTTP"),
        (b"HTTP/1.1 511 Network Authentication Required\r\n\r\n", "a captive portal answers: status 511"),
    ],
)
async def test_portal_is_not_told(answer: bytes, words: str) -> None:
    async with web(answer) as it, uplink(free_port(), it.url) as up:
        reason = await lost(up)
        assert reason.startswith(f"no session: {words}; {HOST}: connection refused")
        assert UplinkNoticed("fibre", "portal", words) in up.events
        (request,) = it.requests
        assert request.startswith(b"GET /generate_204?x=1 HTTP/1.1\r\nHost: 127.0.0.1:")


@pytest.mark.parametrize("answer", [EMPTY, b"HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n", b""])
async def test_portal_is_told_where_there_is_none(answer: bytes) -> None:
    async with web(answer) as it, uplink(free_port(), it.url) as up:
        assert "portal" not in await lost(up)
        assert len(it.requests) == 1


async def test_portal_that_never_answers_holds_the_reason_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(portal, "CHECK_MAX_S", 0.2)
    async with web(None) as it, uplink(free_port(), it.url) as up:
        async with asyncio.timeout(1.5):
            assert "portal" not in await lost(up)


async def test_portal_is_asked_with_every_try() -> None:
    """It costs data, and says the same again; the reason goes on saying it."""
    async with web(REDIRECT) as it, uplink(free_port(), it.url) as up:
        for number in (1, 2, 3):
            assert "login.example" in await lost(up, number)
        assert len(it.requests) == 1


async def test_portal_costs_time_in_the_critical_window() -> None:
    async with web(REDIRECT) as it, uplink(free_port(), it.url) as up:
        assert "portal" not in await lost(up, deadline_ms=500)
        assert it.requests == []


async def test_portal_is_still_told_when_a_session_stands(broker: MqttBroker) -> None:
    port = free_port()
    async with web(REDIRECT) as it, uplink(port, it.url) as up:
        await lost(up)
        up.mqtt._diallers["fibre"]._gateway = Gateway(HOST, broker.port, addresses=(HOST,))
        up.connect(LEISURE_MS)
        await up.until(UplinkConnected)
        assert up.events[-2:] == [UplinkNoticed("fibre", "portal", ""), UplinkConnected("fibre")]


def test_location_is_told_whole_however_long() -> None:
    told = portal.judge(b"HTTP/1.1 302 Found\r\nLocation: http://x/" + b"a" * 300 + b"\r\n\r\n")
    assert len(told) < 200


@pytest.mark.parametrize(
    "url", ["http://[::1", "http:///x", "http://127.0.0.1:0/", "http://127.0.0.1:99999/"]
)
async def test_address_of_the_check_can_be_none(url: str) -> None:
    assert await portal.check(url, (), None) == ""
