"""TLS to the broker, in the words and errors of an uplink. Loaded only where an uplink has TLS."""

import socket
import ssl

from drivers import tls as server
from kit.tables.uplinks import UplinkTls
from kit.uplinks.errors import TlsRefusedError


async def handshake(
    connection: socket.socket, tls: UplinkTls, host: str, wall_ms: int
) -> tuple[ssl.SSLSocket, str]:
    """As ``drivers.tls.handshake``; raises TlsRefusedError."""
    try:
        return await server.handshake(connection, tls, host, wall_ms)
    except server.UntrustedError as error:
        raise TlsRefusedError(str(error)) from error


words_on = server.words_on
