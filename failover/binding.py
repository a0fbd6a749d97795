"""What one uplink is bound to: its present path, the one that its session took, and how steady paths have been."""

from typing import Final

from failover.events import Instant
from failover.path import Path

FLAPS_FREE: Final = (
    2  # changes of the path in a row that cost no wait: a lease that is renewed, an address that is added
)
FLAPS_MAX: Final = 1_000_000  # counted in a row; after that the count stays


class Binding:
    """The path of an uplink that is bound to an interface. Volatile: the kernel says it anew in every life.

    Args:
        steady_ms: how long a path must have stood for its end to be no flap.

    Attributes:
        path: the present one; None: the interface cannot carry packets.
        flaps: changes in a row, of paths that did not stand steadily.
    """

    def __init__(self, steady_ms: int) -> None:
        self.path: Path | None = None
        self.flaps = 0
        self._steady_ms = steady_ms
        self._since: Instant = 0
        self._taken: Path | None = None

    def take(self) -> Path | None:
        """A session is made on the present path."""
        self._taken = self.path
        return self.path

    def change(self, path: Path | None, now: Instant) -> None:
        """The path is another one from now on, or none."""
        if self.path is not None:  # one that ends; one that is found is no end
            self.flaps = 0 if now - self._since >= self._steady_ms else min(self.flaps + 1, FLAPS_MAX)
        self.path, self._since = path, now

    def keep(self, path: Path) -> None:
        """The path is told again, with nothing new that ends a session: another MTU, or one more address."""
        self.path = path

    def penalty(self) -> int:
        """As how many failures in a row the flaps count; 0: none."""
        return max(0, self.flaps - FLAPS_FREE)

    def is_moved_by(self, path: Path, *, session: bool) -> bool:
        """Whether packets go another way by ``path``. ``session``: whether one stands on the path that was taken.

        A session may be bound to any address of the path that it took, so it outlives those that are added and none
        that goes. Without a session each new address is worth a try.
        """
        before = self._taken if session else self.path
        if before is None:
            return True
        if (before.interface, before.index, before.table) != (path.interface, path.index, path.table):
            return True
        gone = set(before.sources) - set(path.sources)
        return bool(gone) or (not session and set(path.sources) != set(before.sources))
