"""What systemd is told about the daemons must fit what the daemons do."""

import configparser
from pathlib import Path

import pytest

from kit.daemon import WATCHDOG_S

UNITS = Path(__file__).resolve().parent.parent / "deploy" / "systemd"


def _unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string((UNITS / name).read_text(encoding="utf-8"))
    return parser


@pytest.mark.parametrize("name", ["kitd.service", "centerd.service", "center-sms.service"])
def test_daemon_that_falls_over_often_is_left_lying(name: str) -> None:
    unit = _unit(name)
    assert unit["Service"]["Restart"] == "always"
    assert unit["Unit"]["StartLimitIntervalSec"] == "0"


@pytest.mark.parametrize("name", ["kitd.service", "centerd.service"])
def test_healthy_daemon_is_killed_by_its_watchdog(name: str) -> None:
    unit = _unit(name)
    assert unit["Service"]["Type"] == "notify"
    assert int(unit["Service"]["WatchdogSec"]) >= 3 * WATCHDOG_S


@pytest.mark.parametrize("name", ["kitd.service", "centerd.service"])
def test_memory_with_keys_in_it_reaches_the_disk(name: str) -> None:
    unit = _unit(name)
    assert unit["Service"]["LimitCORE"] == "0"
    assert unit["Service"]["MemorySwapMax"] == "0"


@pytest.mark.parametrize(
    ("name", "user"),
    [
        ("kitd.service", "branch-kit"),
        ("centerd.service", "branch-center"),
        ("center-sms.service", "branch-center"),
    ],
)
def test_daemon_runs_as_somebody_that_nobody_made(name: str, user: str) -> None:
    assert _unit(name)["Service"]["User"] == user
    assert f"u {user} " in (UNITS / "branch-kit.conf").read_text(encoding="utf-8")


def test_branch_without_network_never_starts_its_kit() -> None:
    assert "network-online" not in str(dict(_unit("kitd.service")["Unit"]))


def test_fibre_is_asked_through_a_socket_that_the_unit_forbids() -> None:
    assert "AF_NETLINK" in _unit("kitd.service")["Service"]["RestrictAddressFamilies"].split()


def test_kit_may_do_more_than_its_uplinks_need() -> None:
    unit = _unit("kitd.service")["Service"]
    assert set(unit["CapabilityBoundingSet"].split()) == {"CAP_NET_ADMIN", "CAP_NET_RAW"}
    assert unit["AmbientCapabilities"] == unit["CapabilityBoundingSet"]
    assert unit["NoNewPrivileges"] == "yes"
    assert unit["User"] != "root"


def test_centre_may_do_more_than_nothing() -> None:
    unit = _unit("centerd.service")["Service"]
    assert unit["CapabilityBoundingSet"] == unit["AmbientCapabilities"] == ""
