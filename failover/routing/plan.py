"""The planner: from what the kernel has and what uplinks are to have, to what must be made and removed.

Every uplink's table holds the ways out by its interface and no other, and at the end ``unreachable``: who looks there
never goes on to the main table. What does not bear our protocol number is never touched.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Final, Literal

from failover.routing.picture import EVERYWHERE, FAMILIES, MAIN, Address, Family, Link, Picture, Route, Rule
from failover.routing.spec import (
    ADDRESSES_MAX,
    METRIC,
    METRIC_WORST,
    PRIORITY_INTERFACE,
    PRIORITY_SOURCE,
    PROTOCOL,
    ROUTES_MAX,
    UplinkSpec,
)

_HOST: Final = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing for the kernel to do."""

    verb: Literal["add", "delete"]
    what: Route | Rule


def plan(specs: Sequence[UplinkSpec], found: Mapping[str, Link], picture: Picture) -> tuple[Operation, ...]:
    """What leads from the picture to what is wanted, in the order in which it is to be done; empty: all is well.

    ``found``: the interface of each uplink that has one now.
    """
    wanted: dict[Route | Rule, None] = {}
    for spec in specs:
        wanted |= dict.fromkeys(wanted_of(spec, found.get(spec.uplink), picture, set(found.values())))
    have: list[Route | Rule] = [
        *(rule for rule in picture.rules if rule.protocol == PROTOCOL),
        *(route for route in picture.routes if route.protocol == PROTOCOL),
    ]
    deletes = [Operation("delete", what) for what in have if what not in wanted]
    adds = [Operation("add", what) for what in wanted if what not in have]
    return (*deletes, *adds)


def wanted_of(
    spec: UplinkSpec, link: Link | None, picture: Picture, links: set[Link] | frozenset[Link] = frozenset()
) -> list[Route | Rule]:
    """The routes of one uplink, then its rules. ``links``: the interfaces of all uplinks."""
    if link is None:
        return []
    wanted: list[Route | Rule] = []
    rules: list[Rule] = []
    others = {other.index for other in links} - {link.index}
    for family in FAMILIES:
        addresses = [a for a in picture.addresses if (a.index, a.family) == (link.index, family)]
        if not addresses:
            continue
        if link.up:
            wanted += routes_of(spec, link, family, picture)
        wanted.append(
            Route(family, spec.table, EVERYWHERE[family], "unreachable", None, None, METRIC_WORST, PROTOCOL)
        )
        rules.append(Rule(family, PRIORITY_INTERFACE + spec.place, spec.table, None, link.name, PROTOCOL))
        elsewhere = {a.address for a in picture.addresses if a.index in others and a.family == family}
        rules += _by_source(spec, family, addresses, elsewhere)
    return [*wanted, *rules]


def _by_source(
    spec: UplinkSpec, family: Family, addresses: Sequence[Address], elsewhere: set[str]
) -> list[Rule]:
    """Where two uplinks have the same address (two of the same box), it does not say which; their interfaces do."""
    return [
        Rule(
            family, PRIORITY_SOURCE + spec.place, spec.table, f"{own.address}/{_HOST[family]}", None, PROTOCOL
        )
        for own in sorted(addresses, key=lambda own: (own.rank, own.address))[:ADDRESSES_MAX]
        if own.usable and own.address not in elsewhere
    ]


def routes_of(spec: UplinkSpec, link: Link, family: Family, picture: Picture) -> list[Route]:
    """The ways out over this interface: what lies on the link, and what lies behind gateways."""
    ways: dict[str, str | None] = {}
    default = gateway_of(spec, link, family, picture)
    if default is not None:
        ways[EVERYWHERE[family]] = default or None
    for own in picture.addresses:
        if (own.index, own.family) == (link.index, family) and own.network is not None:
            ways.setdefault(own.network, None)
    for route in _main(link, family, picture):
        if route.destination != EVERYWHERE[family] and (route.gateway is None or _is_auto(spec, family)):
            ways.setdefault(route.destination, route.gateway)
    return [
        Route(family, spec.table, destination, "unicast", link.index, gateway, METRIC, PROTOCOL)
        for destination, gateway in list(ways.items())[:ROUTES_MAX]
    ]


def gateway_of(spec: UplinkSpec, link: Link, family: Family, picture: Picture) -> str | None:
    """The next hop of the default route; "": none is needed; None: there is no default route, as nobody told one.

    A configured gateway is one of its own family; of the other family, what something else set up is copied.
    """
    if spec.gateway == "none":
        return ""
    if not _is_auto(spec, family):
        return str(ip_address(spec.gateway))
    for route in _main(link, family, picture):
        if route.destination == EVERYWHERE[family]:
            return route.gateway or ""
    return "" if link.alone else None


def leads_out(spec: UplinkSpec, link: Link, family: Family, picture: Picture) -> bool:
    """Whether anything beyond the link can be reached, as far as routes can say."""
    routes = routes_of(spec, link, family, picture)
    return any(route.gateway is not None or route.destination == EVERYWHERE[family] for route in routes)


def stands(
    spec: UplinkSpec, link: Link, families: Sequence[Family], picture: Picture, links: set[Link]
) -> bool:
    """Whether the kernel has all that this uplink is to have of these families."""
    wanted = {what for what in wanted_of(spec, link, picture, links) if what.family in families}
    return wanted <= {*picture.routes, *picture.rules}


def without_anything(picture: Picture) -> tuple[Operation, ...]:
    """What removes all that is ours."""
    return plan((), {}, picture)


def _main(link: Link, family: Family, picture: Picture) -> list[Route]:
    """The routes over this interface that others set up in the main table, the best of each destination first."""
    mine = [
        route
        for route in picture.routes
        if (route.table, route.family, route.index) == (MAIN, family, link.index)
        and route.kind == "unicast"
        and route.protocol != PROTOCOL
    ]
    return sorted(mine, key=lambda route: (route.metric, route.gateway or "", route.destination))


def _is_auto(spec: UplinkSpec, family: Family) -> bool:
    """Whether the gateway of this family is copied."""
    if spec.gateway in ("auto", "none"):
        return spec.gateway == "auto"
    return ip_address(spec.gateway).version != family
