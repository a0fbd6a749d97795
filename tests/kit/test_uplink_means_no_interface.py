"""Uplinks that are bound to interfaces: what the configuration may say of them, and what it costs where none are."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from drivers.ports import ModemLost
from failover.routing.spec import UplinkSpec
from kit.edges import real_ports
from kit.log import setup
from kit.routes import RoutesPart, specs_of
from kit.tables.devices import ConfigError
from kit.tables.uplinks import Uplink, check_uplinks
from tests.kit.test_line_is_misread import READING

ROOT = Path(__file__).resolve().parents[2]


def uplink(called: str, /, **interface: object) -> Uplink:
    table = {"name": called, "kind": "fibre", "host": "192.0.2.1", "port": 8883}
    return msgspec.convert(table | ({"interface": interface} if interface else {}), Uplink, strict=True)


def test_routing_is_told_what_the_configuration_says() -> None:
    uplinks = (
        uplink("a", mac="02:00:00:00:00:01", gateway="10.1.0.1"),
        uplink("demo"),
        uplink("c", modem="m1", table=300, gateway="none"),
        uplink("d", device="1-1.4:1.0"),
    )
    check_uplinks(uplinks, frozenset({"m1"}), has_fibre=False)
    assert specs_of(uplinks) == (
        UplinkSpec("a", "mac", "02:00:00:00:00:01", "10.1.0.1", 7_101, 0),
        UplinkSpec("c", "modem", "m1", "none", 300, 2),
        UplinkSpec("d", "device", "1-1.4:1.0", "auto", 7_104, 3),
    )


@pytest.mark.parametrize(
    ("uplinks", "says"),
    [
        ((uplink("a", gateway="none"),), "it has none of them"),
        ((uplink("a", name="eth0", mac="02:00:00:00:00:01"),), "it has name, mac"),
        ((uplink("a", modem="m2"),), "there is no modem 'm2'"),
        ((uplink("a", name="eth0", gateway="10.1.0.999"),), "write auto, none or its address"),
        ((uplink("a", name="eth0", table=7_102), uplink("b", name="eth1")), "share routing table 7102"),
    ],
)
def test_interface_that_cannot_be_meant(uplinks: tuple[Uplink, ...], says: str) -> None:
    with pytest.raises(ConfigError, match="uplink") as caught:
        check_uplinks(uplinks, frozenset({"m1"}), has_fibre=False)
    assert says in str(caught.value)


def test_modem_that_cannot_know_its_interface_is_to_name_it() -> None:
    uplinks = (uplink("a", modem="m1"),)
    check_uplinks(uplinks, frozenset({"m1"}), has_fibre=False)
    with pytest.raises(ConfigError, match=r"uplink a: no AT command tells .* m1: give name, mac or device"):
        check_uplinks(uplinks, frozenset({"m1"}), has_fibre=False, at_modems=frozenset({"m1"}))


def test_reading_of_a_modem_names_its_interface() -> None:
    part = RoutesPart((uplink("a", modem="m1"),), real_ports(), lambda _: None, setup())

    def named() -> dict[str, str | None]:
        return {modem: word.interface for modem, word in part._routes._modems.items()}

    part.hear_modem("m1", replace(READING, interface="wwan0"))
    assert named() == {"m1": "wwan0"}
    part.hear_modem("m1", ModemLost("no answer"))  # its manager may be gone; its data may still go
    assert named() == {"m1": "wwan0"}
    part.hear_modem("m1", replace(READING, interface=None))
    assert named() == {"m1": None}


def test_kit_without_bound_uplinks_pays_for_netlink() -> None:
    code = (
        "import sys, kit.daemon, kit.cli.kitd\n"
        "heavy = [name for name in sys.modules if name.startswith(('pyroute2', 'failover.routing'))]\n"
        "sys.exit(', '.join(heavy) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def named(called: str, /, **more: object) -> Uplink:
    table = {
        "name": called,
        "kind": "4g",
        "host": "broker.example",
        "port": 8883,
        "interface": {"name": called},
    }
    return msgspec.convert(table | more, Uplink, strict=True)


@pytest.mark.parametrize("more", [{"addresses": ["192.0.2.1"]}, {"dns": ["192.0.2.53"]}, {"interface": None}])
def test_name_is_asked_for_over_another_uplink_that_is_dead(more: dict[str, object]) -> None:
    """A kit that starts while the machine's default route leads into a hole would never learn where the centre is."""
    other = uplink("b", name="eth1")
    check_uplinks((named("a", **more), other), frozenset(), has_fibre=False)
    check_uplinks((named("a"),), frozenset(), has_fibre=False)  # there is no other
    with pytest.raises(ConfigError, match=r"uplink a: only the system's resolver knows broker\.example"):
        check_uplinks((other, named("a")), frozenset(), has_fibre=False)
