"""Paths that swallow large packets and say nothing (RFC 2923 §2.1): noticed, and passed by in smaller segments.

Small packets pass, so the session stands and its probes come back; an envelope does not. What tells it from a dead
path: the session that hung had just been answered, and the next one stands at once. Either way may swallow: ours out,
or the centre's back, with a receipt or the certificate of a TLS handshake.
"""

from typing import Final, Literal

from failover.path import Path
from kit.uplinks.tcp_info import TcpInfo

Way = Literal["out", "back"]

STEPS: Final = (
    1_200,
    536,
)  # bytes: the least MTU of IPv6 with room for tunnels; the least of all (RFC 9293 §3.7.1)
PASSED_MAX_MS: Final = 10_000  # an answer that is older than this says nothing of the path any more
STALLS_MAX: Final = 3  # of segments that are known to pass, in a row, before they are doubted all the same
HANDSHAKE_MIN_MS: Final = 300  # without a certificate, and so many round trips: segments are suspected
HANDSHAKE_ROUNDS: Final = 4


class Segments:
    """How large the segments of one uplink's sessions are. Remembered until the path is another one."""

    def __init__(self, configured: int) -> None:
        self._configured = configured
        self._path: tuple[str, int, int] | None = None
        self._proven: set[Way] = set()
        self._stalls: dict[Way, int] = {}
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

    def passed(self, way: Way) -> None:
        """Something larger than the smallest segments was acknowledged, or came. It says nothing of the other way."""
        self._proven.add(way)
        self._stalls[way] = 0

    def stalled(self, way: Way, answered_ms_before: int) -> None:
        """A session ended while something large hung, sent again in vain; it had been heard so long before that."""
        if answered_ms_before > PASSED_MAX_MS:
            return
        stalls = self._stalls[way] = self._stalls.get(way, 0) + 1
        if way in self._proven and stalls < STALLS_MAX:
            return
        smaller = next((step for step in STEPS if step < self.mss), None)
        if smaller is None:  # the smallest do not pass either: the segments are not to blame
            self._begin_anew()
            return
        before = self.mss
        self._begin_anew()
        self._before, self.mss = before, smaller

    def stood(self) -> None:
        """The next session stands, right after the stall: small packets pass."""
        if self._before is not None:
            self.words = (
                f"segments of {self._before} bytes hung while small ones passed (an MTU black hole?): {self.mss} bytes "
                "are used"
            )
            self._before = None

    def fell(self) -> None:
        """The next session could not be made: the path was dead, and its segments are innocent."""
        if self._before is not None:
            self.mss, self._before = self._before, None

    def _begin_anew(self) -> None:
        self.mss, self._before, self.words = self._configured, None, ""
        self._proven, self._stalls = set(), {}


def hangs(info: TcpInfo | None, waited_ms: int) -> Way | None:
    """Which way the large packets of a TLS handshake seem to be swallowed, that was given up after ``waited_ms``."""
    if info is None:
        return None
    if info.unacked:
        return "out" if info.stalled else None
    if info.out_of_order or waited_ms >= max(HANDSHAKE_MIN_MS, HANDSHAKE_ROUNDS * info.rtt_ms):
        return "back"
    return None
