"""Of several addresses of the centre one is odd: reset before TLS begins, or of a family that this kernel has not."""

import errno
import socket
import struct
import time
from typing import Any

import pytest

from failover.events import UplinkConnected, UplinkLost
from kit.tables.uplinks import UplinkTls
from kit.uplinks import dialler, sockets
from kit.uplinks.errors import DialError
from kit.uplinks.gateway import Gateway
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import Uplink

DEADLINE_MS = 2_000


async def test_kernel_without_ipv6_never_tries_ipv4(
    broker: MqttBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = sockets.open_socket

    def no_ipv6(family: socket.AddressFamily, *rest: Any) -> Any:
        if family == socket.AF_INET6:
            raise OSError(errno.EAFNOSUPPORT, "Address family not supported by protocol")
        return real(family, *rest)

    monkeypatch.setattr(dialler, "open_socket", no_ipv6)
    up = Uplink(broker.port)
    up.start_with(Gateway("centre.example", broker.port, addresses=("2001:db8::1", "127.0.0.1")))
    try:
        up.connect(DEADLINE_MS)
        assert await up.until(UplinkConnected, UplinkLost) == UplinkConnected("fibre")
    finally:
        await up.mqtt.close()


async def test_reset_between_connecting_and_tls_ends_the_whole_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = sockets.connect

    async def connect(made: socket.socket, address: str, port: int) -> None:
        await real(made, address, port)
        if address == "127.0.0.1":  # before anybody looks at it
            server, _ = listener.accept()
            server.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            server.close()
            time.sleep(0.02)  # noqa: ASYNC251 - the loop is to be held up

    monkeypatch.setattr(dialler, "connect", connect)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        made = dialler.Dialler(
            Gateway(
                "centre.example",
                listener.getsockname()[1],
                addresses=("127.0.0.1", "127.0.0.2"),
                dns=("127.0.0.1",),
                tls=UplinkTls(pins=("a pin",)),
            ),
            lambda: 0,
            lambda *_: None,
        )
        with pytest.raises(DialError) as told:
            await made.dial(None, DEADLINE_MS / 1_000)
        assert "127.0.0.1: no TLS: connection reset by peer; 127.0.0.2: " in made.why(told.value)
        await made.close()
