"""Paths that swallow large packets and say nothing (RFC 2923 §2.1): noticed, and passed by in smaller segments.

Small packets pass, so the session stands and its probes come back; an envelope does not, or its receipt on the way
back, or the certificate of a TLS handshake. What tells it from a dead path: the session that hung had just been
answered, and the next one stands at once. A path that loses much looks the same now and then; smaller segments cost it
next to nothing, and an envelope that waits until the difference is known costs seconds in the critical window.
"""

from typing import Final

from failover.path import Path
from kit.uplinks.tcp_info import TcpInfo

STEPS: Final = (
    1_200,
    536,
)  # bytes: the least MTU of IPv6 with room for tunnels; the least of all (RFC 9293 §3.7.1)
PASSED_MAX_MS: Final = 10_000  # an answer that is older than this says nothing of the path any more
HANDSHAKE_MIN_MS: Final = 1_000  # without a certificate, and so many round trips: segments are suspected
HANDSHAKE_ROUNDS: Final = 4


class Segments:
    """How large the segments of one uplink's sessions are. Remembered until the path is another one."""

    def __init__(self, configured: int) -> None:
        self._configured = configured
        self._path: tuple[str, int, int] | None = None
        self._before: int | None = None
        """The size that is under suspicion, until the next session stands or does not."""
        self.mss = configured
        """Bytes of the next session's segments."""
        self.words = ""
        """Why they are smaller than configured, for people."""

    def on_path(self, path: Path | None) -> None:
        """The next session takes this path: another one is innocent of what the one before swallowed."""
        key = None if path is None else (path.interface, path.index, path.mtu)
        if key != self._path:
            self._path = key
            self._begin_anew()

    def stalled(self, answered_ms_before: int) -> None:
        """A session ended while something hung, sent again in vain; it had been heard so long before that."""
        if answered_ms_before > PASSED_MAX_MS:
            return
        smaller = next((step for step in STEPS if step < self.mss), None)
        if smaller is None:  # the smallest do not pass either: the segments are not to blame
            self._begin_anew()
            return
        self._before, self.mss = self.mss, smaller

    def stood(self) -> None:
        """The next session stands, right after the stall: small packets pass."""
        if self._before is not None:
            self.words = (
                f"segments of {self._before} bytes hung while small ones passed (an MTU black hole, or much loss): "
                f"{self.mss} bytes are used"
            )
            self._before = None

    def fell(self) -> None:
        """The next session could not be made: the path was dead, and its segments are innocent."""
        if self._before is not None:
            self.mss, self._before = self._before, None

    def _begin_anew(self) -> None:
        self.mss, self._before, self.words = self._configured, None, ""


def hangs(info: TcpInfo | None, waited_ms: int) -> bool:
    """Whether large packets of a TLS handshake seem to be swallowed, that was given up after ``waited_ms``."""
    if info is None:
        return False
    if info.unacked:
        return info.stalled
    return info.out_of_order > 0 or waited_ms >= max(HANDSHAKE_MIN_MS, HANDSHAKE_ROUNDS * info.rtt_ms)
