"""TCP connections, with TLS begun on the way where a protocol does so, as byte streams."""

import asyncio
import ssl
from typing import Final

from drivers.ports import StreamClosedError
from drivers.system_resolver import addresses_of

UNREAD_MAX: Final = (
    64 * 1024
)  # bytes that wait to be read before the sender is held up; one chunk may come on top
HANDSHAKE_MAX_S: Final = 4.0  # seconds for the TLS handshake


async def connect(host: str, port: int) -> "TcpStream":
    """Connect; no time-out but the system's, for ``drivers.link`` has one.

    Raises:
        StreamClosedError: nobody listens there, or the name is not known.
    """
    name, loop = f"{host} port {port}", asyncio.get_running_loop()
    why: Exception = OSError("no address")
    try:
        for address in await addresses_of(host):
            try:
                return (await loop.create_connection(lambda: TcpStream(name), address, port))[1]
            except OSError as wrong:
                why = wrong
    except (OSError, ValueError) as wrong:  # ValueError: what no name can be
        why = wrong
    raise StreamClosedError(f"cannot connect to {name}: {why}") from why


class TcpStream(asyncio.Protocol):
    """A connection. One task may read while another writes. ``name`` says which one, for messages.

    ``farewell``: what is said before the connection is let go of, where there is still room for it.
    """

    def __init__(self, name: str) -> None:
        self.name: Final = name
        self.farewell = b""
        self._transport: asyncio.Transport | None = None
        self._unread = bytearray()
        self._paused = False
        self._gone: str | None = None
        self._news = asyncio.Event()
        self._writable = asyncio.Event()
        self._writable.set()

    async def read(self) -> bytes:
        """Wait for at least one byte; raises StreamClosedError when the connection is gone."""
        while not self._unread:
            self._check()
            self._news.clear()
            await self._news.wait()
        data = bytes(self._unread)
        self._unread.clear()
        if self._paused and self._transport is not None:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, data: bytes) -> None:
        """Hand bytes over, waiting while too many are on their way; raises StreamClosedError when it is gone."""
        self._check().write(data)
        await self._writable.wait()
        self._check()

    def close(self) -> None:
        """Say farewell and let go, at once: a peer that takes nothing any more holds nothing up. Idempotent."""
        transport, self._transport = self._transport, None
        if transport is None:
            return
        self._lose("the connection was closed")
        if self.farewell and not transport.is_closing():
            transport.write(self.farewell)
        transport.abort()

    async def start_tls(self, context: ssl.SSLContext, server_name: str) -> None:
        """Go on in TLS, as the client.

        Raises:
            StreamClosedError: the server is not to be trusted, or no TLS server.
        """
        transport = self._check()
        loop = asyncio.get_running_loop()
        try:
            upgraded = await loop.start_tls(
                transport, self, context, server_hostname=server_name, ssl_handshake_timeout=HANDSHAKE_MAX_S
            )
        except ssl.SSLCertVerificationError as wrong:
            raise StreamClosedError(
                f"{self.name} is not to be trusted: {wrong.verify_message}; check its certificate, the CA and the clock"
            ) from wrong
        except (
            OSError,
            ValueError,
        ) as wrong:  # an SSLError is the one; the other: what no certificate can name
            raise StreamClosedError(f"no TLS with {self.name}: {wrong}") from wrong
        if upgraded is None or self._gone is not None:
            raise StreamClosedError(self._gone or f"{self.name} closed the connection")
        self._transport = upgraded

    def peer_certificate(self) -> bytes:
        """The certificate of a TLS server, DER; raises StreamClosedError where there is no TLS."""
        tls = self._check().get_extra_info("ssl_object")
        certificate = None if tls is None else tls.getpeercert(binary_form=True)
        if not certificate:
            raise StreamClosedError(f"{self.name} has shown no certificate")
        return bytes(certificate)

    # --- what the event loop calls -----------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The connection stands."""
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - of create_connection
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Bytes came; the sender is held up while too many wait."""
        self._unread += data
        if len(self._unread) >= UNREAD_MAX and not self._paused and self._transport is not None:
            self._paused = True
            self._transport.pause_reading()
        self._news.set()

    def pause_writing(self) -> None:
        """The peer takes too little."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """It takes more again."""
        self._writable.set()

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._lose(f"{self.name} closed the connection" if exc is None else f"{self.name} is gone: {exc}")

    def _check(self) -> asyncio.Transport:
        if self._gone is not None or self._transport is None:
            raise StreamClosedError(self._gone or "the connection was closed")
        return self._transport

    def _lose(self, reason: str) -> None:
        self._gone = self._gone or reason
        self._news.set()
        self._writable.set()
