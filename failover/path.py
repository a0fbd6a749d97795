"""The path of an uplink: what its session is bound to, so that its packets leave by its own interface and no other."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Path:
    """An interface that can carry packets now.

    ``interface``: its name at present (at most 15 bytes); names and indexes change, uplinks keep theirs. ``sources``:
    the addresses that sessions may be bound to, of all families, the best first. ``mtu``: bytes of one packet, 68 or
    more. ``table``: the policy-routing table with this uplink's routes alone; None where the kit may not make one, and
    only the binding to the interface says where packets leave.
    """

    interface: str
    index: int
    sources: tuple[str, ...]
    mtu: int
    table: int | None
