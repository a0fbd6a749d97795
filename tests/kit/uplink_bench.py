"""One real uplink over a relay, and the centre's side of the broker."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiomqtt
import psutil

from failover.events import ProbeEchoed, TcpSensed, TrafficCounted
from kit.events import Event
from kit.uplinks.gateway import Gateway
from kit.uplinks.uplinks import MqttUplinks
from simulators.loopback.broker import MqttBroker
from simulators.loopback.relay import Relay

ELECTION, BRANCH = "councils-7", "branch-1"
DEADLINE_MS = 400
PATIENCE_S = 5.0


class Quiet:
    """A log that is a list."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict[str, Any]]] = []

    def _note(self, event: str, **fields: Any) -> None:
        self.lines.append((event, fields))

    info = warning = error = exception = _note


class Uplink:
    """One uplink called "fibre" through a relay, and the list of what it said."""

    def __init__(self, port: int, standby: str | None = None) -> None:
        self.relay = Relay("127.0.0.1", port)
        self.events: list[Event] = []
        """All but what the kernel says, which comes when it likes."""
        self.sensed: list[TcpSensed] = []
        self.counted: list[TrafficCounted] = []
        self.log = Quiet()
        self._port, self._standby = port, standby
        self.on_event: Callable[[], object] = lambda: None
        self._changed = asyncio.Event()

    async def start(self) -> None:
        await self.relay.start()
        self.start_with(Gateway("127.0.0.1", self.relay.port))

    def start_with(self, gateway: Gateway) -> None:
        """As ``start``, by another way than the relay."""
        self.mqtt = MqttUplinks(
            {"fibre": gateway},
            election=ELECTION,
            branch=BRANCH,
            post=self._post,
            log=self.log,
            wall_ms=lambda: time.time_ns() // 1_000_000,
            standby=self._standby,
        )

    def _post(self, event: Event) -> None:
        if isinstance(event, TcpSensed):
            self.sensed.append(event)
            return
        if isinstance(event, TrafficCounted):
            self.counted.append(event)
            return
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
async def uplink(broker: MqttBroker, standby: str | None = None) -> AsyncIterator[Uplink]:
    made = Uplink(broker.port, standby)
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
