"""Whoever answers for the broker says what no broker says, at every stage: it costs this session, and nothing else."""

import asyncio
import gc
import struct
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

import psutil
import pytest

from failover.events import UplinkConnected, UplinkLost
from kit.uplinks.gateway import Gateway
from kit.uplinks.session import PACKET_MAX
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import Uplink

CONNACK: Final = b"\x20\x02\x00\x00"
ROUNDS: Final = 10
LONG_MS: Final = 3_000


def suback(heard: bytes, code: int = 0) -> bytes:
    """For all seven subscriptions."""
    request = heard[heard.index(b"\x82") :]
    number = request[2:4] if request[1] < 0x80 else request[3:5]
    return b"\x90\x09" + number + bytes([code]) * 7


def publish(topic: bytes, payload: bytes = b"x") -> bytes:
    return bytes([0x30, 2 + len(topic) + len(payload)]) + struct.pack("!H", len(topic)) + topic + payload


class Liar:
    """Accepts connections, and answers as it is told to."""

    def __init__(self, *, connack: bytes | None = CONNACK, ends: bool = False, after: bytes = b"") -> None:
        self._connack, self._ends, self._after = connack, ends, after
        self.heard = b""
        self._confirmed = 1  # SUBSCRIBE had that number

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def confirm(self) -> None:
        """The PUBACK of the next packet identifier, where it was heard."""
        heard = self.heard.count(b"\x32")
        if heard >= self._confirmed:
            self._confirmed += 1
            self._writer.write(b"\x40\x02" + struct.pack("!H", self._confirmed))

    async def close(self) -> None:
        self._server.close()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(4_096)
            if self._connack is not None:
                writer.write(self._connack)
                if not self._ends:
                    writer.write(suback(await reader.read(4_096)) + self._after)
            self._writer = writer
            while not self._ends and (piece := await reader.read(4_096)):
                self.heard += piece
        except ConnectionError:
            pass
        finally:
            writer.close()


@asynccontextmanager
async def lied_to(liar: Liar, *, dialled: bool) -> AsyncIterator[Uplink]:
    await liar.start()
    up = Uplink(liar.port)
    up.start_with(Gateway("127.0.0.1", liar.port, addresses=("127.0.0.1",) if dialled else ()))
    try:
        yield up
    finally:
        await up.mqtt.close()
        await liar.close()


@pytest.mark.parametrize("dialled", [True, False])
@pytest.mark.parametrize(
    "nonsense",
    [
        publish(b"\xff\xfe"),  # no UTF-8
        publish(b"receipts/#"),  # no topic that anybody may publish to
        b"\x30\x01\x00",  # ends within its topic
        b"\x30\xff\xff\xff\xff\xff",  # a length of five bytes
        b"\xf0\x00",  # no packet of version 3.1.1
    ],
)
async def test_message_that_is_none_leaves_its_connection_behind(nonsense: bytes, *, dialled: bool) -> None:
    process = psutil.Process()
    async with lied_to(Liar(after=nonsense), dialled=dialled) as up:
        before, tasks = process.num_fds(), len(asyncio.all_tasks())
        for _ in range(ROUNDS):
            up.events.clear()
            up.connect(LONG_MS)
            await up.until(UplinkLost)
        async with asyncio.timeout(3):
            while process.num_fds() > before or len(asyncio.all_tasks()) > tasks:
                gc.collect()
                await asyncio.sleep(0.05)


@pytest.mark.parametrize("dialled", [True, False])
async def test_connection_that_ends_before_its_first_word_is_waited_for(*, dialled: bool) -> None:
    async with lied_to(Liar(connack=None, ends=True), dialled=dialled) as up:
        began = time.monotonic()
        up.connect(LONG_MS)
        lost = await up.until(UplinkLost)
        assert time.monotonic() - began < LONG_MS / 2_000
        assert lost.reason == "no session: the connection ended before the broker answered"


async def test_broker_that_is_another_protocol_is_waited_for() -> None:
    async with lied_to(Liar(connack=b"HTTP/1.1 400 Bad Request\r\n\r\n", ends=True), dialled=True) as up:
        began = time.monotonic()
        up.connect(LONG_MS)
        await up.until(UplinkLost)
        assert time.monotonic() - began < LONG_MS / 2_000


@pytest.mark.parametrize("dialled", [True, False])
async def test_packet_that_never_ends_fills_the_memory(*, dialled: bool) -> None:
    too_long = PACKET_MAX + 1
    head = b"\x30" + bytes([too_long & 0x7F | 0x80, too_long >> 7 & 0x7F | 0x80, too_long >> 14])
    async with lied_to(Liar(after=head + bytes(1_000)), dialled=dialled) as up:
        up.connect(LONG_MS)
        await up.until(UplinkConnected)
        lost = await up.until(UplinkLost)
        assert (
            lost.reason
            == f"the connection ended: a packet of {too_long} bytes, and {PACKET_MAX} are the most"
        )


async def test_session_after_nonsense_does_not_stand(broker: MqttBroker) -> None:
    async with lied_to(Liar(after=publish(b"\xff")), dialled=True) as up:
        up.connect(LONG_MS)
        await up.until(UplinkLost)
        await up.mqtt.close()
        up.start_with(Gateway("127.0.0.1", broker.port, addresses=("127.0.0.1",)))
        up.events.clear()
        up.connect(LONG_MS)
        assert await up.until(UplinkConnected, UplinkLost) == UplinkConnected("fibre")
        await up.echoes(7)


async def test_envelope_waits_behind_copies_of_another_one() -> None:
    """The broker hears, and is slow to confirm it."""
    liar = Liar()
    async with lied_to(liar, dialled=True) as up:
        up.connect(LONG_MS)
        await up.until(UplinkConnected)
        for _ in range(5):
            up.mqtt.publish("fibre", b"the first" * 9)
        up.mqtt.publish("fibre", b"the second" * 9)
        async with asyncio.timeout(3):
            while b"the second" not in liar.heard:
                liar.confirm()
                await asyncio.sleep(0.01)
        assert liar.heard.count(b"the first" * 9) == 1
        up.mqtt.publish("fibre", b"the first" * 9)  # what was confirmed may be sent again
        async with asyncio.timeout(3):
            while liar.heard.count(b"the first" * 9) < 2:
                liar.confirm()
                await asyncio.sleep(0.01)
