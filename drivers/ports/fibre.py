"""The fibre line of a branch, as the kit sees it: the network link to the box, and what the box sees of the light.

Names are those of IF-MIB (RFC 2863) and ITU-T G.984 (ONT, LOS).
"""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class LinkCounters:
    """Counters of the interface since it came into being, as the kernel keeps them."""

    rx_bytes: int
    tx_bytes: int
    rx_errors: int
    tx_errors: int
    rx_dropped: int
    tx_dropped: int


@dataclass(frozen=True, slots=True)
class OpticalReading:
    """What the ONT says. What its table of OIDs does not name is None. ``los``: loss of signal."""

    rx_power_dbm: float | None
    tx_power_dbm: float | None
    los: bool | None


@dataclass(frozen=True, slots=True)
class FibreReading:
    """One look at the line.

    ``carrier``: the kernel sees a live peer at the other end of the cable. ``counters`` is None where the interface is
    not there. ``optical`` is None where no ONT is configured, or it does not answer: ``optical_fault`` then says why.
    """

    interface: str
    present: bool
    carrier: bool
    counters: LinkCounters | None
    optical: OpticalReading | None
    optical_fault: str | None


@dataclass(frozen=True, slots=True)
class FibreLost:
    """Not even the kernel could be asked."""

    reason: str


FibreEvent = FibreReading | FibreLost


class Fibre(Protocol):
    """A fibre line, as the kit sees it."""

    async def run(self) -> None:
        """Watch until cancelled; never returns by itself. A change of the carrier is told at once."""
