"""Whether a captive portal stands between an uplink and the world: a page that must be empty is not (RFC 8952 §1).

Asked over the uplink itself, and only when no session can be made.
"""

import asyncio
import re
import socket
from typing import Final
from urllib.parse import urlsplit

from failover.path import Path
from kit.uplinks.errors import DialError
from kit.uplinks.names import Names
from kit.uplinks.on_the_air import Spent, nobody_asks, tell_end
from kit.uplinks.sockets import connect, family_of, open_socket

CHECK_MAX_S: Final = 4.0  # seconds for all of it
EVERY_S: Final = 60.0  # seconds between two checks of one uplink, at least
HEAD_MAX: Final = 4_096  # bytes of an answer's head that are read
LOCATION_MAX: Final = 80  # characters of where it sends us, that are told
HTTP_PORT: Final = 80
_MSS: Final = 1_200
_STATUS: Final = re.compile(rb"HTTP/1\.[01] ([0-9]{3})(?: |\r|\n)")
_LOCATION: Final = re.compile(rb"\r?\nlocation:[ \t]*([!-~]{1,400})", re.IGNORECASE)
_LENGTH: Final = re.compile(rb"\r?\ncontent-length:[ \t]*([0-9]{1,9})", re.IGNORECASE)


async def check(url: str, servers: tuple[str, ...], path: Path | None, spent: Spent = nobody_asks) -> str:
    """Ask for ``url``, which answers 204 and nothing else; returns what to say of who else answers, or ``""``.

    No answer says nothing: without a way to the world there is none. Takes CHECK_MAX_S at most.
    """
    try:
        async with asyncio.timeout(CHECK_MAX_S):
            return judge(await _get(url, servers, path, spent))
    except (TimeoutError, OSError, ValueError):
        return ""


def judge(head: bytes) -> str:
    """What an answer's head (RFC 9112 §2.1) says of who sent it: ``""`` for an empty 204, and for nothing at all."""
    if not head:
        return ""
    status = _STATUS.match(head)
    if status is None:
        return "a captive portal answers: not even in HTTP"
    length = _LENGTH.search(head)
    if status[1] == b"204" and (length is None or int(length[1]) == 0):
        return ""
    said = f"a captive portal answers: status {status[1].decode()}"
    location = _LOCATION.search(head)
    return said if location is None else f"{said}, {location[1].decode()[:LOCATION_MAX]}"


async def _get(url: str, servers: tuple[str, ...], path: Path | None, spent: Spent) -> bytes:
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or HTTP_PORT
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    request = f"GET {target} HTTP/1.1\r\nHost: {parts.netloc}\r\nAccept: */*\r\nConnection: close\r\n\r\n"
    names, loop = Names(host, servers, spent=spent), asyncio.get_running_loop()
    try:
        names.begin(path)
        while (address := names.next((), path)) is None:
            if not names.asking:
                raise DialError(names.trouble or "no address")
            await names.news()
    finally:
        await names.close()
    made, _ = open_socket(socket.AddressFamily(family_of(address)), "tcp", path, _MSS)
    with made:
        try:
            await connect(made, address, port)
            await loop.sock_sendall(made, request.encode())
            head = b""
            while len(head) < HEAD_MAX and b"\r\n\r\n" not in head:
                piece = await loop.sock_recv(made, HEAD_MAX)
                if not piece:
                    break
                head += piece
            return head[:HEAD_MAX]
        finally:
            tell_end(made, spent)
