"""What went out by SMS within the last hour, of all envelopes together: it bounds what a kit costs."""

from collections import deque
from typing import Final

HOUR_MS: Final = 3_600_000
ACCOUNTS_MIN: Final = (
    6  # SMS in an hour that ballot accounts may always use, of the least that can be configured
)


class Hour:
    """Wall times of what was given to modems, at most ``most`` of them, in milliseconds."""

    def __init__(self, most: int) -> None:
        self._most: Final = most
        self._recent: deque[int] = deque(maxlen=most)

    def add(self, count: int, at_ms: int) -> None:
        """So many are given to a modem."""
        self._recent.extend([at_ms] * count)

    def give_back(self, count: int) -> None:
        """So many of the last ones were surely not sent."""
        for _ in range(min(count, len(self._recent))):
            self._recent.pop()

    def boot(self, wall_ms: int) -> None:
        """What is written down of times that are still to come happened just now: the clock went back."""
        self._recent = deque((min(at_ms, wall_ms) for at_ms in self._recent), self._most)

    def count(self, wall_ms: int) -> int:
        """How many there were in the hour before ``wall_ms``."""
        return sum(wall_ms - at_ms < HOUR_MS for at_ms in self._recent)

    def share(self, *, tally: bool) -> int:
        """How many may go for such an envelope. Accounts leave half of it to tallies, which come later."""
        return self._most if tally else max(self._most // 2, ACCOUNTS_MIN)

    def wait_ms(self, wall_ms: int) -> int:
        """How long until one more may go, where the hour is full."""
        at_ms = next((at_ms for at_ms in self._recent if wall_ms - at_ms < HOUR_MS), wall_ms)
        return at_ms + HOUR_MS - wall_ms
