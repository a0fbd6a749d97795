"""MQTT 3.1.1 packets as a server reads and writes them (OASIS, 29 October 2014). Strict: a mistake is a violation."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NoReturn

from simulators.virtual.errors import ProtocolViolationError

CONNECT: Final = 1
PUBLISH: Final = 3
PUBACK: Final = 4
SUBSCRIBE: Final = 8
UNSUBSCRIBE: Final = 10
PINGREQ: Final = 12
DISCONNECT: Final = 14

PINGRESP_BYTES: Final = b"\xd0\x00"
MID_MAX: Final = 0xFFFF
QOS_MAX: Final = 1  # the highest that is simulated
MATCHES_MAX: Final = 4_096  # pairs of filter and topic that are remembered
_LEVEL: Final = 4
_LENGTH_BYTES_MAX: Final = 4
_SHIFT: Final = 7
_MORE: Final = 0x80


@dataclass(frozen=True, slots=True)
class Message:
    """What is published."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


@dataclass(frozen=True, slots=True)
class Connect:
    """Section 3.1. ``keepalive``: seconds, 0 for none."""

    client_id: str
    clean: bool
    keepalive: int
    will: Message | None
    username: str | None
    password: bytes | None


@dataclass(frozen=True, slots=True)
class Publish:
    """Section 3.3. ``mid`` is 0 at QoS 0."""

    message: Message
    mid: int
    dup: bool


def violation(rule: str) -> NoReturn:
    """Raise.

    Raises:
        ProtocolViolationError: always.
    """
    raise ProtocolViolationError(f"MQTT: {rule}")


class Body:
    """The fields of a packet after its fixed header, read front to back."""

    __slots__ = ("_at", "_data", "_packet")

    def __init__(self, packet: str, data: bytes) -> None:
        self._packet = packet
        self._data = data
        self._at = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        piece = self._data[self._at : self._at + size]
        if len(piece) != size:
            violation(f"{self._packet} ends in the middle of a field")
        self._at += size
        return piece

    def u8(self) -> int:
        """One byte."""
        return self.take(1)[0]

    def u16(self) -> int:
        """Two bytes, big endian."""
        return int.from_bytes(self.take(2), "big")

    def binary(self) -> bytes:
        """Bytes after their length."""
        return self.take(self.u16())

    def text(self) -> str:
        """A UTF-8 string (section 1.5.3)."""
        data = self.binary()
        try:
            text = data.decode()
        except UnicodeDecodeError:
            violation(f"{self._packet} has a string that is not UTF-8: {data[:40]!r} [MQTT-1.5.3-1]")
        if "\0" in text:
            violation(f"{self._packet} has U+0000 in a string [MQTT-1.5.3-2]")
        return text

    def mid(self) -> int:
        """A packet identifier."""
        mid = self.u16()
        if mid == 0:
            violation(f"{self._packet} has packet identifier 0 [MQTT-2.3.1-1]")
        return mid

    def rest(self) -> bytes:
        """Everything that is left."""
        return self.take(len(self._data) - self._at)

    def more(self) -> bool:
        """Whether anything is left."""
        return self._at < len(self._data)

    def end(self) -> None:
        """Nothing may be left."""
        if self.more():
            violation(f"{self._packet} has {len(self._data) - self._at} bytes too many")


def split(buffer: bytearray, packet_max: int) -> Iterator[tuple[int, int, bytes]]:
    """Take whole packets off the front of the buffer: (kind, flags, body).

    Raises:
        ProtocolViolationError: a remaining length of more than 4 bytes, or above ``packet_max``.
    """
    while True:
        length = at = 0
        while True:
            if at + 1 >= len(buffer):
                return
            if at == _LENGTH_BYTES_MAX:
                violation("a remaining length takes more than 4 bytes (section 2.2.3)")
            byte = buffer[at + 1]
            length |= (byte & 0x7F) << (_SHIFT * at)
            at += 1
            if not byte & _MORE:
                break
        if length > packet_max:
            violation(f"a packet of {length} bytes, and this broker takes no more than {packet_max}")
        if len(buffer) < 1 + at + length:
            return
        first, body = buffer[0], bytes(buffer[1 + at : 1 + at + length])
        del buffer[: 1 + at + length]
        yield first >> 4, first & 0x0F, body


def read_connect(data: bytes) -> Connect:
    """Section 3.1."""
    body = Body("CONNECT", data)
    protocol, level, flags, keepalive = body.binary(), body.u8(), body.u8(), body.u16()
    if (protocol, level) != (b"MQTT", _LEVEL):
        violation(f"CONNECT for protocol {protocol!r} level {level}; only MQTT 3.1.1 is spoken here")
    if flags & 0x01:
        violation("CONNECT has its reserved flag set [MQTT-3.1.2-3]")
    has_will, will_qos, will_retain = bool(flags & 0x04), flags >> 3 & 3, bool(flags & 0x20)
    if (not has_will and (will_qos or will_retain)) or will_qos > QOS_MAX:
        violation(f"CONNECT has will flags {flags:#04x} that make no sense or ask for QoS 2 [MQTT-3.1.2-11]")
    client_id = body.text()
    if not client_id:
        violation("CONNECT without a client id: name the client, or its session cannot be told from others")
    will = None
    if has_will:
        topic = check_topic(body.text())
        will = Message(topic, body.binary(), will_qos, will_retain)
    username = body.text() if flags & 0x80 else None
    password = body.binary() if flags & 0x40 else None
    body.end()
    return Connect(client_id, bool(flags & 0x02), keepalive, will, username, password)


def read_publish(flags: int, data: bytes) -> Publish:
    """Section 3.3."""
    body = Body("PUBLISH", data)
    qos = flags >> 1 & 3
    if qos > QOS_MAX:
        violation(f"PUBLISH at QoS {qos}: only 0 and 1 are simulated")
    if qos == 0 and flags & 0x08:
        violation("PUBLISH at QoS 0 is marked as a duplicate [MQTT-3.3.1-2]")
    topic = check_topic(body.text())
    mid = body.mid() if qos else 0
    return Publish(Message(topic, body.rest(), qos, bool(flags & 0x01)), mid, bool(flags & 0x08))


def read_subscribe(data: bytes) -> tuple[int, list[tuple[str, int]]]:
    """Section 3.8: packet identifier and (filter, QoS) pairs."""
    body = Body("SUBSCRIBE", data)
    mid = body.mid()
    wanted: list[tuple[str, int]] = []
    while body.more() or not wanted:
        name, qos = check_filter(body.text()), body.u8()
        if qos > QOS_MAX + 1:
            violation(f"SUBSCRIBE asks for QoS {qos} [MQTT-3-8.3-4]")
        wanted.append((name, qos))
    return mid, wanted


def read_unsubscribe(data: bytes) -> tuple[int, list[str]]:
    """Section 3.10: packet identifier and filters."""
    body = Body("UNSUBSCRIBE", data)
    mid = body.mid()
    names: list[str] = []
    while body.more() or not names:
        names.append(check_filter(body.text()))
    return mid, names


def read_puback(data: bytes) -> int:
    """Section 3.4: the packet identifier."""
    body = Body("PUBACK", data)
    mid = body.mid()
    body.end()
    return mid


def connack(*, session_present: bool) -> bytes:
    """Section 3.2, accepted."""
    return bytes((0x20, 2, session_present, 0))


def puback(mid: int) -> bytes:
    """Section 3.4."""
    return b"\x40\x02" + mid.to_bytes(2, "big")


def suback(mid: int, granted: list[int]) -> bytes:
    """Section 3.9."""
    return _packet(0x90, mid.to_bytes(2, "big") + bytes(granted))


def unsuback(mid: int) -> bytes:
    """Section 3.11."""
    return b"\xb0\x02" + mid.to_bytes(2, "big")


def publish(message: Message, mid: int, *, dup: bool) -> bytes:
    """Section 3.3. ``mid`` is left out at QoS 0."""
    name = message.topic.encode()
    head = len(name).to_bytes(2, "big") + name + (mid.to_bytes(2, "big") if message.qos else b"")
    first = 0x30 | (dup and message.qos > 0) << 3 | message.qos << 1 | message.retain
    return _packet(first, head + message.payload)


def _packet(first: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray()
    while True:
        length, digit = length >> _SHIFT, length & 0x7F
        digits.append(digit | (_MORE if length else 0))
        if not length:
            return bytes((first,)) + bytes(digits) + body


def check_topic(topic: str) -> str:
    """A topic to publish on (section 4.7)."""
    if not topic or "+" in topic or "#" in topic:
        violation(f"topic {topic!r} is empty or has a wildcard [MQTT-3.3.2-2]")
    return topic


def check_filter(name: str) -> str:
    """A topic filter (section 4.7)."""
    levels = name.split("/")
    wild = any(("+" in level or "#" in level) and len(level) > 1 for level in levels)
    if not name or wild or "#" in levels[:-1]:
        violation(f"topic filter {name!r} is empty or misplaces a wildcard [MQTT-4.7.1-2, MQTT-4.7.1-3]")
    return name


@lru_cache(MATCHES_MAX)
def matches(name: str, topic: str) -> bool:
    """Whether a topic filter covers a topic (section 4.7)."""
    if topic.startswith("$") and not name.startswith("$"):
        return False
    wanted, given = name.split("/"), topic.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        given = given[: len(wanted)]
    return len(wanted) == len(given) and all(
        want in ("+", have) for want, have in zip(wanted, given, strict=True)
    )
