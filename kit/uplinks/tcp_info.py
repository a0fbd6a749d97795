"""What the kernel knows of a TCP connection (tcp(7), TCP_INFO; struct tcp_info of linux/tcp.h), and when it is news."""

import socket
import struct
from dataclasses import dataclass
from typing import Final

_FORM: Final = struct.Struct("=8B24I")
"""Eight bytes (state, ca_state, retransmits, probes, backoff, options, window scales, flags), then 24 words."""
SIZE: Final = _FORM.size  # bytes; later kernels append to them
_OUT_OF_ORDER: Final = struct.Struct("=224xI")
"""What Linux 5.4 and later append, up to tcpi_rcv_ooopack."""
SIZE_MAX: Final = _OUT_OF_ORDER.size  # bytes that are asked for
_MOVED_MIN_MS: Final = 5  # a round trip must move by more than this to be news, however short it is


@dataclass(frozen=True, slots=True)
class TcpInfo:
    """Some of struct tcp_info. Times in milliseconds; ``retransmits``: of the oldest bytes, by time-out, in a row."""

    retransmits: int
    backoff: int
    send_mss: int
    unacked: int
    """Segments sent and not yet acknowledged."""
    last_ack_ms: int
    """Since the last acknowledgement came."""
    rtt_ms: int
    total_retransmits: int
    out_of_order: int = 0
    """Packets that came where one before them was missing, since the start; 0 where the kernel does not count them."""

    @property
    def stalled(self) -> bool:
        """Bytes were sent again and are still not acknowledged."""
        return self.unacked > 0 and self.retransmits > 0


def parse(data: bytes) -> TcpInfo:
    """Read struct tcp_info; raises ValueError for less than the 104 bytes that every kernel since 2.6 gives."""
    if len(data) < SIZE:
        raise ValueError(f"tcp_info has {len(data)} bytes, not {SIZE}")
    _, _, retransmits, _, backoff, _, _, _, *words = _FORM.unpack_from(data)
    return TcpInfo(
        retransmits=retransmits,
        backoff=backoff,
        send_mss=words[2],
        unacked=words[4],
        last_ack_ms=words[12],
        rtt_ms=words[15] // 1000,
        total_retransmits=words[23],
        out_of_order=_OUT_OF_ORDER.unpack_from(data)[0] if len(data) >= SIZE_MAX else 0,
    )


def read(connection: object) -> TcpInfo | None:
    """Of a connection; None where it is closed, or no socket of the kernel's."""
    if not isinstance(connection, socket.socket):
        return None
    try:
        return parse(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, SIZE_MAX))
    except (OSError, ValueError):
        return None


class TcpWatch:
    """What was told of one session last, so that only news are told."""

    def __init__(self) -> None:
        self._told: tuple[int, bool] | None = None

    def news(self, info: TcpInfo) -> tuple[int, bool] | None:
        """(round trip in ms, stalled) where it says something new: a stall, its end, or a quarter more or less."""
        if self._told is not None:
            rtt_ms, stalled = self._told
            moved_ms = abs(info.rtt_ms - rtt_ms)
            if stalled == info.stalled and moved_ms <= max(rtt_ms // 4, _MOVED_MIN_MS):
                return None
        self._told = (info.rtt_ms, info.stalled)
        return self._told
