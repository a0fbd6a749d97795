"""Gateways that something told once and does not tell again: an interface that is switched off and on forgets them.

The kernel wipes its routes then, and DHCP clients that don't notice put them back at the next renewal, hours later. So
the gateway of IPv4 is believed as long as the interface keeps its address. Routers of IPv6 say theirs by themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from failover.routing.picture import EVERYWHERE, MAIN, Link, Picture, Route
from failover.routing.spec import METRIC_WORST, UPLINKS_MAX

_UNSPECIFIED: Final = 0  # RTPROT_UNSPEC: nobody made this route


@dataclass(frozen=True, slots=True)
class _Told:
    index: int
    addresses: frozenset[str]
    gateway: str


class Recall:
    """What default routes there were. At most UPLINKS_MAX are remembered, one of each uplink."""

    def __init__(self) -> None:
        self._told: dict[str, _Told] = {}

    def fill(self, picture: Picture, found: Mapping[str, Link]) -> Picture:
        """The picture with the default routes that are missing in it. ``found``: the interface of each uplink."""
        missing: dict[Route, None] = {}
        for uplink, link in list(found.items())[:UPLINKS_MAX]:
            addresses = frozenset(
                a.address for a in picture.addresses if (a.index, a.family) == (link.index, 4) and a.usable
            )
            defaults = [route for route in picture.routes if _is_default(route, link)]
            if defaults:
                best = min(defaults, key=lambda route: (route.metric, route.gateway or ""))
                self._told.pop(uplink, None)
                if best.gateway is not None:
                    self._told[uplink] = _Told(link.index, addresses, best.gateway)
                continue
            told = self._told.get(uplink)
            if told is not None and told.index == link.index and told.addresses & addresses:
                route = Route(
                    4, MAIN, EVERYWHERE[4], "unicast", link.index, told.gateway, METRIC_WORST, _UNSPECIFIED
                )
                missing[route] = None
            else:
                self._told.pop(uplink, None)
        return replace(picture, routes=(*picture.routes, *missing))


def _is_default(route: Route, link: Link) -> bool:
    return (route.family, route.table, route.destination, route.index, route.kind) == (
        4,
        MAIN,
        EVERYWHERE[4],
        link.index,
        "unicast",
    )
