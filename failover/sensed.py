"""Passive evidence: what devices and the kernel say of an uplink, while nothing is sent for it.

It only ever ranks, and asks for a probe. What ends a session is a probe that stays unanswered, or a path that is gone.
"""

from typing import Final

from failover.events import Instant, LineGrade

SCORE_MAX: Final = 1_000  # of an uplink: no loss, no delay, and nobody says anything bad of it
LINE_POINTS: Final[dict[LineGrade, int]] = {"good": 0, "fair": 50, "poor": 200, "none": SCORE_MAX}
"""Points of score that a grade costs. A fair line is within the noise of a grade of the ranking; none ranks last."""
STALL_POINTS: Final = 300  # points of score, while what was sent stays unacknowledged
WORDS_MAX: Final = 80  # characters of a device's words that are kept


class Sensed:
    """What was heard last. Bounded: one word of each kind. A session's end takes what TCP said with it.

    Attributes:
        grade: of the line, "good" where nobody says anything.
        words: of the line, empty where nobody says anything.
        tcp_rtt_ms: the kernel's round trip of the session that stands; None: not heard.
        stalled: whether bytes of that session were sent again and are still not acknowledged.
    """

    def __init__(self) -> None:
        self.grade: LineGrade = "good"
        self.words = ""
        self.tcp_rtt_ms: int | None = None
        self.stalled = False
        self._stalled_at: Instant = 0

    def hear_line(self, grade: LineGrade, words: str) -> None:
        """A device says something of the line."""
        self.grade, self.words = grade, words[:WORDS_MAX]

    def hear_tcp(self, rtt_ms: int, now: Instant, *, stalled: bool) -> None:
        """The kernel says something of the session; ``rtt_ms``: 0 or more."""
        if stalled and not self.stalled:
            self._stalled_at = now
        self.tcp_rtt_ms, self.stalled = max(0, rtt_ms), stalled

    def end_session(self) -> None:
        """What TCP said was of a session that is no more."""
        self.tcp_rtt_ms, self.stalled = None, False

    def stalled_ms(self, now: Instant) -> int:
        """For how long the session has stalled; 0: it does not."""
        return max(0, now - self._stalled_at) if self.stalled else 0

    @property
    def points(self) -> int:
        """Points of score that all of it costs, 0 or more."""
        return LINE_POINTS[self.grade] + (STALL_POINTS if self.stalled else 0)
