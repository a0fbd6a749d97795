"""The resolver of the system asks servers behind a line that is dead: it answers late, or holds threads for long."""

import asyncio
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from failover.events import UplinkConnected, UplinkLost
from kit.uplinks import names
from kit.uplinks.gateway import Gateway
from kit.uplinks.names import Names
from simulators.loopback.broker import MqttBroker
from tests.hanging_resolver import HangingResolver
from tests.kit.uplink_bench import Uplink

PATIENCE_S = 5.0


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[HangingResolver]:
    made = HangingResolver(4 * PATIENCE_S, "192.0.2.7", 0)
    monkeypatch.setattr(socket, "getaddrinfo", made)
    monkeypatch.setattr(names, "LOOKUP_MAX_S", 0.05)
    yield made
    made.go.set()


async def ended(asked: Names) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while asked.asking:
            await asked.news()


async def test_answer_that_always_comes_too_late_is_thrown_away(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(*_: Any, **__: Any) -> list[Any]:
        time.sleep(0.2)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("192.0.2.7", 0))]

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    monkeypatch.setattr(names, "LOOKUP_MAX_S", 0.05)
    asked = Names("centre.example")
    asked.begin(None)
    await ended(asked)
    assert asked.trouble == "no answer for centre.example in 0 s"
    async with asyncio.timeout(PATIENCE_S):
        while not asked.known():
            asked.begin(None)
            await asyncio.sleep(0.01)
    assert asked.known() == ["192.0.2.7"]
    await asked.close()


async def test_each_attempt_asks_once_more_while_the_last_one_hangs(resolver: HangingResolver) -> None:
    asked = Names("centre.example")
    threads = threading.active_count()
    for _ in range(5):
        asked.begin(None)
        await ended(asked)
    assert resolver.asked == 1
    assert threading.active_count() <= threads + 1
    await asked.close()


async def test_error_of_the_resolver_is_asked_about_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async def told() -> str:
        asked.begin(None)
        await ended(asked)
        return asked.trouble

    asked = Names("centre.example")

    def fail(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    assert "Temporary failure" in await told()
    monkeypatch.setattr(
        socket, "getaddrinfo", lambda *_, **__: [(socket.AF_INET, 1, 6, "", ("192.0.2.9", 0))]
    )
    assert await told() == ""
    assert asked.known() == ["192.0.2.9"]
    await asked.close()


@pytest.mark.parametrize("pinned", [("192.0.2.1",), ()])
async def test_one_uplink_waits_for_the_resolver_of_another(
    broker: MqttBroker, resolver: HangingResolver, pinned: tuple[str, ...]
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    dead, lives = Uplink(1), Uplink(broker.port)
    dead.start_with(Gateway("centre.example", 1, addresses=pinned))
    lives.start_with(Gateway("127.0.0.1", broker.port, addresses=("127.0.0.1",)))
    try:
        for _ in range(3):
            dead.connect(100)
            await dead.until(UplinkLost)
            dead.events.clear()
        assert not resolver.go.is_set()
        lives.connect(400)
        assert await lives.until(UplinkConnected, UplinkLost) == UplinkConnected("fibre")
    finally:
        resolver.go.set()
        await dead.mqtt.close()
        await lives.mqtt.close()


async def test_session_on_a_connection_that_stands_waits_for_a_thread(broker: MqttBroker) -> None:
    """Whatever holds them all."""
    executor, go = ThreadPoolExecutor(1), threading.Event()
    asyncio.get_running_loop().set_default_executor(executor)
    executor.submit(go.wait, 4 * PATIENCE_S)
    lives = Uplink(broker.port)
    lives.start_with(Gateway("127.0.0.1", broker.port, addresses=("127.0.0.1",)))
    try:
        lives.connect(400)
        assert await lives.until(UplinkConnected, UplinkLost) == UplinkConnected("fibre")
    finally:
        go.set()
        await lives.mqtt.close()
