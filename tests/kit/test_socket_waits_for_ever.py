"""A socket of a session lacks what makes the kernel notice that the other end is gone."""

import socket

import pytest

from failover.events import UplinkConnected
from kit.uplinks import session
from kit.uplinks.gateway import Gateway
from kit.uplinks.sockets import OPTIONS, USER_TIMEOUT_MS, open_socket
from simulators.loopback.broker import MqttBroker
from tests.kit.uplink_bench import uplink


def lacking(made: socket.socket) -> list[tuple[int, int, int]]:
    return [option for option in OPTIONS if made.getsockopt(*option[:2]) != option[2]]


def test_options_come_only_after_the_syn() -> None:
    """A SYN into a hole would be sent again for two minutes, and a TLS handshake never end."""
    made, _ = open_socket(socket.AF_INET, "tcp", None, 1_200)
    with made:
        assert lacking(made) == []
        assert (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS) in OPTIONS


@pytest.mark.parametrize("plain", [True, False])
async def test_session_stands_without_them(
    broker: MqttBroker, plain: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with uplink(broker) as up:
        if not plain:
            up.start_with(Gateway("127.0.0.1", up.relay.port, addresses=("127.0.0.1",)))
            monkeypatch.setattr(session, "OPTIONS", ())  # those that come too late
        up.connect()
        await up.until(UplinkConnected)
        made = up.mqtt._sessions["fibre"]._client._client.socket()
        assert isinstance(made, socket.socket)
        assert lacking(made) == []
