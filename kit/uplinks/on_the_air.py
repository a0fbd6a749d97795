"""How many bytes of IP a TCP connection put on the line, both ways, by the kernel's own counts (tcp(7), TCP_INFO).

All is in them: handshakes, TLS, MQTT, keepalives, what was sent again, headers of IP and TCP. Not in them: what the
network lost on its way to us, and what the other side sent again in vain. After the connection is closed nobody can
look any more; what its end takes is reckoned.
"""

import socket
import struct
from collections.abc import Callable
from typing import Final

_FORM: Final = struct.Struct("=BxB2xB10xI4xI92xQQIII52xQQ")
"""struct tcp_info of linux/tcp.h: tcpi_state, tcpi_retransmits, tcpi_options, tcpi_snd_mss, tcpi_unacked;
tcpi_bytes_acked, tcpi_bytes_received, tcpi_segs_out, tcpi_segs_in and tcpi_notsent_bytes (Linux 4.6),
tcpi_bytes_sent and tcpi_bytes_retrans (Linux 4.19)."""
_TIMESTAMPS: Final = 1  # TCPI_OPT_TIMESTAMPS
_HEADERS: Final = {socket.AF_INET: 20 + 20, socket.AF_INET6: 40 + 20}  # bytes of IP and TCP without options
_TIMESTAMP_BYTES: Final = 12  # in each segment of a connection that has them (RFC 7323 §3.2)
_SYN_BYTES: Final = 8  # options of a SYN beyond that: segment size, window scale, SACK permitted
_ESTABLISHED, _SYN_SENT, _CLOSE_WAIT = 1, 2, 8
_END_SEGMENTS: Final = {_ESTABLISHED: 4, _CLOSE_WAIT: 2}
"""After the last look: FIN and ACK of both sides, or of the one that had not sent its own."""
_REPEATS: Final = 8
"""Where the kernel repeats something in vain, it goes on: twice as long after each time, until TCP_USER_TIMEOUT (30 s)
ends that."""
TELL_BYTES: Final = 10_000  # bytes that are worth being told ...
TELL_S: Final = 30.0  # ... and seconds after which fewer are

Spent = Callable[[int], None]
"""So many bytes went over the air, more than were told before."""


def read_total(connection: object, *, ends: bool = False) -> int | None:
    """Bytes since it was begun; None where the kernel does not count them, or it is closed.

    ``ends``: it is closed right after this; with what that takes.
    """
    if not isinstance(connection, socket.socket) or connection.family not in _HEADERS:
        return None
    try:
        data = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _FORM.size)
    except OSError:
        return None
    if len(data) < _FORM.size:
        return None
    state, repeats, options, mss, unacked, *counts = map(int, _FORM.unpack(data))
    acked, received, segments_out, segments_in, waits, sent, repeated = counts
    header = _HEADERS[connection.family]
    if state == _SYN_SENT:
        return (header + _TIMESTAMP_BYTES + _SYN_BYTES) * segments_out
    header += _TIMESTAMP_BYTES if options & _TIMESTAMPS else 0
    total = sent + received + header * (segments_out + segments_in) + 2 * _SYN_BYTES
    if ends and unacked and repeats and state in _END_SEGMENTS:
        size = min(mss, max(0, sent - repeated - acked) + waits)  # small segments are put together
        return total + max(0, _REPEATS - repeats) * (header + size)
    return total + (header * _END_SEGMENTS.get(state, 0) if ends else 0)


def nobody_asks(_: int) -> None:
    """For what nobody pays for."""


def tell_end(connection: object, spent: Spent) -> None:
    """Of a connection that nobody looked at before, and that is closed right after this."""
    total = read_total(connection, ends=True)
    if total is not None:
        spent(total)


class Meter:
    """Tells what one connection spends, now and then, and once more at its end."""

    def __init__(self, spent: Spent) -> None:
        self._spent = spent
        self._total = 0
        self._told = 0
        self._told_at = 0.0

    def look(self, connection: object, *, ends: bool = False) -> None:
        """``ends``: it is closed right after this. From any thread."""
        total = read_total(connection, ends=ends)
        if total is not None:
            self._total = max(self._total, total)  # an end that was reckoned is not taken back

    def tell(self, now: float) -> None:
        """What is worth it at ``now``, in seconds."""
        if self._total - self._told >= TELL_BYTES or now - self._told_at >= TELL_S:
            self._told_at = now
            self.tell_all()

    def tell_all(self) -> None:
        """What was not told yet, however little."""
        size, self._told = self._total - self._told, self._total
        if size > 0:
            self._spent(size)
