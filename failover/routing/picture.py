"""What the kernel has: interfaces, addresses, routes and rules at one moment."""

from dataclasses import dataclass
from typing import Final, Literal

MAIN: Final = 254  # the main routing table (ip-route(8))
Family = Literal[4, 6]
Kind = Literal["unicast", "unreachable", "other"]
RANK_PASSING: Final = 9  # from this rank on, addresses come and go by themselves
FAMILIES: Final[tuple[Family, Family]] = (4, 6)
EVERYWHERE: Final[dict[Family, str]] = {4: "0.0.0.0/0", 6: "::/0"}


@dataclass(frozen=True, slots=True)
class Link:
    """An interface.

    ``mac``: the permanent address where it has one, else its present one; None for such as have none (ppp).
    ``is_permanent``: which of them it is. ``device``: the path in sysfs of what it is a part of; None for virtual ones.
    ``up``: switched on. ``carrier``: it sees the other end. ``alone``: there is only one other end (point-to-point, or
    no ARP), so that no gateway needs to be named. ``mtu``: bytes.
    """

    index: int
    name: str
    mac: str | None
    mtu: int
    up: bool
    carrier: bool
    alone: bool = False
    is_permanent: bool = False
    other_names: tuple[str, ...] = ()
    device: str | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """An address of an interface.

    ``network``: what it says lies on the link, ``address/length``; None where it says nothing. ``usable``: a session
    may be bound to it and reach the world: not link-local, not tentative, not found twice. ``rank``: 0 is the best.
    """

    index: int
    family: Family
    address: str
    network: str | None
    usable: bool
    rank: int = 0


@dataclass(frozen=True, slots=True)
class Route:
    """One way of a route. ``destination``: ``address/length``. ``gateway`` and ``index`` are None where it has none."""

    family: Family
    table: int
    destination: str
    kind: Kind
    index: int | None
    gateway: str | None
    metric: int
    protocol: int


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that looks a table up. ``source``: ``address/length``. It selects by one of source and interface."""

    family: Family
    priority: int
    table: int
    source: str | None
    interface: str | None
    protocol: int


@dataclass(frozen=True, slots=True)
class Picture:
    """All of it. Routes of the main table and such as bear our protocol number, rules with that number: no others."""

    links: tuple[Link, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[Route, ...] = ()
    rules: tuple[Rule, ...] = ()
