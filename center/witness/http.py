"""The edge to HTTP of witnesses (c2sp.org/tlog-witness) and of those who ask them.

Served are ``add-checkpoint`` and the monitors' ``checkpoint``. As much of HTTP/1.1 (RFC 9112) as this needs: one
request a connection, bodies of a stated and bounded length.
"""

import asyncio
import re
import ssl
from collections.abc import Callable
from typing import Final
from urllib.parse import SplitResult, urlsplit

import structlog

from center.errors import CenterError
from center.witness.address import PLAIN_TEXT, Answer
from center.witness.answers import add_checkpoint
from center.witness.witness import REQUEST_MAX, Request, Witness
from drivers.system_resolver import addresses_of

HEAD_MAX: Final = 8 * 1024  # bytes of request line and headers
ANSWER_MAX: Final = 64 * 1024  # bytes of an answer that is read
CONNECTIONS_MAX: Final = 32  # served at a time; others are turned away
REQUEST_S: Final = 5.0  # for a client to send its request, and to take the answer
ASK_S: Final = 10.0  # for a witness to answer

_PHRASES: Final = {
    200: "OK",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    411: "Length Required",
    413: "Content Too Large",
    422: "Unprocessable Entity",
    500: "Internal Server Error",
}
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([0-9]{1,9})[ \t]*\r\n", re.IGNORECASE)
_MONITOR: Final = re.compile(r"/([0-9a-f]{64})/checkpoint")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})[ \r]")

_log = structlog.get_logger("witness")


class WitnessServer:
    """Serves one witness; ``wall_s`` is the wall clock, seconds since the epoch."""

    def __init__(self, witness: Witness, wall_s: Callable[[], int]) -> None:
        self._witness = witness
        self._wall_s = wall_s
        self._connections = 0

    async def listen(self, host: str, port: int) -> asyncio.Server:
        """Start to serve; raises OSError when the address cannot be had."""
        return await asyncio.start_server(self._serve, host, port, limit=HEAD_MAX)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._connections += 1
        try:
            if self._connections <= CONNECTIONS_MAX:
                async with asyncio.timeout(REQUEST_S):
                    answer = await self._answer(reader)
                    writer.write(_rendered(answer))
                    await writer.drain()
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # whoever asks like this gets no answer
        finally:
            self._connections -= 1
            writer.close()

    async def _answer(self, reader: asyncio.StreamReader) -> Answer:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.partition(b"\r\n")[0].decode("ascii", "replace").partition(" ")
        path = rest.partition(" ")[0]
        monitored = _MONITOR.fullmatch(path)
        if monitored is not None and method == "GET":
            return self._newest(monitored[1])
        if path != "/add-checkpoint":
            return Answer(404, b"add-checkpoint and <origin hash>/checkpoint are served here\n")
        if method != "POST":
            return Answer(405, b"POST it\n")
        length = _LENGTH.search(head)
        if length is None:
            return Answer(411, b"say Content-Length\n")
        if int(length[1]) > REQUEST_MAX:
            return Answer(413, f"at most {REQUEST_MAX} bytes\n".encode())
        body = await reader.readexactly(int(length[1]))
        return add_checkpoint(self._witness, body, time_s=self._wall_s())

    def _newest(self, origin_sha256: str) -> Answer:
        try:
            note = self._witness.newest(origin_sha256)
        except CenterError as error:
            _log.critical("memory-lost", error=str(error))
            return Answer(500, b"this witness cannot read its memory\n")
        return Answer(404, b"never seen\n") if note is None else Answer(200, note.encode())


async def ask(url: str, request: Request) -> Answer:
    """Ask the witness at ``url`` (its submission prefix) to vouch for a checkpoint; raises OSError or TimeoutError."""
    parts = urlsplit(url)
    async with asyncio.timeout(ASK_S):
        reader, writer = await _connect(parts)
        try:
            writer.write(_asked(parts, request.to_bytes()))
            await writer.drain()
            data = await _read_to_end(reader)
        finally:
            writer.close()
    match = _STATUS_LINE.match(data)
    head, gap, body = data.partition(b"\r\n\r\n")
    if match is None or not gap:
        raise OSError(f"{url} answered no HTTP")
    length = _LENGTH.search(head + b"\r\n")
    if length is not None and int(length[1]) != len(body):
        raise OSError(f"{url} broke off in the middle of its answer")
    return Answer(int(match[1]), body)


async def _connect(parts: SplitResult) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """To the first of its addresses that answers; raises OSError."""
    host, secure = parts.hostname or "", parts.scheme == "https"
    why = OSError(f"{host} has no address")
    for address in await addresses_of(host):
        try:
            return await asyncio.open_connection(
                address,
                parts.port or 443,
                ssl=ssl.create_default_context() if secure else None,
                server_hostname=host if secure else None,
                limit=ANSWER_MAX,
            )
        except OSError as error:
            why = error
    raise why


def _asked(parts: SplitResult, body: bytes) -> bytes:
    head = (
        f"POST {parts.path.rstrip('/')}/add-checkpoint HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        f"Content-Type: {PLAIN_TEXT}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


async def _read_to_end(reader: asyncio.StreamReader) -> bytes:
    data = b""
    while chunk := await reader.read(ANSWER_MAX):
        data += chunk
        if len(data) > ANSWER_MAX:
            raise OSError(f"the answer is longer than {ANSWER_MAX} bytes")
    return data


def _rendered(answer: Answer) -> bytes:
    head = (
        f"HTTP/1.1 {answer.status} {_PHRASES[answer.status]}\r\nContent-Type: {answer.type}\r\n"
        f"Content-Length: {len(answer.body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + answer.body
