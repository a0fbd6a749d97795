"""Which interface an uplink means, and what is said of its path."""

import pytest

from failover.path import Path
from failover.routing.find import ModemWord, find
from failover.routing.paths import look
from failover.routing.picture import Link, Picture
from failover.routing.spec import How, UplinkSpec
from tests.failover.kernels import address, default, link


def spec(how: How, value: str, gateway: str = "auto") -> UplinkSpec:
    return UplinkSpec("u", how, value, gateway, 7_101, 0)


def seek(how: How, value: str, *links: Link, word: ModemWord | None = None) -> Link | str:
    return find(spec(how, value), Picture(links), {} if word is None else {value: word})


def test_bridge_borrows_the_address_of_its_port() -> None:
    port = link(2, "eth0", mac="02:aa:00:00:00:01", is_permanent=True)
    bridge = link(3, "br0", mac="02:aa:00:00:00:01")
    assert seek("mac", "02:AA:00:00:00:01", bridge, port) is port


def test_two_interfaces_have_the_same_address() -> None:
    found = seek("mac", "02:aa:00:00:00:01", *(link(n, f"usb{n}", mac="02:aa:00:00:00:01") for n in (1, 2)))
    assert found == "2 interfaces are meant by mac 02:aa:00:00:00:01: usb1, usb2; say it by another key"


@pytest.mark.parametrize("end", ["1-1.4/1-1.4:1.0", "/1-1.4:1.0", "usb1/1-1/1-1.4/1-1.4:1.0"])
def test_modem_of_another_socket_is_not_meant(end: str) -> None:
    mine = link(2, "usb0", device="pci0000:00/usb1/1-1/1-1.4/1-1.4:1.0")
    other = link(3, "usb1", device="pci0000:00/usb1/1-1/1-1.14/1-1.14:1.0")
    assert seek("device", end, other, mine, link(4, "br0")) is mine
    assert "nothing is plugged in" in str(seek("device", "4:1.0", mine, other))


def test_name_of_a_modem_went_to_another_modem() -> None:
    new = link(7, "wwan0")
    assert seek("modem", "m1", new, word=ModemWord("wwan0")) is new
    assert seek("modem", "m1", new, word=ModemWord("wwan0", 5, again=False)) == (
        "modem m1 said its interface was wwan0, and that one is gone"
    )
    assert seek("modem", "m1", new, word=ModemWord("wwan0", 5, again=True)) is new


def test_interface_of_a_modem_was_renamed_and_the_modem_knows_nothing_of_it() -> None:
    it = link(5, "lte")
    assert seek("modem", "m1", it, word=ModemWord("wwan0", 5, again=False)) is it
    assert seek("modem", "m1", it, word=ModemWord("wwan0", 5, again=True)) is it


def test_modem_names_no_interface() -> None:
    assert "modem m1 names no network interface" in str(
        seek("modem", "m1", link(5, "wwan0"), word=ModemWord(None))
    )


def see(it: Link, picture: Picture, before: Path | None = None) -> tuple[Path | None, str]:
    standing = look(spec("name", it.name), it, picture, {it}, before)
    return standing.path, standing.reason


def test_why_there_is_no_path() -> None:
    down, dark, bare = link(1, "a", up=False), link(1, "a", carrier=False), link(1, "a")
    assert see(down, Picture((down,))) == (None, "a is switched off; switch it on: ip link set a up")
    assert see(dark, Picture((dark,))) == (None, "a: no carrier")
    assert see(bare, Picture((bare,))) == (None, "a: no address yet")
    lonely = address(1, "169.254.3.4", usable=False)
    assert see(bare, Picture((bare,), (lonely,))) == (None, "a: no address yet")
    gone = Path("a", 1, ("10.1.0.2", "2001:db8::2"), 1_500, None)
    main = (default(1, "10.1.0.1"),)
    assert see(bare, Picture((bare,), (), main), gone) == (
        None,
        "a: addresses 10.1.0.2, 2001:db8::2 are gone",
    )
    assert "no default route" in see(bare, Picture((bare,), (address(1, "10.1.0.2"),)))[1]


def test_addresses_that_come_and_go_are_not_bound_to() -> None:
    it = link(1, "a")
    own = (
        address(1, "2001:db8::dead", rank=10),
        address(1, "2001:db8::beef", rank=9),
        address(1, "2001:db8::2"),
        address(1, "10.0.0.9", rank=1),
        address(1, "10.0.0.10"),
    )
    main = (default(1, "10.0.0.1"), default(1, "fe80::1", family=6))
    path, _ = see(it, Picture((it,), own, main))
    assert path is not None
    assert path.sources == ("10.0.0.10", "10.0.0.9", "2001:db8::2")
    only, _ = see(it, Picture((it,), own[:2], main))
    assert only is not None
    assert only.sources == ("2001:db8::beef", "2001:db8::dead")


def test_family_without_a_way_out_is_not_offered() -> None:
    it = link(1, "a")
    picture = Picture((it,), (address(1, "10.0.0.2"), address(1, "2001:db8::2")), (default(1, "10.0.0.1"),))
    path, _ = see(it, picture)
    assert path is not None
    assert path.sources == ("10.0.0.2",)


def test_modem_without_gateway_leads_out_by_itself() -> None:
    it = link(1, "wwan0", alone=True)
    path, _ = see(it, Picture((it,), (address(1, "10.64.0.2"),)))
    assert path is not None


def test_mtu_changes() -> None:
    it = link(1, "a", mtu=1_400)
    before = Path("a", 1, ("10.0.0.2",), 1_500, None)
    path, words = see(it, Picture((it,), (address(1, "10.0.0.2"),), (default(1, "10.0.0.1"),)), before)
    assert path == Path("a", 1, ("10.0.0.2",), 1_400, None)
    assert words == "a: 10.0.0.2 by 10.0.0.1, MTU 1400, no table of its own (MTU was 1500)"
