"""Every word that the kit has for a device tells a technician what to do, in both languages."""

from typing import get_args

import pytest

from kit import exit_codes
from kit.cli.device_words import DEVICES_EN, DEVICES_FA, device_lines
from kit.cli.kitctl import _health
from kit.cli.words import Words
from kit.facts import DeviceState

STATES = get_args(DeviceState)


@pytest.mark.parametrize("words", [DEVICES_EN, DEVICES_FA], ids=["en", "fa"])
@pytest.mark.parametrize("state", STATES)
def test_state_of_a_device_has_no_words(words: dict[str, str], state: str) -> None:
    assert words[f"device {state}"].strip()


@pytest.mark.parametrize("language", ["en", "fa"])
def test_modem_that_never_answered_breaks_the_status(language: str) -> None:
    modem = {"name": "sim-a", "state": "unknown", "fault": "no answer", "resets": 0}
    (line,) = device_lines({"modems": [modem], "fibre": None}, Words(language))
    assert "sim-a" in line
    assert "[no answer]" in line


def test_dark_fibre_shows_no_figure() -> None:
    fibre = {"state": "no-light", "fault": None, "rx_power_dbm": -40.0, "tx_power_dbm": 2.0, "los": True}
    (line,) = device_lines({"modems": [], "fibre": fibre}, Words("en"))
    assert line == (
        "fibre: no light from the fibre: leave the yellow cable alone and call the telecom company "
        "(received light -40.0 dBm)"
    )


@pytest.mark.parametrize(
    ("devices", "ill"),
    [
        ({}, False),
        ({"modems": [], "fibre": None}, False),
        ({"modems": [{"state": "ok"}], "fibre": {"state": "ok"}}, False),
        ({"modems": [{"state": "ok"}, {"state": "weak"}], "fibre": None}, True),
        ({"modems": [], "fibre": {"state": "no-carrier"}}, True),
    ],
)
def test_ill_device_leaves_the_exit_code_at_ok(devices: dict[str, object], *, ill: bool) -> None:
    status = {
        "power": {"ups": False, "state": "unknown"},
        "uplinks": {"critical": False, "usable": ["fibre"]},
        "terminals": [],
        "findings": [],
        "devices": devices,
    }
    assert _health(status) == (exit_codes.WARNING if ill else exit_codes.OK)
