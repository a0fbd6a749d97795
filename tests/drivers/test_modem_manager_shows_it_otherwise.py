"""ModemManager's properties read as readings: failed, locked, twice the same modem, values that mean "not known"."""

from typing import Any

import pytest

from drivers.modem.manager import ManagerSettings, ModemMatch
from drivers.modem.manager.state import (
    MODEM,
    MODEM_3GPP,
    SIGNAL,
    Found,
    find,
    may_enter_pin,
    reading,
    sim_state,
    trouble,
)

IMEI = "356938035643809"
PATH = "/org/freedesktop/ModemManager1/Modem/"
UNKNOWN_DB = -1.7976931348623157e308


def modem(**properties: Any) -> dict[str, Any]:
    return {
        "State": 8,
        "StateFailedReason": 0,
        "UnlockRequired": 1,
        "EquipmentIdentifier": IMEI,
        **properties,
    }


def found(
    of_network: dict[str, Any] | None = None, extended: dict[str, Any] | None = None, **how: Any
) -> Found:
    bearers = how.pop("bearers", ())
    interfaces = {MODEM: modem(**how), MODEM_3GPP: of_network or {}}
    if extended is not None:
        interfaces[SIGNAL] = extended
    return Found(PATH + "0", interfaces, bearers)


def test_a_modem_that_tells_nothing_is_read_as_unknown() -> None:
    seen = reading(Found(PATH + "0", {MODEM: {}}))
    assert (seen.sim, seen.registration, seen.technology, seen.signal.grade) == (
        "unknown",
        "unknown",
        None,
        "none",
    )
    assert (seen.identity.imei, seen.operator_code, seen.pin_tries_left) == ("", None, None)
    assert (seen.sim_slot, seen.sim_slots, seen.bearer_up, seen.interface) == (1, 1, False, None)


@pytest.mark.parametrize(
    ("code", "said"),
    {
        0: "not-registered",
        1: "home",
        2: "searching",
        3: "denied",
        4: "unknown",
        5: "roaming",
        6: "home",
        7: "roaming",
        8: "emergency-only",
        9: "home",
        10: "roaming",
        99: "unknown",
    }.items(),
)
def test_every_registration_has_a_word(code: int, said: str) -> None:
    assert reading(found({"RegistrationState": code})).registration == said


@pytest.mark.parametrize(
    ("bits", "said"),
    {
        1 << 1: "gsm",
        1 << 4: "gsm",
        1 << 5: "umts",
        1 << 9: "umts",
        1 << 14: "lte",
        1 << 17: "lte",
        1 << 15: "nr",
        (1 << 15) | (1 << 14): "nr",
        0: None,
        1 << 12: None,
    }.items(),
)
def test_best_technology_counts(bits: int, said: str | None) -> None:
    assert reading(found(AccessTechnologies=bits)).technology == said


@pytest.mark.parametrize(
    ("properties", "said"),
    [
        ({"UnlockRequired": 0}, "unknown"),
        ({"UnlockRequired": 1}, "ready"),
        ({"UnlockRequired": 3}, "ready"),  # PIN2 guards nothing that the kit needs
        ({"UnlockRequired": 2}, "pin-required"),
        ({"UnlockRequired": 4}, "puk-required"),
        ({"UnlockRequired": 10}, "failure"),
        ({"State": -1, "StateFailedReason": 2}, "absent"),
        ({"State": -1, "StateFailedReason": 3}, "failure"),
        ({"State": -1, "StateFailedReason": 5}, "absent"),
        ({"State": -1, "StateFailedReason": 4}, "unknown"),
    ],
)
def test_every_lock_and_failure_has_a_word(properties: dict[str, Any], said: str) -> None:
    assert sim_state(modem(**properties)) == said


def test_a_failed_modem_is_trouble_but_a_missing_sim_is_a_reading() -> None:
    assert trouble(found()) is None
    assert trouble(found(State=-1, StateFailedReason=2)) is None
    assert "gave the modem up" in (trouble(found(State=-1, StateFailedReason=4)) or "")
    assert "does not say why" in (trouble(found(State=-1, StateFailedReason=77)) or "")


@pytest.mark.parametrize(("tries", "may"), [({2: 3}, True), ({2: 2}, True), ({2: 1}, False), ({2: 0}, False)])
def test_last_try_is_for_people(tries: dict[int, int], may: bool) -> None:
    assert may_enter_pin(modem(UnlockRequired=2, UnlockRetries=tries)) is may


def test_pin_is_not_entered_where_tries_are_not_told_or_none_is_wanted() -> None:
    assert not may_enter_pin(modem(UnlockRequired=2, UnlockRetries={}))
    assert not may_enter_pin(modem(UnlockRequired=2, UnlockRetries={2: 999}))
    assert not may_enter_pin(modem(UnlockRequired=1, UnlockRetries={2: 3}))


def test_measurements_that_mean_unknown_are_none() -> None:
    lte = {"rssi": UNKNOWN_DB, "rsrp": -101.0, "rsrq": UNKNOWN_DB, "snr": float("nan")}
    signal = reading(found(extended={"Lte": lte, "Gsm": {}})).signal
    assert (signal.rssi_dbm, signal.rsrp_dbm, signal.rsrq_db, signal.sinr_db) == (None, -101.0, None, None)
    assert signal.grade == "poor"


@pytest.mark.parametrize(
    ("quality", "grade"), [(0, "none"), (5, "poor"), (30, "fair"), (90, "good"), (300, "good")]
)
def test_percent_are_a_grade_and_no_measurement(quality: int, grade: str) -> None:
    signal = reading(found(SignalQuality=[quality, True])).signal
    assert (signal.rssi_dbm, signal.grade) == (None, grade)


def test_interface_of_a_bearer_is_one_of_the_operating_system() -> None:
    ports = [["wwan0", 2], ["ttyUSB2", 3]]
    assert (
        reading(found(Ports=ports, bearers=({"Connected": True, "Interface": "wwan0"},))).interface == "wwan0"
    )
    ppp = reading(found(Ports=ports, bearers=({"Connected": True, "Interface": "ttyUSB2"},)))
    assert (ppp.bearer_up, ppp.interface) == (True, None)
    down = reading(found(Ports=ports, bearers=({"Connected": False, "Interface": "wwan0"},)))
    assert (down.bearer_up, down.interface) == (False, None)


def test_two_slots_are_counted() -> None:
    seen = reading(found(PrimarySimSlot=2, SimSlots=["/", "/org/freedesktop/ModemManager1/SIM/1"]))
    assert (seen.sim_slot, seen.sim_slots) == (2, 2)


def test_modem_that_is_meant_is_found() -> None:
    objects = {
        PATH + "0": {MODEM: modem(Device="/sys/a")},
        PATH + "1": {MODEM: modem(EquipmentIdentifier="356938035643817", Device="/sys/b")},
        "/other": {"org.example.Other": {}},
    }
    for match, path in (
        (ModemMatch(imei=IMEI), "0"),
        (ModemMatch(device="/sys/b"), "1"),
        (ModemMatch(index=1), "1"),
        (ModemMatch(imei=IMEI, device="/sys/a", index=0), "0"),
    ):
        seen = find(objects, match)
        assert isinstance(seen, Found)
        assert seen.path == PATH + path
    assert "no modem that fits device /sys/c, and 2 others" in str(find(objects, ModemMatch(device="/sys/c")))
    assert "2 modems fit any modem" in str(find(objects, ModemMatch()))
    assert "and none besides" in str(find({}, ModemMatch(imei=IMEI)))


def test_one_modem_that_is_shown_twice_is_the_one_that_works() -> None:
    objects = {PATH + "0": {MODEM: modem(State=3)}, PATH + "1": {MODEM: modem(State=8)}}
    seen = find(objects, ModemMatch(imei=IMEI))
    assert isinstance(seen, Found)
    assert seen.path == PATH + "1"


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        ({"pin": "12"}, "four to eight digits"),
        ({"other_pins": ("x12",)}, "four to eight digits"),
        ({"poll_interval_ms": 99}, "at least 100"),
        ({"pulse_ms": 0}, "at least 100"),
        ({"measure_every_s": 0}, "1 to 3600"),
    ],
)
def test_settings_out_of_range_are_refused(wrong: dict[str, Any], why: str) -> None:
    with pytest.raises(ValueError, match=why) as refused:
        ManagerSettings(**wrong)
    assert "12" not in str(refused.value), "a PIN is not shown"


def test_settings_hide_pins() -> None:
    assert "4711" not in repr(ManagerSettings(pin="4711", other_pins=("4711",)))
