"""Messages of rtnetlink as pyroute2 decodes them: of modems, PPP, privacy addresses and several next hops."""

from typing import Any

from failover.routing.messages import address_of, link_of, route_words, routes_of, rule_of, rule_words
from failover.routing.picture import Address, Route, Rule


class Message(dict[str, Any]):
    """As pyroute2's: a header's fields by key, the rest by attribute."""

    def __init__(self, attributes: dict[str, Any], **fields: Any) -> None:
        super().__init__(fields)
        self.attributes = attributes

    def get_attr(self, name: str) -> Any:
        return self.attributes.get(name)

    def get_attrs(self, name: str) -> Any:
        return self.attributes.get(name, ())


def said(own: str, prefix: int, flags: int = 0x80, scope: int = 0, far: str | None = None) -> Address | None:
    attributes = {"IFA_ADDRESS": far or own, "IFA_FLAGS": flags, **({"IFA_LOCAL": own} if "." in own else {})}
    return address_of(
        Message(attributes, family=10 if ":" in own else 2, prefixlen=prefix, flags=0, scope=scope, index=3)
    )


def test_other_end_of_a_ppp_line_is_not_our_own_address() -> None:
    assert said("10.64.0.2", 32, far="10.64.64.64") == Address(
        3, 4, "10.64.0.2", "10.64.64.64/32", usable=True
    )


def test_address_without_a_subnet_says_nothing_of_what_lies_on_the_link() -> None:
    assert said("10.1.0.2", 32) == Address(3, 4, "10.1.0.2", None, usable=True)
    assert said("10.1.0.2", 24, flags=0x280) == Address(3, 4, "10.1.0.2", None, usable=True)


def test_addresses_that_cannot_be_bound_to() -> None:
    for own, prefix, flags, scope in (
        ("fe80::1", 64, 0x80, 253),
        ("169.254.7.7", 16, 0x80, 0),  # DHCP did not answer
        ("2001:db8::2", 64, 0xC0, 0),  # tentative
        ("2001:db8::2", 64, 0x88, 0),  # somebody else's, too
        ("127.0.0.1", 8, 0x80, 254),
    ):
        it = said(own, prefix, flags, scope)
        assert it is not None
        assert not it.usable, own


def test_addresses_of_several_ranks() -> None:
    ranks = [
        (said(own, prefix, flags) or Address(0, 4, "", None, usable=False)).rank
        for own, prefix, flags in (
            ("10.1.0.2", 24, 0x80),
            ("10.1.0.3", 24, 0x81),
            ("2001:db8::2", 64, 0x0),
            ("2001:db8::2", 64, 0x1),
            ("2001:db8::2", 64, 0x20),
        )
    ]
    assert ranks == [0, 1, 0, 9, 10]


def test_address_of_no_family_that_we_know() -> None:
    assert (
        address_of(Message({"IFA_ADDRESS": "x"}, family=28, prefixlen=8, flags=0, scope=0, index=1)) is None
    )
    assert list(routes_of(Message({}, family=28, table=254, flags=0, proto=3, type=1, dst_len=0))) == []
    assert rule_of(Message({"FRA_PROTOCOL": 171}, family=28, action=1, table=5)) is None


def test_default_route_with_two_next_hops_is_two() -> None:
    hops = tuple(Message({"RTA_GATEWAY": f"10.{n}.0.1"}, oif=n) for n in (1, 2))
    message = Message({"RTA_MULTIPATH": hops}, family=2, table=254, flags=0, proto=16, type=1, dst_len=0)
    assert [(r.index, r.gateway, r.destination) for r in routes_of(message)] == [
        (1, "10.1.0.1", "0.0.0.0/0"),
        (2, "10.2.0.1", "0.0.0.0/0"),
    ]


def test_gateway_of_another_family_is_not_taken_for_none() -> None:
    attributes = {"RTA_OIF": 1, "RTA_VIA": {"family": 10, "addr": "fe80::1"}}
    message = Message(attributes, family=2, table=254, flags=0, proto=16, type=1, dst_len=0)
    assert list(routes_of(message)) == []


def test_routes_of_others_in_other_tables_are_no_matter_of_ours() -> None:
    message = Message(
        {"RTA_OIF": 1, "RTA_TABLE": 9_000}, family=2, table=252, flags=0, proto=16, type=1, dst_len=0
    )
    assert list(routes_of(message)) == []
    ours = Message(
        {"RTA_OIF": 1, "RTA_TABLE": 9_000}, family=10, table=252, flags=0, proto=171, type=7, dst_len=0
    )
    assert list(routes_of(ours)) == [Route(6, 9_000, "::/0", "unreachable", None, None, 0, 171)]


def test_wifi_that_nobody_let_in_has_no_carrier() -> None:
    up, lower_up, running = 0x1, 1 << 16, 0x40
    for flags, carrier in ((up | lower_up, False), (up | lower_up | running, True), (up | running, False)):
        link = link_of(Message({"IFLA_IFNAME": "wlan0"}, index=1, flags=flags), None)
        assert link.carrier == carrier
        assert (link.mac, link.mtu, link.other_names) == (None, 1_500, ())


def test_interface_with_a_name_that_is_no_text() -> None:
    attributes = {
        "IFLA_IFNAME": b"v\xff\xfe",
        "IFLA_PROP_LIST": Message({"IFLA_ALT_IFNAME": (b"w\xc3", "lan")}),
    }
    it = link_of(Message(attributes, flags=0x1, index=4), None)
    assert (it.name, it.other_names) == ("v\\xff\\xfe", ("w\\xc3", "lan"))
    rule = rule_of(
        Message(
            {"FRA_PROTOCOL": 171, "FRA_PRIORITY": 7_101, "FRA_OIFNAME": b"v\xff"}, family=2, table=1, action=1
        )
    )
    assert rule is not None
    assert rule.interface == "v\\xff"


def test_what_is_deleted_names_its_maker() -> None:
    words = rule_words(Rule(4, 7_201, 7_101, "10.1.0.2/32", None, 171))
    assert words == {
        "family": 2,
        "priority": 7_201,
        "table": 7_101,
        "protocol": 171,
        "src": "10.1.0.2",
        "src_len": 32,
    }
    route = route_words(Route(6, 7_101, "2001:db8::/64", "unicast", 3, None, 100, 171))
    assert (route["proto"], route["dst"], route["dst_len"], route["oif"]) == (171, "2001:db8::", 64, 3)
    assert "flags" not in route
    assert route_words(Route(4, 7_101, "0.0.0.0/0", "unicast", 3, "10.1.0.1", 100, 171))["flags"] == 4
