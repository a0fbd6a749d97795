"""The way to upsd: a TCP connection, and TLS on it by STARTTLS before anything else is said (RFC 9271, STARTTLS)."""

import ssl
from hashlib import sha256
from typing import Final

from drivers import tcp
from drivers.ports import ByteStream, OpenStream, StreamClosedError
from drivers.ups.nut.frames import LINE_MAX, encode
from drivers.ups.nut.target import NutTarget, NutTrust, TrustAnyone, TrustCa, TrustFingerprint

_STARTTLS: Final = encode("STARTTLS")
_GO_AHEAD: Final = b"OK STARTTLS\n"
_LOGOUT: Final = encode("LOGOUT")


def open_line(target: NutTarget) -> OpenStream:
    """Returns what connects to upsd; whoever lets go of the stream has logged out.

    Returns:
        An opener that raises StreamClosedError when nobody listens, upsd offers no TLS, or it is not the one to trust.
    """

    async def open_stream() -> ByteStream:
        stream = await tcp.connect(target.host, target.port)
        try:
            if target.tls is not None:
                await _secure(stream, target, target.tls)
        except BaseException:
            stream.close()
            raise
        stream.farewell = _LOGOUT
        return stream

    return open_stream


async def _secure(stream: tcp.TcpStream, target: NutTarget, trust: NutTrust) -> None:
    context = _context(trust)
    await stream.write(_STARTTLS)
    answer = bytearray()
    while b"\n" not in answer and len(answer) <= LINE_MAX:
        answer += await stream.read()
    # Not one byte more: what follows in the clear could have been put there by anybody, to be taken for TLS's.
    if answer != _GO_AHEAD:
        raise StreamClosedError(
            f"upsd at {stream.name} offers no TLS, which is demanded here; it answered {bytes(answer[:80])!r}: "
            "give it a certificate (upsd.conf), or trust it in the clear (tls of the UPS)"
        )
    await stream.start_tls(context, _name(trust, target.host))
    if isinstance(trust, TrustFingerprint):
        shown = sha256(stream.peer_certificate()).digest()
        if shown != trust.sha256:
            raise StreamClosedError(
                f"upsd at {stream.name} shows another certificate than the trusted one: its SHA-256 is {shown.hex()}"
            )


def _name(trust: NutTrust, host: str) -> str:
    return trust.server_name or host if isinstance(trust, TrustCa) else host


def _context(trust: NutTrust) -> ssl.SSLContext:
    """Read the CA's file each time: it may be renewed while we run."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    match trust:
        case TrustCa(ca_file):
            try:
                context.load_verify_locations(ca_file)
            except OSError as wrong:  # an SSLError is one
                raise StreamClosedError(f"cannot read the CA's certificate in {ca_file}: {wrong}") from wrong
        case TrustFingerprint() | TrustAnyone():
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
    return context
