"""The path of an uplink by what the kernel has, and what is to be said of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from failover.path import Path
from failover.routing.find import ModemWord, find
from failover.routing.picture import FAMILIES, RANK_PASSING, Family, Link, Picture
from failover.routing.plan import gateway_of, leads_out, stands
from failover.routing.spec import UplinkSpec

SOURCES_MAX: Final = 8  # addresses of one path


@dataclass(frozen=True, slots=True)
class Standing:
    """What is so now: a path, or None, and why. ``hops``: the gateways by which it leads out."""

    path: Path | None
    reason: str
    hops: tuple[str, ...] = ()


def links_of(
    specs: Sequence[UplinkSpec], picture: Picture, modems: Mapping[str, ModemWord]
) -> tuple[dict[str, Link], dict[str, str]]:
    """The interface of each uplink that has one, and for the others why they have none."""
    found: dict[str, Link] = {}
    absent: dict[str, str] = {}
    for spec in specs:
        link = find(spec, picture, modems)
        if isinstance(link, str):
            absent[spec.uplink] = link
        elif rival := _other_way(
            spec, link, [other for other in specs if found.get(other.uplink) == link], picture
        ):
            absent[spec.uplink] = rival
        else:
            found[spec.uplink] = link
    return found, absent


def _other_way(spec: UplinkSpec, link: Link, before: Sequence[UplinkSpec], picture: Picture) -> str:
    """Why this interface cannot be this uplink's too, or "": only its name tells tables apart."""
    for other in before:
        for family in FAMILIES:
            hops = [gateway_of(each, link, family, picture) for each in (other, spec)]
            if None not in hops and hops[0] != hops[1]:
                return (
                    f"{link.name} is the interface of uplink {other.uplink}, by gateway {hops[0] or 'none'}; one "
                    "interface leads to one gateway: give each box its own (a VLAN will do)"
                )
    return ""


def look(spec: UplinkSpec, link: Link, picture: Picture, links: set[Link], before: Path | None) -> Standing:
    """The path over this interface. ``before``: the last one that there was, for the words."""
    if not link.up:
        return Standing(None, f"{link.name} is switched off; switch it on: ip link set {link.name} up")
    if not link.carrier:
        return Standing(None, f"{link.name}: no carrier")
    families = [family for family in FAMILIES if leads_out(spec, link, family, picture)]
    sources = tuple(source for family in families for source in _sources(link, family, picture))[:SOURCES_MAX]
    if not sources:
        return Standing(None, _why_no_source(link, picture, before))
    table = spec.table if stands(spec, link, families, picture, links) else None
    path = Path(link.name, link.index, sources, link.mtu, table)
    hops = tuple(hop for family in families if (hop := gateway_of(spec, link, family, picture)))
    return Standing(path, _what_is_new(before, path, hops), hops)


def _sources(link: Link, family: Family, picture: Picture) -> list[str]:
    """The best first. Addresses that come and go are left out where there are others."""
    own = [a for a in picture.addresses if (a.index, a.family) == (link.index, family) and a.usable]
    good = [a for a in own if a.rank < RANK_PASSING] or own
    return [a.address for a in sorted(good, key=lambda a: (a.rank, a.address))]


def _why_no_source(link: Link, picture: Picture, before: Path | None) -> str:
    own = {a.address for a in picture.addresses if a.index == link.index and a.usable}
    if own:
        return (
            f"{link.name}: no default route, so nobody knows its gateway; DHCP has to give one, or the configuration "
            '(gateway = "...")'
        )
    gone = () if before is None else before.sources
    if len(gone) == 1:
        return f"{link.name}: address {gone[0]} is gone"
    if gone:
        return f"{link.name}: addresses {', '.join(gone)} are gone"
    return f"{link.name}: no address yet"


def _what_is_new(before: Path | None, path: Path, hops: Sequence[str]) -> str:
    where = f"table {path.table}" if path.table is not None else "no table of its own"
    by = f" by {', '.join(hops)}" if hops else ""
    all_of_it = f"{path.interface}: {', '.join(path.sources)}{by}, MTU {path.mtu}, {where}"
    if before is None:
        return all_of_it
    news = []
    if before.index != path.index:
        news.append(f"another interface, {before.interface} (number {before.index}) before")
    elif before.interface != path.interface:
        news.append(f"{before.interface} is called {path.interface} now")
    news += [f"address {gone} is gone" for gone in before.sources if gone not in path.sources]
    news += [f"address {new} is new" for new in path.sources if new not in before.sources]
    if before.mtu != path.mtu:
        news.append(f"MTU was {before.mtu}")
    if before.table != path.table:
        news.append("its table stands" if path.table is not None else "its table does not stand any more")
    return f"{all_of_it} ({'; '.join(news)})" if news else all_of_it
