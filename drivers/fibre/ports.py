"""What the fibre driver needs of kernel and network: so little that tests and worlds can stand in for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from drivers.fibre.oid_map import SnmpValue
from drivers.ports import LinkCounters


@dataclass(frozen=True, slots=True)
class LinkState:
    """The interface, as the kernel has it right now. ``carrier``: up, and a live peer at the other end."""

    carrier: bool
    counters: LinkCounters


class KernelLink(Protocol):
    """One interface, by its name, whether it is there or not."""

    async def look(self) -> LinkState | None:
        """Ask; None: no interface has this name. Raises KernelSilentError."""

    async def news(self) -> LinkState | None:
        """Wait until the kernel tells of the interface; as it then was. Raises KernelSilentError."""

    def close(self) -> None:
        """Stop listening. Idempotent."""


class OpenKernelLink(Protocol):
    """Opens the one way to the kernel; called again after each KernelSilentError."""

    async def __call__(self) -> KernelLink:
        """Listen from now on. Raises KernelSilentError."""


class OntAgent(Protocol):
    """An ONT that can be asked."""

    async def get(self, oids: Sequence[str]) -> Mapping[str, SnmpValue]:
        """The values of these OIDs, each present. Raises OntSilentError; ends within a bounded time."""

    def close(self) -> None:
        """Give up whatever is open. Idempotent."""
