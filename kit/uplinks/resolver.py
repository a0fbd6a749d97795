"""One question to one DNS server, over one uplink (dnspython). Loaded only where an uplink has servers of its own."""

import asyncio
import contextlib
import socket
from typing import Final

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype

from failover.path import Path
from kit.uplinks.errors import DialError, NameUnknownError
from kit.uplinks.on_the_air import Spent, nobody_asks, tell_end
from kit.uplinks.sockets import connect, family_of, open_socket

PORT: Final = 53
TRIES_S: Final = (0.3, 0.6, 1.2)  # seconds to wait for an answer to each datagram; then it is asked once more
ANSWER_MAX: Final = 4_096  # bytes of a datagram, and of an answer by TCP
EDNS_MAX: Final = 1_232  # bytes that we say we take in a datagram: what passes everywhere
_LENGTH: Final = 2  # bytes
_UDP_HEADERS: Final = {socket.AF_INET: 20 + 8, socket.AF_INET6: 40 + 8}  # bytes, of IP and UDP
_MSS: Final = 1_200


async def ask(
    server: str, name: str, family: socket.AddressFamily, path: Path | None, spent: Spent = nobody_asks
) -> tuple[list[str], int]:
    """Addresses of a name, and for how many seconds they hold. Takes no longer than all of TRIES_S.

    Raises:
        NameUnknownError: there are none, or nobody answered; in words.
    """
    kind = dns.rdatatype.AAAA if family == socket.AF_INET6 else dns.rdatatype.A
    try:
        query = dns.message.make_query(name, kind, use_edns=0, payload=EDNS_MAX)
        answer = await _by_datagram(server, query, path, spent)
        if answer.flags & dns.flags.TC:
            async with asyncio.timeout(sum(TRIES_S)):
                answer = await _by_stream(server, query, path, spent)
        return read_addresses(answer, server)
    except TimeoutError as error:
        raise NameUnknownError(f"{server} does not answer") from error
    except dns.exception.DNSException as error:
        raise NameUnknownError(f"{server} talks nonsense") from error
    except NameUnknownError:
        raise
    except (DialError, OSError) as error:
        raise NameUnknownError(f"{server} cannot be asked: {error}") from error


def read_answer(data: bytes, query: dns.message.Message) -> dns.message.QueryMessage | None:
    """The answer to this query; None for anything else, which anybody may have sent."""
    try:
        answer = dns.message.from_wire(data, ignore_trailing=True)
    except dns.exception.DNSException:
        return None
    return answer if isinstance(answer, dns.message.QueryMessage) and query.is_response(answer) else None


def read_addresses(answer: dns.message.QueryMessage, server: str) -> tuple[list[str], int]:
    """Addresses, by way of aliases, and for how many seconds they hold.

    Raises:
        NameUnknownError: the server says that it has none to give.
        dns.exception.DNSException: the answer contradicts itself.
    """
    chain = answer.resolve_chaining()
    if answer.rcode() != dns.rcode.NOERROR:
        raise NameUnknownError(f"{server} says {dns.rcode.to_text(answer.rcode())}")
    found = [] if chain.answer is None else [str(record) for record in chain.answer]
    return found, int(chain.minimum_ttl)


async def _by_datagram(
    server: str, query: dns.message.Message, path: Path | None, spent: Spent
) -> dns.message.QueryMessage:
    loop, wire = asyncio.get_running_loop(), query.to_wire()
    headers = _UDP_HEADERS[family_of(server)]
    made, _ = open_socket(family_of(server), "udp", path)
    with made:
        made.connect((server, PORT))  # so the kernel takes datagrams of this server alone
        for wait_s in TRIES_S:
            try:
                await loop.sock_sendall(made, wire)
                spent(headers + len(wire))
                async with asyncio.timeout(wait_s):
                    while True:
                        data = await loop.sock_recv(made, ANSWER_MAX)
                        spent(headers + len(data))
                        answer = read_answer(data, query)
                        if answer is not None:
                            return answer
            except TimeoutError:
                continue
    raise TimeoutError


async def _by_stream(
    server: str, query: dns.message.Message, path: Path | None, spent: Spent
) -> dns.message.QueryMessage:
    """RFC 7766: two bytes of length before the message."""
    loop, wire = asyncio.get_running_loop(), query.to_wire()
    made, _ = open_socket(family_of(server), "tcp", path, _MSS)
    with contextlib.ExitStack() as at_end:
        at_end.enter_context(made)
        at_end.callback(tell_end, made, spent)
        await connect(made, server, PORT)
        await loop.sock_sendall(made, len(wire).to_bytes(_LENGTH) + wire)
        data = b""
        while len(data) < min(_LENGTH + int.from_bytes(data[:_LENGTH]), ANSWER_MAX) or len(data) < _LENGTH:
            piece = await loop.sock_recv(made, ANSWER_MAX)
            if not piece:
                raise NameUnknownError(f"{server} ends in the middle of its answer")
            data += piece
    answer = read_answer(data[_LENGTH : _LENGTH + int.from_bytes(data[:_LENGTH])], query)
    if answer is None:
        raise NameUnknownError(f"{server} talks nonsense")
    return answer
