"""Messages of rtnetlink(7), as pyroute2 decodes them, made into what the planner knows, and back. No I/O."""

from collections.abc import Iterator
from ipaddress import ip_address, ip_interface, ip_network
from typing import Any, Final

from failover.routing.picture import EVERYWHERE, MAIN, RANK_PASSING, Address, Family, Kind, Link, Route, Rule
from failover.routing.spec import PROTOCOL

AF: Final[dict[Family, int]] = {4: 2, 6: 10}
_FAMILY: Final[dict[int, Family]] = {number: family for family, number in AF.items()}
# Flags of interfaces (netdevice(7)).
_UP, _POINT_TO_POINT, _RUNNING, _NO_ARP, _LOWER_UP = 0x1, 0x10, 0x40, 0x80, 1 << 16
# Flags of addresses (linux/if_addr.h). The first is "temporary" of IPv6, and "secondary" of IPv4.
_TEMPORARY, _OPTIMISTIC, _DUPLICATE, _DEPRECATED, _TENTATIVE, _NO_PREFIX = 0x1, 0x4, 0x8, 0x20, 0x40, 0x200
_CLONED: Final = 0x200  # RTM_F_CLONED: a cache of a route, not a route
_ON_LINK: Final = 4  # RTNH_F_ONLINK: the gateway is on the link, whatever else the table says
_LINK_SCOPE: Final = 253
_HOST_BITS: Final[dict[Family, int]] = {4: 32, 6: 128}
_KINDS: Final[dict[int, Kind]] = {1: "unicast", 7: "unreachable"}
_TYPES: Final = {"unicast": 1, "unreachable": 7}
_LOOK_UP: Final = 1  # FR_ACT_TO_TBL


def link_of(message: Any, device: str | None) -> Link:
    """An interface. ``device``: what it is a part of, which no message says."""
    flags = message["flags"]
    permanent = message.get_attr("IFLA_PERM_ADDRESS")
    mac = permanent or message.get_attr("IFLA_ADDRESS")
    properties = message.get_attr("IFLA_PROP_LIST")
    others = properties.get_attrs("IFLA_ALT_IFNAME") if properties is not None else ()
    return Link(
        index=message["index"],
        name=words_of(message.get_attr("IFLA_IFNAME")),
        mac=None if mac is None else mac.lower(),
        mtu=message.get_attr("IFLA_MTU") or 1_500,
        up=bool(flags & _UP),
        # Wi-Fi that nobody let in yet has a carrier and is not running.
        carrier=flags & _LOWER_UP != 0 and flags & _RUNNING != 0,
        alone=flags & (_POINT_TO_POINT | _NO_ARP) != 0,
        is_permanent=permanent is not None,
        other_names=tuple(words_of(other) for other in others),
        device=device,
    )


def words_of(name: str | bytes) -> str:
    """A name of an interface: any bytes but slashes, colons and blanks will do for the kernel (dev_valid_name).

    One that is no UTF-8 comes as bytes, and is made into what people can read, and nobody can bind to.
    """
    return name if isinstance(name, str) else name.decode("utf-8", "backslashreplace")


def address_of(message: Any) -> Address | None:
    """An address of IPv4 or IPv6."""
    family = _FAMILY.get(message["family"])
    far = message.get_attr("IFA_ADDRESS")  # the other end's, where there is only one other end
    own = message.get_attr("IFA_LOCAL") or far
    if family is None or own is None:
        return None
    flags = message.get_attr("IFA_FLAGS") or message["flags"]
    absent = flags & _DUPLICATE or (flags & _TENTATIVE and not flags & _OPTIMISTIC)
    it = ip_address(own)
    says_network = (message["prefixlen"] < _HOST_BITS[family] or far != own) and not flags & _NO_PREFIX
    return Address(
        index=message["index"],
        family=family,
        address=str(it),
        network=str(ip_interface(f"{far}/{message['prefixlen']}").network) if says_network else None,
        usable=not absent and message["scope"] < _LINK_SCOPE and not it.is_link_local and not it.is_loopback,
        rank=_rank(family, flags),
    )


def routes_of(message: Any) -> Iterator[Route]:
    """Of the main table, and ours; a route with several next hops is several."""
    family = _FAMILY.get(message["family"])
    table = message.get_attr("RTA_TABLE") or message["table"]
    if family is None or message["flags"] & _CLONED or (table != MAIN and message["proto"] != PROTOCOL):
        return
    to = message.get_attr("RTA_DST")
    kind: Kind = _KINDS.get(message["type"], "other")
    for hop in message.get_attr("RTA_MULTIPATH") or (message,):
        if hop.get_attr("RTA_VIA") is not None:  # a gateway of the other family: nothing that we could repeat
            continue
        gateway = hop.get_attr("RTA_GATEWAY")
        index = hop.get_attr("RTA_OIF") if hop is message else hop["oif"]
        yield Route(
            family,
            table,
            EVERYWHERE[family] if to is None else f"{ip_address(to)}/{message['dst_len']}",
            kind,
            index if kind == "unicast" else None,  # IPv6 says lo of the others
            None if gateway is None else str(ip_address(gateway)),
            message.get_attr("RTA_PRIORITY") or 0,
            message["proto"],
        )


def rule_of(message: Any) -> Rule | None:
    """Ours."""
    family = _FAMILY.get(message["family"])
    protocol = message.get_attr("FRA_PROTOCOL") or 0
    if family is None or protocol != PROTOCOL or message["action"] != _LOOK_UP:
        return None
    source, interface = message.get_attr("FRA_SRC"), message.get_attr("FRA_OIFNAME")
    return Rule(
        family,
        message.get_attr("FRA_PRIORITY") or 0,
        message.get_attr("FRA_TABLE") or message["table"],
        None if source is None else f"{ip_address(source)}/{message['src_len']}",
        None if interface is None else words_of(interface),
        protocol,
    )


def rule_words(rule: Rule) -> dict[str, Any]:
    """A rule as pyroute2 takes it."""
    words: dict[str, Any] = {
        "family": AF[rule.family],
        "priority": rule.priority,
        "table": rule.table,
        "protocol": rule.protocol,
    }
    if rule.source is not None:
        net = ip_network(rule.source)
        words |= {"src": str(net.network_address), "src_len": net.prefixlen}
    if rule.interface is not None:
        words["oifname"] = rule.interface
    return words


def route_words(route: Route) -> dict[str, Any]:
    """A route as pyroute2 takes it."""
    words: dict[str, Any] = {
        "family": AF[route.family],
        "table": route.table,
        "type": _TYPES[route.kind],
        "proto": route.protocol,
        "priority": route.metric,
    }
    net = ip_network(route.destination)
    if net.prefixlen > 0:
        words |= {"dst": str(net.network_address), "dst_len": net.prefixlen}
    if route.index is not None:
        words["oif"] = route.index
    if route.gateway is not None:
        words |= {"gateway": route.gateway, "flags": _ON_LINK}
    elif route.kind == "unicast" and route.family == 4:  # noqa: PLR2004 - IPv4 alone knows scopes
        words["scope"] = _LINK_SCOPE
    return words


def _rank(family: Family, flags: int) -> int:
    """Addresses that are about to go last, before them those that come and go for privacy, and IPv4's secondary."""
    if flags & _DEPRECATED:
        return RANK_PASSING + 1
    if not flags & _TEMPORARY:
        return 0
    return 1 if family == 4 else RANK_PASSING  # noqa: PLR2004 - IPv4
