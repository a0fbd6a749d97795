"""Who else answers near the centre: name servers, honest and lying, a page that is empty, and a captive portal.

    python -m tests.netlab.servers CERTIFICATE KEY

UDP 53: a name server; every name has ``TRUTH``, but for askers whose addresses begin with one of ``lies``: for them it
has ``LIE``. TCP 80: an empty page (204). ``PORTAL``: a captive portal; ``TLS_PORTAL``: the same over TLS with that
certificate. A line of JSON on standard input, a list of beginnings of addresses, changes ``lies``; a line answers.
"""

import asyncio
import json
import socket
import ssl
import struct
import sys
from typing import Any, Final

from tests.netlab.link import BROKER

TRUTH: Final = BROKER
LIE: Final = "10.99.66.1"
DNS: Final = 53
HTTP: Final = 80
PORTAL: Final = 8081
TLS_PORTAL: Final = 8444
TTL_S: Final = 1
_A, _IN = 1, 1
_ANSWERS: Final = {
    HTTP: b"204 No Content",
    PORTAL: b"302 Found\r\nLocation: http://portal.example/login",
}


class NameServer(asyncio.DatagramProtocol):
    """RFC 1035, as little as does."""

    def __init__(self) -> None:
        self.lies: list[str] = []
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        end = 12
        while data[end]:
            end += 1 + data[end]
        question = data[12 : end + 5]
        asked, _ = struct.unpack("!HH", question[-4:])
        number = LIE if any(address[0].startswith(start) for start in self.lies) else TRUTH
        answer = b""
        if asked == _A:
            answer = struct.pack("!HHHIH", 0xC00C, _A, _IN, TTL_S, 4) + socket.inet_aton(number)
        head = data[:2] + struct.pack("!HHHHH", 0x8180, 1, bool(answer), 0, 0)
        self._transport.sendto(head + question + answer, address)


async def serve(certificate: str, key: str) -> None:
    """Until standard input ends."""
    loop, names = asyncio.get_running_loop(), NameServer()
    await loop.create_datagram_endpoint(lambda: names, local_addr=("0.0.0.0", DNS))  # noqa: S104 - all of a namespace
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    await asyncio.start_server(_answering(HTTP), port=HTTP)
    await asyncio.start_server(_answering(PORTAL), port=PORTAL)
    await asyncio.start_server(_answering(PORTAL), port=TLS_PORTAL, ssl=context)
    reader = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    _done()
    while line := await reader.readline():
        names.lies = json.loads(line)
        _done()


def _answering(port: int) -> Any:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await reader.read(1024)
            writer.write(
                b"HTTP/1.1 " + _ANSWERS[port] + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()

    return answer


def _done() -> None:
    sys.stdout.write("done\n")
    sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(serve(*sys.argv[1:]))
