"""Sockets that leave by one uplink and no other: bound to its interface and address before the first packet.

Options must be set before connect: SO_BINDTODEVICE and the source address decide which way the SYN leaves, and
TCP_MAXSEG what it announces (tcp(7), socket(7)).
"""

import asyncio
import errno
import ipaddress
import socket
from typing import Final, Literal

from failover.path import Path
from kit.uplinks.errors import NoFamilyError, PathUnusableError, RefusedError, SilentError

USER_TIMEOUT_MS: Final = 30_000  # unacknowledged bytes for so long end the connection (RFC 5482)
KEEPALIVE_IDLE_S: Final = (
    900  # longer than between probes, so that where they run it costs nothing; and little where data is short
)
KEEPALIVE_INTERVAL_S: Final = 10
KEEPALIVE_COUNT: Final = 3
MSS_MIN: Final = 88  # bytes: what Linux takes (TCP_MIN_MSS)
_HEADERS: Final = {socket.AF_INET: 40, socket.AF_INET6: 60}  # bytes of IP and TCP without options

OPTIONS: Final = (
    (socket.IPPROTO_TCP, socket.TCP_NODELAY, 1),
    (socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, USER_TIMEOUT_MS),
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, KEEPALIVE_IDLE_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, KEEPALIVE_COUNT),
)
"""Of every session's socket: a connection that died is noticed by the kernel, too, and none waits to fill a packet."""

Kind = Literal["tcp", "udp"]


def family_of(address: str) -> socket.AddressFamily:
    """IPv4 or IPv6 of an address in text; raises ValueError."""
    return socket.AF_INET6 if ipaddress.ip_address(address).version == 6 else socket.AF_INET  # noqa: PLR2004


def is_address(host: str) -> bool:
    """Whether it is one, and no name."""
    try:
        family_of(host)
    except ValueError:
        return False
    return True


def source_for(family: socket.AddressFamily, path: Path) -> str:
    """The best address of the path to send from.

    Raises:
        NoFamilyError: it has none of this family.
    """
    for source in path.sources:
        if family_of(source) == family:
            return source
    version = "IPv6" if family == socket.AF_INET6 else "IPv4"
    raise NoFamilyError(f"{path.interface} has no {version} address")


def open_socket(
    family: socket.AddressFamily, kind: Kind, path: Path | None, mss: int = 0
) -> tuple[socket.socket, bool]:
    """A non-blocking socket, bound to the path where there is one; nothing is sent.

    Returns it, and whether binding to the interface was forbidden, so that only the source address says where its
    packets leave. ``mss``: bytes of a TCP segment, both ways.

    Raises:
        PathUnusableError: packets could leave by another interface, or by none.
    """
    made = socket.socket(family, socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
    try:
        made.setblocking(False)
        forbidden = path is not None and not _bind(made, family, path)
        if kind == "tcp":
            for option in OPTIONS:
                made.setsockopt(*option)
            room = path.mtu - _HEADERS[family] if path is not None else mss
            made.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, max(MSS_MIN, min(mss, room)))
    except BaseException:
        made.close()
        raise
    return made, forbidden


def _bind(made: socket.socket, family: socket.AddressFamily, path: Path) -> bool:
    """Whether it could be bound to the interface, too."""
    source = source_for(family, path)
    try:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, path.interface.encode() + b"\0")
        to_device = True
    except PermissionError as error:
        if path.table is None:
            raise PathUnusableError(
                f"not allowed to bind to {path.interface}, and there is no routing table to keep packets on it: "
                "give kitd CAP_NET_RAW or CAP_NET_ADMIN"
            ) from error
        to_device = False
    except OSError as error:
        raise PathUnusableError(f"{path.interface} cannot be bound to: {words_of(error)}") from error
    scope = path.index if family == socket.AF_INET6 and ipaddress.ip_address(source).is_link_local else 0
    try:
        made.bind((source, 0) if family == socket.AF_INET else (source, 0, 0, scope))
    except OSError as error:
        raise PathUnusableError(
            f"{source} of {path.interface} cannot be sent from: {words_of(error)}"
        ) from error
    return to_device


async def connect(made: socket.socket, address: str, port: int) -> None:
    """Connect it, with no time-out of its own; raises RefusedError, SilentError."""
    try:
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except (TimeoutError, BlockingIOError) as error:
        raise SilentError("no answer") from error
    except OSError as error:
        raise RefusedError(words_of(error)) from error


def words_of(error: OSError) -> str:
    """What the kernel says, such as "network is unreachable"."""
    if error.errno == errno.ECONNREFUSED:
        return "connection refused"
    return (error.strerror or str(error) or type(error).__name__).lower()
