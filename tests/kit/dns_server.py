"""A DNS server on this machine that says what it is told to say, true or not, or nothing."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from typing import Literal, cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset

Mood = Literal["answers", "silent", "refuses", "garbage", "foreign", "truncates"]


class DnsServer(asyncio.DatagramProtocol):
    """``says``: addresses by name. ``asked``: how often a datagram came."""

    def __init__(self, says: Mapping[str, tuple[str, ...]], mood: Mood = "answers") -> None:
        self.says, self.mood = dict(says), mood
        self.asked = 0
        self.drop = 0
        """So many datagrams are lost first."""
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.asked += 1
        if self.asked <= self.drop or self.mood == "silent":
            return
        assert self._transport is not None
        for answer in self.answers(data):
            self._transport.sendto(answer, addr)

    def answers(self, data: bytes) -> list[bytes]:
        query = dns.message.from_wire(data)
        if self.mood == "garbage":
            return [b"", b"\0", data[:7], bytes(600)]
        if self.mood == "foreign":  # what an attacker sends who has not seen the question
            other = dns.message.make_query("other.example", "A")
            return [self._answer(other)]
        if self.mood == "truncates":
            short = dns.message.make_response(query)
            short.flags |= dns.flags.TC
            return [short.to_wire()]
        return [self._answer(query)]

    async def stream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError):
            data = await reader.readexactly(int.from_bytes(await reader.readexactly(2)))
            answer = self._answer(dns.message.from_wire(data))
            for byte in len(answer).to_bytes(2) + answer:  # one at a time
                writer.write(bytes([byte]))
                await writer.drain()
        writer.close()

    def _answer(self, query: dns.message.Message) -> bytes:
        response = dns.message.make_response(query)
        question = query.question[0]
        found = [
            address
            for address in self.says.get(str(question.name).rstrip("."), ())
            if (":" in address) == (question.rdtype == dns.rdatatype.AAAA)
        ]
        if self.mood == "refuses":
            response.set_rcode(dns.rcode.REFUSED)
        elif found:
            response.answer.append(dns.rrset.from_text(question.name, 60, "IN", question.rdtype, *found))
        return response.to_wire()


@contextlib.asynccontextmanager
async def dns_server(
    says: Mapping[str, tuple[str, ...]], mood: Mood = "answers", address: str = "127.0.0.53", port: int = 0
) -> AsyncIterator[tuple[DnsServer, int]]:
    """A server that answers on UDP and TCP; with its port."""
    made = DnsServer(says, mood)
    stream = await asyncio.start_server(made.stream, address, port)
    port = stream.sockets[0].getsockname()[1]
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: made, local_addr=(address, port)
    )
    try:
        yield made, port
    finally:
        transport.close()
        stream.close()
        await stream.wait_closed()
