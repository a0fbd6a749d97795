"""The probes of one session that were not echoed yet."""

from collections import deque
from typing import Final, NamedTuple

from failover.events import Instant

PROBES_MAX: Final = 16  # probes under way on one session


class Sent(NamedTuple):
    """One probe."""

    nonce: int
    at: Instant


class UnderWay:
    """Probes in the order in which they were sent, at most ``PROBES_MAX``. Numbers go on from session to session."""

    def __init__(self) -> None:
        self.nonce = 0
        self._sent: deque[Sent] = deque()

    def __len__(self) -> int:
        """How many there are."""
        return len(self._sent)

    @property
    def full(self) -> bool:
        """Whether no more may be sent before an echo."""
        return len(self._sent) >= PROBES_MAX

    @property
    def oldest_at(self) -> Instant:
        """When the oldest was sent; there must be one."""
        return self._sent[0].at

    def send(self, now: Instant) -> int:
        """One more goes out; its number."""
        self.nonce += 1
        self._sent.append(Sent(self.nonce, now))
        return self.nonce

    def hear(self, nonce: int) -> tuple[Instant, int] | None:
        """An echo: when its probe was sent, and how many before it were lost. None: nobody waits for it.

        A session keeps its order: what an echo overtook was dropped on the way.
        """
        if all(sent.nonce != nonce for sent in self._sent):
            return None
        lost = 0
        while (sent := self._sent.popleft()).nonce != nonce:
            lost += 1
        return sent.at, lost

    def end(self) -> int:
        """The session ended: how many were lost with it."""
        lost = len(self._sent)
        self._sent.clear()
        return lost
