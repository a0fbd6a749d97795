"""An SNMPv2c agent, without input or output: a datagram and the rows of a MIB in, a datagram out (RFC 3416, 4.2)."""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final

from simulators.devices.snmp_wire import (
    BINDINGS_MAX,
    DATAGRAM_MAX,
    END_OF_MIB_VIEW,
    GET,
    GET_BULK,
    GET_NEXT,
    NO_SUCH_INSTANCE,
    NO_SUCH_OBJECT,
    RESPONSE,
    SET,
    Binding,
    Message,
    Oid,
    Value,
    WireError,
    decode,
    encode,
)

REPETITIONS_MAX: Final = 64  # rows that one GetBulk can ask for; a larger number counts as this
_TOO_BIG: Final = 1
_NOT_WRITABLE: Final = 17

Rows = Mapping[Oid, Value]


class SnmpAgent:
    """Answers for one community. What is not SNMPv2c, or has another community, gets no answer (RFC 3584, RFC 1157)."""

    def __init__(self, community: str) -> None:
        self._community: Final = community.encode()
        self.refused = 0
        """Datagrams that named another community."""

    def answer(self, datagram: bytes, rows: Rows) -> bytes:
        """The answer to a datagram, at most DATAGRAM_MAX bytes; empty where there is none."""
        try:
            asked = decode(datagram)
        except WireError:
            return b""
        if asked.community != self._community:
            self.refused += 1
            return b""
        order = sorted(rows)
        match asked.pdu:
            case kind if kind == GET:
                return _reply(asked, [(name, _get(rows, name)) for name, _ in asked.bindings])
            case kind if kind == GET_NEXT:
                return _reply(asked, [_next(rows, order, name) for name, _ in asked.bindings])
            case kind if kind == GET_BULK:
                return _reply_bulk(asked, rows, order)
            case kind if kind == SET:
                return encode(_response(asked, asked.bindings, _NOT_WRITABLE, 1))
            case _:
                return b""


def _get(rows: Rows, name: Oid) -> Value:
    if (value := rows.get(name)) is not None:
        return value
    known = any(row[: len(name) - 1] == name[:-1] for row in rows)
    return Value(NO_SUCH_INSTANCE if known else NO_SUCH_OBJECT)


def _next(rows: Rows, order: Sequence[Oid], name: Oid) -> Binding:
    at = bisect_right(order, name)
    return (order[at], rows[order[at]]) if at < len(order) else (name, Value(END_OF_MIB_VIEW))


def _reply(asked: Message, bindings: Sequence[Binding]) -> bytes:
    answer = encode(_response(asked, bindings))
    return answer if len(answer) <= DATAGRAM_MAX else encode(_response(asked, (), _TOO_BIG))


def _reply_bulk(asked: Message, rows: Rows, order: Sequence[Oid]) -> bytes:
    """RFC 3416 section 4.2.3: as many rows as fit; none of them is an error."""
    singles = min(max(asked.first, 0), len(asked.bindings))
    names = [name for name, _ in asked.bindings]
    found = [_next(rows, order, name) for name in names[:singles]]
    names = names[singles:]
    for _ in range(min(max(asked.second, 0), REPETITIONS_MAX) if names else 0):
        row = [_next(rows, order, name) for name in names]
        found += row
        names = [name for name, _ in row]
        if len(found) >= BINDINGS_MAX or all(value.tag == END_OF_MIB_VIEW for _, value in row):
            break
    found = found[:BINDINGS_MAX]
    while len(answer := encode(_response(asked, found))) > DATAGRAM_MAX:
        found.pop()
    return answer


def _response(asked: Message, bindings: Sequence[Binding], status: int = 0, index: int = 0) -> Message:
    return Message(asked.community, RESPONSE, asked.request_id, status, index, tuple(bindings))
