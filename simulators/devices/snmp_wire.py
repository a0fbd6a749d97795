"""SNMPv2c messages as bytes: the Basic Encoding Rules (ITU-T X.690) as RFC 3417 section 8 narrows them, RFC 3416 PDUs.

Written for the simulated ONT alone. ``decode`` takes what managers send and what agents answer, so that a test can be
either; bytes that are no such message are a WireError.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

DATAGRAM_MAX: Final = 1_472  # bytes: what fits an Ethernet frame; RFC 3417 section 3.2 asks for 484 at least
ARCS_MAX: Final = 128  # sub-identifiers of an OID (RFC 2578 section 3.5)
BINDINGS_MAX: Final = 128  # variables in one message
VERSION_2C: Final = 1

INTEGER: Final = 0x02
OCTETS: Final = 0x04
NULL: Final = 0x05
OBJECT_ID: Final = 0x06
SEQUENCE: Final = 0x30
COUNTER32: Final = 0x41
GAUGE32: Final = 0x42
TIME_TICKS: Final = 0x43
COUNTER64: Final = 0x46
NO_SUCH_OBJECT: Final = 0x80
NO_SUCH_INSTANCE: Final = 0x81
END_OF_MIB_VIEW: Final = 0x82

GET: Final = 0xA0
GET_NEXT: Final = 0xA1
RESPONSE: Final = 0xA2
SET: Final = 0xA3
GET_BULK: Final = 0xA5
_PDUS: Final = frozenset((GET, GET_NEXT, RESPONSE, SET, GET_BULK))
_NUMBERS: Final = frozenset((INTEGER, COUNTER32, GAUGE32, TIME_TICKS, COUNTER64))
_EMPTY: Final = frozenset((NULL, NO_SUCH_OBJECT, NO_SUCH_INSTANCE, END_OF_MIB_VIEW))
_NUMBER_BYTES_MAX: Final = 9  # a Counter64 with its leading zero

Oid = tuple[int, ...]
Content = int | bytes | Oid | None


class WireError(Exception):
    """Bytes that are not an SNMPv2c message; the message says which rule they break."""


@dataclass(frozen=True, slots=True)
class Value:
    """A tagged value: an int, bytes, an OID, or nothing. Bytes too where the tag is not known here."""

    tag: int
    content: Content = None


Binding = tuple[Oid, Value]
ABSENT: Final = Value(NULL)


@dataclass(frozen=True, slots=True)
class Message:
    """One message. ``first``, ``second``: error-status and -index; in a GetBulk non-repeaters and max-repetitions."""

    community: bytes
    pdu: int
    request_id: int
    first: int
    second: int
    bindings: tuple[Binding, ...]


def oid(text: str) -> Oid:
    """The OID written with dots, as in ``1.3.6.1.2.1.1.3.0``."""
    return tuple(int(arc) for arc in text.split("."))


def encode(message: Message) -> bytes:
    """The message as one datagram."""
    bindings = b"".join(_binding(name, value) for name, value in message.bindings)
    numbers = b"".join(_number(INTEGER, n) for n in (message.request_id, message.first, message.second))
    pdu = _element(message.pdu, numbers + _element(SEQUENCE, bindings))
    head = _number(INTEGER, VERSION_2C) + _element(OCTETS, message.community)
    return _element(SEQUENCE, head + pdu)


def decode(datagram: bytes) -> Message:
    """The message in a datagram.

    Raises:
        WireError: it is none, of another version, or beyond the limits of this module.
    """
    whole = list(_elements(datagram))
    if len(whole) != 1 or whole[0][0] != SEQUENCE:
        raise WireError("not exactly one sequence")
    parts = list(_elements(whole[0][1]))
    if len(parts) != 3 or [parts[0][0], parts[1][0]] != [INTEGER, OCTETS]:  # noqa: PLR2004 - version, community, PDU
        raise WireError("not a version, a community and a PDU")
    if (version := _parse_number(parts[0][1])) != VERSION_2C:
        raise WireError(f"version {version}, not SNMPv2c")
    pdu, body = parts[2]
    fields = list(_elements(body))
    if pdu not in _PDUS or [tag for tag, _ in fields] != [INTEGER, INTEGER, INTEGER, SEQUENCE]:
        raise WireError(f"PDU 0x{pdu:02x} with fields that RFC 3416 does not lay down")
    request_id, first, second = (_parse_number(content) for _, content in fields[:3])
    bindings = tuple(_parse_binding(tag, content) for tag, content in _elements(fields[3][1]))
    return Message(parts[1][1], pdu, request_id, first, second, bindings)


def _element(tag: int, content: bytes) -> bytes:
    size = len(content)
    if size < 0x80:  # noqa: PLR2004 - the short form, X.690 section 8.1.3.4
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, 0x80 | len(length))) + length + content


def _number(tag: int, number: int) -> bytes:
    size = (number + (number < 0)).bit_length() // 8 + 1
    return _element(tag, number.to_bytes(size, "big", signed=True))


def _oid(name: Oid) -> bytes:
    first = 40 * name[0] + (name[1] if len(name) > 1 else 0)
    return _element(OBJECT_ID, b"".join(_arc(arc) for arc in (first, *name[2:])))


def _arc(arc: int) -> bytes:
    septets = [arc & 0x7F]
    while arc := arc >> 7:
        septets.append(0x80 | arc & 0x7F)
    return bytes(reversed(septets))


def _binding(name: Oid, value: Value) -> bytes:
    match value.content:
        case None:
            content = _element(value.tag, b"")
        case int() as number:
            content = _number(value.tag, number)
        case bytes() as octets:
            content = _element(value.tag, octets)
        case arcs:
            content = _oid(arcs)
    return _element(SEQUENCE, _oid(name) + content)


def _elements(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Split into (tag, content). Lengths are definite (RFC 3417 section 8) and take at most two bytes more."""
    at = count = 0
    while at < len(data):
        if (count := count + 1) > BINDINGS_MAX:
            raise WireError(f"more than {BINDINGS_MAX} elements in one")
        if at + 2 > len(data):
            raise WireError("an element without a length")
        tag, size = data[at], data[at + 1]
        at += 2
        if size >= 0x80:  # noqa: PLR2004 - the long form, X.690 section 8.1.3.5
            more = size & 0x7F
            if not 1 <= more <= 4 or at + more > len(data):  # noqa: PLR2004 - net-snmp pads lengths to four bytes
                raise WireError("a length of a form that RFC 3417 does not allow")
            size = int.from_bytes(data[at : at + more], "big")
            at += more
        if at + size > len(data):
            raise WireError("an element that is longer than what holds it")
        yield tag, data[at : at + size]
        at += size


def _parse_number(content: bytes) -> int:
    if not 1 <= len(content) <= _NUMBER_BYTES_MAX:
        raise WireError(f"a number of {len(content)} bytes")
    return int.from_bytes(content, "big", signed=True)


def _parse_oid(content: bytes) -> Oid:
    if not content or content[-1] & 0x80:
        raise WireError("an object identifier that breaks off")
    arcs: list[int] = []
    arc = 0
    for octet in content:
        arc = arc << 7 | octet & 0x7F
        if arc >> 32:
            raise WireError("an arc beyond 32 bits")
        if not octet & 0x80:
            arcs.append(arc)
            arc = 0
    if len(arcs) >= ARCS_MAX:
        raise WireError(f"more than {ARCS_MAX} arcs")
    top = min(arcs[0] // 40, 2)
    return (top, arcs[0] - 40 * top, *arcs[1:])


def _parse_binding(tag: int, content: bytes) -> Binding:
    parts = list(_elements(content))
    if tag != SEQUENCE or len(parts) != 2 or parts[0][0] != OBJECT_ID:  # noqa: PLR2004 - a name and a value
        raise WireError("a variable that is not a name and a value")
    kind, body = parts[1]
    return _parse_oid(parts[0][1]), Value(kind, _parse_content(kind, body))


def _parse_content(kind: int, body: bytes) -> Content:
    if kind in _NUMBERS:
        return _parse_number(body)
    if kind == OBJECT_ID:
        return _parse_oid(body)
    if kind in _EMPTY:
        if body:
            raise WireError("an empty value with content")
        return None
    return body
