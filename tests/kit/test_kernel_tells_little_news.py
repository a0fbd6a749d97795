"""struct tcp_info is read wrongly, or every sample of it is told."""

import socket

import pytest

from kit.uplinks import tcp_info
from kit.uplinks.tcp_info import TcpInfo, TcpWatch


def info(rtt_ms: int = 40, unacked: int = 0, retransmits: int = 0) -> TcpInfo:
    return TcpInfo(retransmits, 0, 1_200, unacked, 5, rtt_ms, retransmits)


def test_structure_is_read_wrongly() -> None:
    """Against a connection of which everything is known."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as one:
        one.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 700)
        one.connect(server.getsockname())
        other, _ = server.accept()
        with other:
            one.sendall(b"x" * 100)
            assert other.recv(200) == b"x" * 100
            other.sendall(b"y")
            assert one.recv(1) == b"y"
            read = tcp_info.read(one)
    assert read is not None
    assert (read.retransmits, read.backoff, read.unacked, read.total_retransmits) == (0, 0, 0, 0)
    assert 600 <= read.send_mss <= 700
    assert read.rtt_ms < 50
    assert read.last_ack_ms < 1_000
    assert not read.stalled


@pytest.mark.parametrize("size", [0, 8, tcp_info.SIZE - 1])
def test_structure_is_too_short(size: int) -> None:
    with pytest.raises(ValueError, match=r"not 104"):
        tcp_info.parse(bytes(size))


def test_what_is_no_connection_is_read() -> None:
    closed = socket.socket()
    closed.close()
    assert tcp_info.read(closed) is None
    assert tcp_info.read(object()) is None
    assert tcp_info.read(None) is None


def test_every_sample_is_news() -> None:
    watch = TcpWatch()
    assert watch.news(info(40)) == (40, False)
    assert [watch.news(info(rtt)) for rtt in (41, 45, 35, 49, 31)] == [None] * 5
    assert watch.news(info(52)) == (52, False)
    assert watch.news(info(52)) is None


def test_short_round_trip_that_trembles_is_news() -> None:
    watch = TcpWatch()
    watch.news(info(0))
    assert [watch.news(info(rtt)) for rtt in (1, 3, 5, 0)] == [None] * 4
    assert watch.news(info(6)) == (6, False)


def test_stall_and_its_end_are_no_news() -> None:
    watch = TcpWatch()
    watch.news(info())
    assert watch.news(info(unacked=3)) is None  # on its way, and not sent again
    assert watch.news(info(unacked=3, retransmits=1)) == (40, True)
    assert watch.news(info(unacked=3, retransmits=4)) is None
    assert watch.news(info()) == (40, False)
