"""Mistakes in the tables of devices that would show on polling day only: both programs' checks refuse them."""

from collections.abc import Callable
from pathlib import Path

import pytest

from kit.config import ConfigError, load
from kit.sims.plan import SimPlan
from kit.tables.sims import MANAGED as MANAGED_CANNOT
from kit.tables.sims import sims_of
from tests.kit.commission import commission, run

MODEM = '\n[[modems]]\nkind = "at"\nname = "{name}"\nport = "/dev/ttyUSB{n}"\n{more}\n'
MANAGED = '\n[[modems]]\nkind = "modemmanager"\nname = "{name}"\n{more}\n'
NUT = '\n[nut]\nhost = "{host}"\nups = "branch"\n{more}\n'
UPS = '[ups]\nport = "/dev/null"\npoll_interval_ms = 200\n'
TWO_SIMS = 'sim_slots = 2\nsim_switch = "csus"\n'
IMEI = 'imei = "490154203237518"'


def _nut(more: str = "", host: str = "127.0.0.1") -> Callable[[str], str]:
    return lambda text: text.replace(UPS, NUT.format(host=host, more=more))


def _add(*tables: str) -> Callable[[str], str]:
    return lambda text: text + "".join(tables)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    for name in ("pin", "password"):
        (tmp_path / name).write_text("1234\n")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "ca.pem").write_text("")
    return commission(tmp_path)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda text: text.replace("/dev/null", "/dev/ttyUSB0"), "each device has a line of its own"),
        (_add(MODEM.format(name="a", n=1, more=""), MODEM.format(name="b", n=1, more="")), "line of its own"),
        (
            _add(
                MODEM.format(name="a", n=1, more=""),
                '[printer]\nkind = "serial"\nport = "/dev/../dev/ttyUSB1"\n',
            ),
            "own",
        ),
        (lambda text: text.replace("/dev/null", "/dev/\\u0000x"), "no name of a line"),
        (lambda text: text.replace("/dev/null", "", 1), "no name of a line"),
        (_add(MANAGED.format(name="a", more=""), MANAGED.format(name="b", more="")), "may be the same modem"),
        (
            _add(MANAGED.format(name="a", more=IMEI), MANAGED.format(name="b", more=IMEI)),
            "may be the same modem",
        ),
        (
            _add(MANAGED.format(name="a", more=IMEI), MANAGED.format(name="b", more="")),
            "may be the same modem",
        ),
        (_add(MODEM.format(name="a", n=1, more='other_pin_files = ["pin"]')), "slots 2 and up"),
        (_add(MODEM.format(name="a", n=1, more='sim_switch = "quectel-qdsim"')), "sim_slots is 1"),
        (
            _add(MODEM.format(name="a", n=1, more='apn = "x"\nother_apns = ["y"]')),
            "other_apns are of the SIMs",
        ),
        (_add(MODEM.format(name="a", n=1, more=TWO_SIMS + 'other_apns = ["y"]')), "beside apn of slot 1"),
        (_add(MANAGED.format(name="a", more="change_sim = true")), "change_sim"),
        (_nut(host="ups@localhost"), "neither a name nor an address"),
        (_nut(host="a..b"), "neither a name nor an address"),
        (_nut('server_name = "branch"'), "ca_file is missing"),
        (_nut('ca_file = "ca.pem"\nserver_name = ".branch"'), "neither a name nor an address"),
        (_nut('ca_file = "nowhere.pem"'), "no such file"),
        (_nut('username = "kit"\npassword_file = "password"', host="192.0.2.7"), "in the clear"),
        (_nut("poll_interval_ms = 3600000"), "poll_interval_ms"),
        (lambda text: text.replace(UPS, "[battery]\nreserve_s = 400\n"), "battery of a UPS"),
        (_add('[printer]\nkind = "usb"\nport = "/dev/usb/lp0"\nhost = "printer"\n'), "host is of kind"),
        (_add('[printer]\nkind = "network"\nhost = "printer"\nport = "/dev/usb/lp0"\n'), "port is a device"),
        (
            _add(
                '[fibre]\ninterface = "eth0"\n[fibre.ont]\nhost = "udp:192.0.2.1/x"\noids = {mikrotik = 1}\n'
            ),
            "fibre.ont",
        ),
    ],
)
def test_mistake_is_found_out_on_polling_day(path: Path, spoil: Callable[[str], str], says: str) -> None:
    path.write_text(spoil(path.read_text()))
    with pytest.raises(ConfigError, match=says):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        _add(MANAGED.format(name="a", more=IMEI), MANAGED.format(name="b", more='imei = "490154203237519"')),
        _add(MODEM.format(name="a", n=1, more=""), MODEM.format(name="b", n=2, more="")),
        _nut('username = "kit"\npassword_file = "password"'),
        _nut('username = "kit"\npassword_file = "password"\ntls_unverified = true', host="192.0.2.7"),
        _nut(host="::1"),
        _nut('ca_file = "ca.pem"\nserver_name = "branch"', host="2001:db8::7"),
    ],
)
def test_sound_configuration_is_refused(path: Path, change: Callable[[str], str]) -> None:
    path.write_text(change(path.read_text()))
    load(path)


@pytest.mark.parametrize(
    ("table", "says"),
    [
        (MODEM.format(name="a", n=1, more='pin_file = "nowhere"'), "nowhere"),
        (MODEM.format(name="a", n=1, more='apn = "a b"'), "APN"),
        ('[fibre]\ninterface = "eth0"\n[fibre.ont]\nhost = "192.0.2.1"\noids = {}\n', "names nothing"),
    ],
)
def test_check_before_the_start_lets_pass_what_the_start_refuses(path: Path, table: str, says: str) -> None:
    path.write_text(path.read_text() + table)
    checked = run("kitd", "--config", path, "--check-config")
    assert checked.returncode == 78
    assert says in checked.stderr
    assert "Traceback" not in checked.stderr


def test_uplink_is_laid_to_another_modem_than_its_own(path: Path) -> None:
    """Which uplinks a SIM carries, and who may change it over, is read out of the whole file."""
    uplinks = '\n[[uplinks]]\nname = "{0}"\nkind = "4g"\nhost = "127.0.0.1"\nport = 1\n{1}\n'
    tables = [
        MODEM.format(name="a", n=1, more=TWO_SIMS),
        MODEM.format(name="b", n=2, more=TWO_SIMS + "change_sim = false"),
        MANAGED.format(name="c", more=IMEI),
        uplinks.format("by-line", 'line = "modem:a"'),
        uplinks.format("by-interface", '[uplinks.interface]\nmodem = "c"'),
        uplinks.format("by-neither", ""),
    ]
    path.write_text(path.read_text() + "".join(tables))
    config = load(path)
    assert sims_of(config.modems, config.uplinks) == {
        "a": SimPlan(2, ("by-line",)),
        "b": SimPlan(2, (), changes=False),
        "c": SimPlan(1, ("by-interface",), changes=False, cannot=MANAGED_CANNOT),
    }
