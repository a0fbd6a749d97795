"""The routing of uplinks on the real kernel, which renames, renumbers, wipes and forgets as it pleases."""

import asyncio
import os
import pathlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any, Final

import pytest

from failover.path import Path
from failover.routing.find import find
from failover.routing.netlink import Netlink
from failover.routing.picture import Picture
from tests.peers import uplink_cables as cables
from tests.peers.uplink_cables import eventually, ip, lay, rules, spec, table, watched, way

pytestmark = pytest.mark.peer("ip")
MAC: Final = "02:00:00:00:00:0a"
Story = Callable[[], Coroutine[Any, Any, None]]


def tell(story: Story) -> None:
    """In a namespace of its own."""
    with cables.branch():
        asyncio.run(story())


def test_uplink_leaves_by_its_own_table_and_by_no_other() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        lay("lte0", "10.2.0.2/24", "10.2.0.1")
        async with watched(spec("fibre", "fib0"), spec("4g", "lte0", place=1)) as it:
            fibre, lte = await it.up("fibre"), await it.up("4g")
            assert fibre == Path("fib0", fibre.index, ("10.1.0.2",), 1_500, 7_101)
            assert lte == Path("lte0", lte.index, ("10.2.0.2",), 1_500, 7_102)
            assert rules() == [
                "7101: from all oif fib0 lookup 7101 proto 171",
                "7102: from all oif lte0 lookup 7102 proto 171",
                "7201: from 10.1.0.2 lookup 7101 proto 171",
                "7202: from 10.2.0.2 lookup 7102 proto 171",
            ]
            assert table(7_102) == [
                "default via 10.2.0.1 dev lte0 proto 171 metric 100 onlink",
                "unreachable default proto 171 metric 4294967295",
                "10.2.0.0/24 dev lte0 proto 171 scope link metric 100",
            ]
            assert "via 10.2.0.1 dev lte0 table 7102" in way("192.0.2.1", "from", "10.2.0.2")
            assert "via 10.2.0.1 dev lte0 table 7102" in way("192.0.2.1", "oif", "lte0")
            ip("route", "delete", "default", "table", "7102")
            await eventually(lambda: "via 10.2.0.1" in way("192.0.2.1", "from", "10.2.0.2"))
            assert len(it.told) == 2  # what was put right at once is no news
        assert rules() == table(7_101) == table(7_102) == []
        assert "via 10.1.0.1 dev fib0" in way("192.0.2.1")

    tell(story)


def test_without_a_gateway_nothing_leaves_by_another_uplink() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        lay("lte0", "10.2.0.2/24")
        async with watched(spec("4g", "lte0")) as it:
            await it.down("4g", "lte0: no default route, so nobody knows its gateway")
            assert way("192.0.2.1", "from", "10.2.0.2") == ""
            ip("route", "add", "default", "via", "10.2.0.9", "dev", "lte0", "metric", "7")
            await it.up("4g")
            assert "via 10.2.0.9 dev lte0 table 7101" in way("192.0.2.1", "from", "10.2.0.2")

    tell(story)


def test_gateway_of_the_configuration_and_none_at_all() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24")
        lay("lte0", "10.2.0.2/24")
        async with watched(
            spec("f", "fib0", gateway="10.1.0.77"), spec("4g", "lte0", gateway="none", place=1)
        ) as it:
            await it.up("f")
            await it.up("4g")
            assert "via 10.1.0.77 dev fib0 table 7101" in way("192.0.2.1", "from", "10.1.0.2")
            assert way("192.0.2.1", "from", "10.2.0.2").startswith(
                "192.0.2.1 from 10.2.0.2 dev lte0 table 7102"
            )

    tell(story)


def test_interface_is_renamed() -> None:
    async def story() -> None:
        lay("eth0", "10.1.0.2/24", "10.1.0.1", MAC)
        async with watched(spec("fibre", MAC, "mac")) as it:
            before = await it.up("fibre")
            ip("link", "set", "eth0", "down")
            await it.down("fibre", "eth0 is switched off; switch it on: ip link set eth0 up")
            ip("link", "set", "eth0", "name", "eth1")
            ip("link", "set", "eth1", "up")
            ip("route", "add", "default", "via", "10.1.0.1", "dev", "eth1")
            after = await it.until("fibre", lambda path: path is not None)
            assert after.path == Path("eth1", before.index, ("10.1.0.2",), 1_500, 7_101)
            assert "eth0 is called eth1 now" in after.reason
            assert "7101: from all oif eth1 lookup 7101 proto 171" in rules()
            assert not any("eth0" in rule for rule in rules())

    tell(story)


def test_interface_of_somebody_else_has_a_name_that_is_no_text() -> None:
    async def story() -> None:
        lay("eth0", "10.1.0.2/24", "10.1.0.1", MAC)
        async with watched(spec("fibre", MAC, "mac")) as it:
            await it.up("fibre")
            odd = os.fsdecode(b"v\xff\xfe")
            ip("link", "add", odd, "type", "veth", "peer", "name", "odd0")
            ip("link", "set", "eth0", "down")
            await it.down("fibre", "eth0 is switched off; switch it on: ip link set eth0 up")
            ip("link", "delete", odd)

    tell(story)


def test_modem_is_unplugged_and_comes_back_as_another() -> None:
    async def story() -> None:
        lay("wwan0", "10.2.0.2/24", "10.2.0.1", MAC)
        async with watched(spec("4g", MAC, "mac")) as it:
            before = await it.up("4g")
            ip("link", "delete", "wwan0")
            await it.down("4g", f"there is no interface with MAC {MAC}")
            assert rules() == table(7_101) == []
            lay("spare0")
            lay("wwan1", "10.9.0.7/16", "10.9.0.1", MAC)
            after = await it.up("4g")
            assert after.index != before.index
            assert (after.interface, after.sources, after.table) == ("wwan1", ("10.9.0.7",), 7_101)
            assert "via 10.9.0.1 dev wwan1 table 7101" in way("192.0.2.1", "from", "10.9.0.7")

    tell(story)


def test_interface_of_a_modem_is_another_one_than_its_name_says() -> None:
    async def story() -> None:
        lay("wwan0", "10.2.0.2/24", "10.2.0.1")
        async with watched(spec("4g", "m1", "modem")) as it:
            await it.down("4g", "modem m1 names no network interface")
            it.routes.modem_says("m1", "wwan0")
            await it.up("4g")
            ip("link", "delete", "wwan0")
            await it.down("4g")
            lay("wwan0", "10.3.0.2/24", "10.3.0.1")  # whose it is nobody knows yet
            lay("mark0", "10.4.0.2/24", "10.4.0.1")
            await asyncio.sleep(0.3)
            assert it.path("4g") is None
            it.routes.modem_says("m1", "mark0")
            assert (await it.up("4g")).sources == ("10.4.0.2",)

    tell(story)


def test_carrier_is_lost() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        async with watched(spec("fibre", "fib0")) as it:
            before = await it.up("fibre")
            ip("link", "set", "fib0f", "down")
            await it.down("fibre", "fib0: no carrier")
            ip("link", "set", "fib0f", "up")
            assert await it.up("fibre") == before

    tell(story)


def test_carrier_flaps_and_nobody_is_flooded() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        async with watched(spec("fibre", "fib0")) as it:
            await it.up("fibre")
            ip(
                "-batch", "-", said="link set fib0f down\nlink set fib0f up\n" * 1_500
            )  # overruns the kernel's buffer
            await asyncio.sleep(0.5)
            assert len(it.told) <= 8
            await it.up("fibre")
            ip("link", "set", "fib0f", "down")
            await it.down("fibre")

    tell(story)


def test_address_is_changed() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        async with watched(spec("fibre", "fib0", gateway="10.1.0.1")) as it:
            await it.up("fibre")
            ip("address", "delete", "10.1.0.2/24", "dev", "fib0")
            await it.down("fibre", "fib0: address 10.1.0.2 is gone")
            ip("address", "add", "10.1.0.9/24", "dev", "fib0")
            after = await it.until("fibre", lambda path: path is not None)
            assert after.path is not None
            assert after.path.sources == ("10.1.0.9",)
            assert "address 10.1.0.2 is gone; address 10.1.0.9 is new" in after.reason
            assert "7201: from 10.1.0.9 lookup 7101 proto 171" in rules()

    tell(story)


def test_switched_off_and_on_the_kernel_forgets_all_tables() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        async with watched(spec("fibre", "fib0", gateway="10.1.0.1")) as it:
            before = await it.up("fibre")
            whole = table(7_101)
            ip("-batch", "-", said="link set fib0 down\nlink set fib0 up\n")
            await eventually(lambda: table(7_101) == whole)
            assert await it.up("fibre") == before

    tell(story)


def test_switched_off_and_on_with_a_dhcp_client_that_does_not_notice() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        async with watched(spec("fibre", "fib0")) as it:
            before = await it.up("fibre")
            ip("link", "set", "fib0", "down")
            await it.down("fibre")
            ip("link", "set", "fib0", "up")
            assert await it.up("fibre") == before
            assert way("192.0.2.1") == ""
            assert "via 10.1.0.1 dev fib0 table 7101" in way("192.0.2.1", "from", "10.1.0.2")

    tell(story)


def test_two_uplinks_have_the_same_subnet_and_even_the_same_address() -> None:
    async def story() -> None:
        for name in ("lte0", "lte1"):
            lay(name, "192.168.8.100/24", "192.168.8.1")
        async with watched(spec("a", "lte0"), spec("b", "lte1", place=1)) as it:
            assert await it.up("a")
            assert await it.up("b")
            for name, number in (("lte0", 7_101), ("lte1", 7_102)):
                assert f"dev {name} table {number}" in way("192.0.2.1", "from", "192.168.8.100", "oif", name)
                assert f"dev {name} table {number}" in way(
                    "192.168.8.1", "from", "192.168.8.100", "oif", name
                )
            assert not any("from 192" in rule for rule in rules())

    tell(story)


@pytest.mark.parametrize(
    ("subnets", "reverse_path"),
    [(("10.1.0", "10.2.0"), 1), (("192.168.8", "192.168.8"), 2)],
    ids=["strict", "same-address-and-loose"],
)
def test_filter_of_reverse_paths_drops_the_replies(subnets: tuple[str, str], reverse_path: int) -> None:
    """What bound sockets send comes back, by either uplink: from a box where nobody listens, as a refusal."""

    async def story() -> None:
        async with watched(spec("a", "lte0"), spec("b", "lte1", place=1)) as it:
            for uplink in ("a", "b"):
                path = await it.up(uplink)
                with socket.socket() as session:
                    session.settimeout(2)
                    session.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, path.interface.encode())
                    session.bind((path.sources[0], 0))
                    with pytest.raises(ConnectionRefusedError):
                        session.connect((cables.CENTRE, 9))

    with cables.branch():
        for name in ("all", "default"):
            pathlib.Path(f"/proc/sys/net/ipv4/conf/{name}/rp_filter").write_text(str(reverse_path))
        with cables.box("lte0", subnets[0]), cables.box("lte1", subnets[1], metric=200):
            asyncio.run(story())


def test_dhcp_names_another_gateway() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24")
        ip("route", "add", "default", "via", "10.1.0.1", "dev", "fib0", "proto", "dhcp")
        ip("route", "add", "172.20.0.0/16", "via", "10.1.0.3", "dev", "fib0", "proto", "dhcp")
        async with watched(spec("fibre", "fib0")) as it:
            await it.up("fibre")
            told = len(it.told)
            assert "via 10.1.0.3" in way("172.20.1.1", "from", "10.1.0.2")
            ip("route", "replace", "default", "via", "10.1.0.254", "dev", "fib0", "proto", "dhcp")
            await eventually(
                lambda: "via 10.1.0.254 dev fib0 table 7101" in way("192.0.2.1", "from", "10.1.0.2")
            )
            await eventually(
                lambda: len(it.told) > told
            )  # for who has no session; one goes on, on the same path
            assert it.told[-1].path == it.told[told - 1].path

    tell(story)


def test_routes_and_rules_of_others_are_left_alone() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        foreign = (
            ("rule", "add", "from", "10.1.0.2", "lookup", "99", "priority", "7201"),
            ("rule", "add", "oif", "fib0", "lookup", "7101", "priority", "7101", "protocol", "170"),
            ("route", "add", "10.77.0.0/16", "via", "10.1.0.5", "table", "7101", "proto", "170"),
            ("route", "add", "unreachable", "10.78.0.0/16", "table", "99"),
        )
        for words in foreign:
            ip(*words)
        before = (rules(), table(7_101), table(99), table(254))
        async with watched(spec("fibre", "fib0")) as it:
            await it.up("fibre")
            assert len(rules()) == len(before[0]) + 2
            ip("rule", "delete", "oif", "fib0", "lookup", "7101", "priority", "7101", "protocol", "171")
            await eventually(lambda: len(rules()) == len(before[0]) + 2)
        assert (rules(), table(7_101), table(99), table(254)) == before

    tell(story)


def test_leftovers_of_a_life_that_was_killed_are_removed() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        for words in (
            ("rule", "add", "from", "10.66.0.0/16", "lookup", "7108", "priority", "7208", "protocol", "171"),
            ("rule", "add", "oif", "gone0", "lookup", "7101", "priority", "7101", "protocol", "171"),
            (
                "route",
                "add",
                "default",
                "via",
                "10.1.0.66",
                "dev",
                "fib0",
                "table",
                "7101",
                "metric",
                "100",
                "proto",
                "171",
            ),
            ("route", "add", "unreachable", "default", "table", "9999", "proto", "171"),
            (
                "-6",
                "route",
                "add",
                "unreachable",
                "default",
                "table",
                "7101",
                "metric",
                "4294967295",
                "proto",
                "171",
            ),
            (
                "-6",
                "rule",
                "add",
                "from",
                "2001:db8::1",
                "lookup",
                "7101",
                "priority",
                "7201",
                "protocol",
                "171",
            ),
        ):
            ip(*words)
        async with watched(spec("fibre", "fib0")) as it:
            await it.up("fibre")
            assert rules() == [
                "7101: from all oif fib0 lookup 7101 proto 171",
                "7201: from 10.1.0.2 lookup 7101 proto 171",
            ]
            assert "via 10.1.0.1 dev fib0" in way("192.0.2.1", "from", "10.1.0.2")
            assert table(9_999) == []
            assert not any("2001:db8::1" in rule for rule in rules("-6"))

    tell(story)


def advertised(interface: str) -> None:
    """A default route as a router's advertisement makes it."""
    ip("-6", "route", "add", "default", *f"via fe80::1 dev {interface} proto ra metric 1024".split())


def test_ipv6_alone_and_beside() -> None:
    async def story() -> None:
        lay("fib0")
        async with watched(spec("fibre", "fib0")) as it:
            await it.down("fibre", "fib0: no address yet")
            ip("-6", "address", "add", "2001:db8:1::2/64", "dev", "fib0", "nodad")
            advertised("fib0")
            assert (await it.up("fibre")).sources == ("2001:db8:1::2",)
            assert "via fe80::1 dev fib0 table 7101" in way("2001:db8:ffff::1", "from", "2001:db8:1::2")
            assert "dev fib0 table 7101" in way("2001:db8:1::77", "oif", "fib0")
            assert "7201: from 2001:db8:1::2 lookup 7101 proto 171" in rules("-6")
            lay("lte0")
            ip("-6", "route", "add", "default", "via", "fe80::2", "dev", "lte0", "metric", "2048")
            ip("-6", "route", "delete", "default", "dev", "fib0", "proto", "ra")
            await it.down("fibre", "no default route")
            assert "dev lte0" in way("2001:db8:ffff::1")
            assert "dev" not in way("2001:db8:ffff::1", "from", "2001:db8:1::2").replace("dev lo", "")
            ip("address", "add", "10.1.0.2/24", "dev", "fib0")
            ip("route", "add", "default", "via", "10.1.0.1", "dev", "fib0")
            assert (await it.up("fibre")).sources == ("10.1.0.2",)
            advertised("fib0")
            both = await it.until("fibre", lambda path: path is not None and len(path.sources) == 2)
            assert both.path is not None
            assert both.path.sources == ("10.1.0.2", "2001:db8:1::2")

    tell(story)


def test_an_alternative_name_will_do() -> None:
    async def story() -> None:
        lay("fib0", "10.1.0.2/24", "10.1.0.1")
        ip("link", "property", "add", "dev", "fib0", "altname", "the-cable-to-the-fibre-box")
        async with watched(spec("fibre", "the-cable-to-the-fibre-box")) as it:
            assert (await it.up("fibre")).interface == "fib0"

    tell(story)


async def test_socket_of_a_modem_is_looked_for_where_sysfs_does_not_say_it(tmp_path: pathlib.Path) -> None:
    plugged = tmp_path / "usb1" / "1-1" / "1-1.4" / "1-1.4:1.0"
    plugged.mkdir(parents=True)
    (tmp_path / "net" / "lo").mkdir(parents=True)
    (tmp_path / "net" / "lo" / "device").symlink_to(plugged)
    kernel = await Netlink(tmp_path / "net")()
    try:
        links = (await kernel.look()).links
    finally:
        kernel.close()
    assert {link.name for link in links if link.device} == {"lo"}
    found = find(spec("4g", "1-1.4/1-1.4:1.0", "device"), Picture(links), {})
    assert not isinstance(found, str)
    assert found.name == "lo"
