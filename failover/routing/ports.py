"""What the shell needs of the kernel."""

from collections.abc import Sequence
from typing import Protocol

from failover.routing.picture import Picture
from failover.routing.plan import Operation


class RoutingError(Exception):
    """The kernel cannot be asked, or does not answer; the message says what was tried."""


class Kernel(Protocol):
    """One conversation with the kernel."""

    async def look(self) -> Picture:
        """What there is; raises RoutingError."""

    async def apply(self, operations: Sequence[Operation]) -> tuple[str, ...]:
        """Do all of it, whatever of it fails; says in words what failed. Raises RoutingError."""

    async def news(self) -> None:
        """Return when something may have changed since this was asked last; raises RoutingError."""

    def close(self) -> None:
        """End the conversation. May be called twice."""


class OpenKernel(Protocol):
    """How a conversation begins."""

    async def __call__(self) -> Kernel:
        """Listen from now on; raises RoutingError."""
