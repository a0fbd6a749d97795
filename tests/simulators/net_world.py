"""A small world for tests: one loop, one network, one broker, and links named after their clients."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass

import aiomqtt

from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import SimBroker
from simulators.virtual.net import Link, Network, install
from simulators.virtual.trace import Trace

HOST, PORT = "broker.example", 1883


@dataclass
class World:
    loop: VirtualLoop
    network: Network
    broker: SimBroker

    def link(self, node: str, **options: object) -> Link:
        return self.network.add_link(f"{node}-link", host=HOST, port=PORT, node=node, **options)  # type: ignore[arg-type]

    def run(self, coro: object) -> object:
        """Run a coroutine of the world itself to its end."""
        return self.loop.run_until_complete(coro)  # type: ignore[arg-type]


@contextlib.contextmanager
def world(seed: int = 1) -> Iterator[World]:
    with VirtualLoop(seed=seed, trace=Trace(tail=200)) as loop:
        network = Network(loop)
        broker = SimBroker(network)
        broker.listen(HOST, PORT)
        with install(loop, network):
            yield World(loop, network, broker)


@contextlib.asynccontextmanager
async def client(name: str, **options: object) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client(HOST, PORT, identifier=name, **options) as connected:  # type: ignore[arg-type]
        yield connected


async def collect(name: str, topic: str, into: list[bytes], *, qos: int = 1) -> None:
    """A subscriber that stays until it is cancelled or its connection breaks."""
    async with client(name) as connected:
        await connected.subscribe(topic, qos=qos)
        while True:
            into.append(bytes((await anext(connected.messages)).payload))


async def persistent(name: str, topic: str, payloads: list[bytes], *, retry_s: float = 5.0) -> int:
    """A publisher that reconnects until everything is acknowledged; returns how often it connected."""
    left, connects = list(payloads), 0
    while left:
        try:
            async with client(name, keepalive=10) as connected:
                connects += 1
                while left:
                    await connected.publish(topic, left[0], qos=1)
                    left.pop(0)
                    await asyncio.sleep(1)
        except aiomqtt.MqttError:
            await asyncio.sleep(retry_s)
    return connects
