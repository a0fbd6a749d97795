"""What breaks MQTT breaks the run: a real broker might shrug, and our bug would stay."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.virtual import mqtt_packets as packets
from simulators.virtual.connection import SimSocket
from simulators.virtual.errors import ProtocolViolationError
from simulators.virtual.mqtt_packets import Message
from tests.simulators.net_world import HOST, PORT, World, world

CONNECT = bytes.fromhex("100f00044d5154540402003c0003") + b"kit"
TOO_LONG = b"\x30\xff\xff\xff\xff\x01"


def plug(w: World) -> SimSocket:
    w.network.add_link("raw", host=HOST, port=PORT, latency_s=(0.01, 0.01))
    return w.network.connect(HOST, PORT)


def exchange(w: World, socket: SimSocket, data: bytes) -> bytes:
    socket.send(data)
    w.loop.run_for(1)
    answer = bytearray()
    while socket.readable():
        piece = socket.recv(100)
        if not piece:
            break
        answer += piece
    return bytes(answer)


def test_good_manners_are_answered_byte_by_byte() -> None:
    with world() as w:
        socket = plug(w)
        assert exchange(w, socket, CONNECT) == b"\x20\x02\x00\x00"
        assert exchange(w, socket, b"\xc0") == b""
        assert exchange(w, socket, b"\x00") == b"\xd0\x00"
        assert exchange(w, socket, b"\x82\x06\x12\x34\x00\x01t\x02") == b"\x90\x03\x12\x34\x01"
        assert (
            exchange(w, socket, b"\x32\x06\x00\x01t\x00\x07x")
            == b"\x40\x02\x00\x07\x32\x06\x00\x01t\x00\x01x"
        )
        assert exchange(w, socket, b"\x40\x02\x00\x01") == b""
        assert exchange(w, socket, b"\xa2\x05\x00\x08\x00\x01t") == b"\xb0\x02\x00\x08"
        assert exchange(w, socket, b"\x30\x04\x00\x01tx") == b""
        socket.close()
        assert w.broker.clients() == ["kit"]
        w.loop.run_for(1)
        assert w.broker.clients() == []


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"\xc0\x00", "CONNECT has to come first"),
        (CONNECT + CONNECT, "only once"),
        (CONNECT.replace(b"MQTT", b"MQIs"), "only MQTT 3.1.1"),
        (CONNECT.replace(b"\x04\x02", b"\x05\x02"), "only MQTT 3.1.1"),
        (CONNECT.replace(b"\x04\x02", b"\x04\x03"), "reserved flag"),
        (CONNECT.replace(b"\x04\x02", b"\x04\x22"), "will flags"),
        (b"\x10\x0c" + CONNECT[2:12] + b"\0\0", "without a client id"),
        (b"\x10\x10" + CONNECT[2:] + b"x", "too many"),
        (CONNECT.replace(b"kit", b"\xff\xff\xff"), "not UTF-8"),
        (CONNECT.replace(b"kit", b"k\0t"), r"U\+0000"),
        (CONNECT + b"\x32\x05\x00\x01t\x00\x00", "identifier 0"),
        (CONNECT + b"\x34\x05\x00\x01t\x00\x01", "QoS 2"),
        (CONNECT + b"\x38\x03\x00\x01t", "duplicate"),
        (CONNECT + b"\x30\x03\x00\x01+", "wildcard"),
        (CONNECT + b"\x30\x02\x00\x00", "empty"),
        (CONNECT + b"\x30\x02\x00\x05", "middle of a field"),
        (CONNECT + b"\x80\x06\x00\x01\x00\x01t\x00", "flags"),
        (CONNECT + b"\x82\x06\x00\x01\x00\x01t\x03", "QoS 3"),
        (CONNECT + b"\x82\x02\x00\x01", "middle of a field"),
        (CONNECT + b"\x82\x07\x00\x01\x00\x02a+\x00", "misplaces"),
        (CONNECT + b"\x82\x08\x00\x01\x00\x03#/a\x00", "misplaces"),
        (CONNECT + b"\x40\x02\x00\x09", "never carried"),
        (CONNECT + b"\xc0\x01\x00", "has a body"),
        (CONNECT + b"\x50\x02\x00\x01", "which no client sends"),
        (CONNECT + b"\xe0\x00\xc0\x00", "after its DISCONNECT"),
        (CONNECT + TOO_LONG, "more than 4 bytes"),
        (CONNECT + b"\x30\x80\x80\x40", "no more than"),
    ],
)
def test_violation_ends_the_run(data: bytes, why: str) -> None:
    with world() as w, pytest.raises(ProtocolViolationError, match=why):
        exchange(w, plug(w), data)


@given(st.lists(st.binary(max_size=300), max_size=5), st.data())
def test_packets_are_split_the_same_wherever_tcp_cuts_them(
    payloads: list[bytes], data: st.DataObject
) -> None:
    messages = [Message("t", payload, n % 2, retain=False) for n, payload in enumerate(payloads)]
    wire = b"".join(packets.publish(message, 7, dup=False) for message in messages)
    got, buffer, at = [], bytearray(), 0
    while at < len(wire):
        size = data.draw(st.integers(1, len(wire) - at))
        buffer += wire[at : at + size]
        at += size
        got += [packets.read_publish(flags, body).message for _, flags, body in packets.split(buffer, 1_000)]
    assert got == messages
    assert not buffer


@pytest.mark.parametrize(
    ("name", "topic", "covered"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/b", "a", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("+/+", "/a", True),
        ("+", "/a", False),
        ("#", "a/b/c", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("a/#", "ab", False),
        ("a/+/#", "a", False),
        ("a/+/#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("A", "a", False),
    ],
)
def test_wildcards_cover_what_section_4_7_says(name: str, topic: str, covered: bool) -> None:
    assert packets.matches(name, topic) is covered
