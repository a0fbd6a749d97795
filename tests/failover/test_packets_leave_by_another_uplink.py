"""The planner of routes and rules: whatever the kernel has, it ends where it should, and no table leads elsewhere."""

from dataclasses import replace
from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from failover.routing.find import ModemWord
from failover.routing.paths import links_of
from failover.routing.picture import EVERYWHERE, MAIN, Address, Picture, Route, Rule
from failover.routing.plan import plan, wanted_of, without_anything
from failover.routing.spec import METRIC_WORST, PRIORITY_SOURCE, PROTOCOL, ROUTES_MAX, UplinkSpec
from tests.failover.kernels import address, apply, default, link

SPECS: Final = (
    UplinkSpec("fibre", "name", "fib0", "auto", 7_101, 0),
    UplinkSpec("4g", "mac", "02:00:00:00:00:02", "none", 7_102, 1),
    UplinkSpec("sat", "modem", "m1", "10.3.0.1", 300, 2),
)
NETWORKS: Final = {4: "10.{}.0.0/16", 6: "2001:db8:{}::/64"}
WORDS: Final = {"m1": ModemWord("wwan0")}

links = st.builds(
    lambda names, up, carrier, alone: tuple(
        link(
            index + 1,
            name,
            up=up >> index & 1 == 1,
            carrier=carrier >> index & 1 == 1,
            alone=alone >> index & 1 == 1,
        )
        for index, name in enumerate(names)
    ),
    st.lists(st.sampled_from(("fib0", "lte0", "wwan0", "eth7")), unique=True, max_size=4),
    st.integers(0, 15),
    st.integers(0, 15),
    st.integers(0, 15),
)
indexes = st.integers(1, 5)
families = st.sampled_from((4, 6))


@st.composite
def addresses(draw: st.DrawFn) -> Address:
    family, subnet = draw(families), draw(st.integers(0, 3))
    host = draw(st.integers(2, 4))
    own = f"10.{subnet}.0.{host}" if family == 4 else f"2001:db8:{subnet}::{host}"
    network = draw(st.sampled_from((None, NETWORKS[family].format(subnet))))
    return address(
        draw(indexes), own, network, usable=draw(st.booleans()), rank=draw(st.sampled_from((0, 1, 9, 10)))
    )


@st.composite
def routes(draw: st.DrawFn, *, ours: bool) -> Route:
    family, subnet = draw(families), draw(st.integers(0, 3))
    to = draw(st.sampled_from((EVERYWHERE[family], NETWORKS[family].format(subnet))))
    gateway = draw(st.sampled_from((None, f"10.{subnet}.0.1" if family == 4 else "fe80::1")))
    table = draw(st.sampled_from((MAIN, 7_101, 7_102, 300, 9_999) if ours else (MAIN, 99, 98)))
    if draw(st.booleans()):
        return Route(
            family,
            table,
            to,
            "unicast",
            draw(indexes),
            gateway,
            draw(st.integers(0, 200)),
            PROTOCOL if ours else 16,
        )
    return Route(family, table, to, "unreachable", None, None, METRIC_WORST, PROTOCOL if ours else 3)


@st.composite
def own_rules(draw: st.DrawFn) -> Rule:
    family = draw(families)
    by_name = draw(st.booleans())
    source = (
        None
        if by_name
        else draw(st.sampled_from(("10.1.0.2/32", "10.0.0.0/8") if family == 4 else ("::1/128",)))
    )
    name = draw(st.sampled_from(("fib0", "gone0"))) if by_name else None
    return Rule(
        family,
        draw(st.sampled_from((7_101, 7_201, 5))),
        draw(st.sampled_from((7_101, 8_000))),
        source,
        name,
        171,
    )


def by_twin(made: list[Route]) -> tuple[Route, ...]:
    """A kernel holds no twins."""
    return tuple({(r.family, r.table, r.destination, r.metric): r for r in made}.values())


pictures = st.builds(
    lambda links, own, foreign, ours, rules: Picture(
        links, tuple(own), by_twin([*foreign, *ours]), tuple(dict.fromkeys(rules))
    ),
    links,
    st.lists(addresses(), unique_by=lambda a: (a.index, a.address), max_size=8),
    st.lists(routes(ours=False), max_size=8),
    st.lists(routes(ours=True), max_size=6),
    st.lists(own_rules(), max_size=4),
)


@given(pictures)
def test_one_plan_is_enough_and_the_next_one_is_empty(picture: Picture) -> None:
    found, _ = links_of(SPECS, picture, WORDS)
    after = apply(picture, plan(SPECS, found, picture))
    assert plan(SPECS, found, after) == ()


@given(pictures)
def test_what_others_made_is_never_touched(picture: Picture) -> None:
    found, _ = links_of(SPECS, picture, WORDS)
    operations = (*plan(SPECS, found, picture), *without_anything(picture))
    assert all(operation.what.protocol == PROTOCOL for operation in operations)


@given(pictures)
def test_table_leads_out_by_its_own_interface_and_ends_in_unreachable(picture: Picture) -> None:
    found, _ = links_of(SPECS, picture, WORDS)
    after = apply(picture, plan(SPECS, found, picture))
    tables = {spec.table: found[spec.uplink] for spec in SPECS if spec.uplink in found}
    ours = [route for route in after.routes if route.protocol == PROTOCOL]
    for route in ours:
        assert route.index in (None, tables[route.table].index)
    for rule in after.rules:
        owner = tables[rule.table]
        assert rule.interface in (None, owner.name)
        end = Route(
            rule.family, rule.table, EVERYWHERE[rule.family], "unreachable", None, None, METRIC_WORST, 171
        )
        assert end in ours, "who looks there could go on to the main table"
        if rule.source is not None:
            own = rule.source.partition("/")[0]
            assert own in {a.address for a in picture.addresses if a.index == owner.index}


@given(pictures)
def test_rules_by_source_never_name_an_address_that_two_uplinks_have(picture: Picture) -> None:
    found, _ = links_of(SPECS, picture, WORDS)
    after = apply(picture, plan(SPECS, found, picture))
    index_of = {spec.table: found[spec.uplink].index for spec in SPECS if spec.uplink in found}
    owners: dict[str, set[int]] = {}
    for rule in after.rules:
        if rule.source is not None:
            owners.setdefault(rule.source, set()).add(index_of[rule.table])
    assert all(len(indexes) == 1 for indexes in owners.values())
    assert all(r.priority >= PRIORITY_SOURCE for r in after.rules if r.source is not None)


@given(pictures)
def test_nothing_is_left_at_the_end(picture: Picture) -> None:
    found, _ = links_of(SPECS, picture, WORDS)
    after = apply(picture, plan(SPECS, found, picture))
    end = apply(after, without_anything(after))
    assert not end.rules
    assert all(route.protocol != PROTOCOL for route in end.routes)
    assert [r for r in end.routes if r.protocol != PROTOCOL] == [
        r for r in picture.routes if r.protocol != PROTOCOL
    ]


def test_rules_keep_their_priorities_and_table_whatever_the_kernel_calls_the_interface() -> None:
    spec = replace(SPECS[1], gateway="auto")
    for index, name in ((2, "eth0"), (9, "eth1")):
        it = link(index, name, mac="02:00:00:00:00:02")
        picture = Picture((it,), (address(index, "10.2.0.2"),), (default(index, "10.2.0.1"),))
        rules = [what for what in wanted_of(spec, it, picture) if isinstance(what, Rule)]
        assert [(r.priority, r.table, r.source, r.interface) for r in rules] == [
            (7_102, 7_102, None, name),
            (7_202, 7_102, "10.2.0.2/32", None),
        ]


def test_best_of_several_default_routes_is_copied() -> None:
    it = link(1, "fib0")
    main = (default(1, "10.1.0.9", 200), default(1, "10.1.0.1", 50), default(2, "10.2.0.1", 1))
    wanted = wanted_of(SPECS[0], it, Picture((it,), (address(1, "10.1.0.2"),), main))
    assert [w.gateway for w in wanted if isinstance(w, Route) and w.kind == "unicast"] == ["10.1.0.1"]


def test_thousands_of_routes_in_the_main_table_are_not_all_copied() -> None:
    it = link(1, "fib0")
    main = tuple(
        Route(4, MAIN, f"10.{n >> 8}.{n & 255}.0/24", "unicast", 1, "10.0.0.1", 5, 16) for n in range(2_000)
    )
    picture = Picture((it,), (address(1, "10.1.0.2"),), (*main, default(1, "10.0.0.1")))
    wanted = [w for w in wanted_of(SPECS[0], it, picture) if isinstance(w, Route)]
    assert len(wanted) == ROUTES_MAX + 1
    assert wanted[0].destination == EVERYWHERE[4]


def test_two_uplinks_of_one_interface_leave_by_the_gateway_of_the_first() -> None:
    it, own = link(1, "eth0"), address(1, "10.1.0.2", "10.1.0.0/24")
    first = UplinkSpec("fibre", "name", "eth0", "10.1.0.1", 7_101, 0)
    for gateway, routes_of_others in (("10.1.0.254", ()), ("auto", (default(1, "10.1.0.254"),))):
        second = UplinkSpec("4g", "name", "eth0", gateway, 7_102, 1)
        picture = Picture((it,), (own,), routes_of_others)
        found, absent = links_of((first, second), picture, {})
        assert found == {"fibre": it}
        assert absent["4g"].startswith(
            "eth0 is the interface of uplink fibre, by gateway 10.1.0.1; one interface"
        )


def test_two_brokers_behind_one_gateway_are_two_uplinks() -> None:
    it, own = link(1, "eth0"), address(1, "10.1.0.2", "10.1.0.0/24")
    both = tuple(UplinkSpec(name, "name", "eth0", "auto", 7_101 + n, n) for n, name in enumerate(("a", "b")))
    found, absent = links_of(both, Picture((it,), (own,), (default(1, "10.1.0.1"),)), {})
    assert (set(found), absent) == ({"a", "b"}, {})
