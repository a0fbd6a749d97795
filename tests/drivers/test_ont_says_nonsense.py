import struct
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.fibre import oid_map
from drivers.fibre.errors import OidMapError
from drivers.fibre.oid_map import (
    FAULT_MAX,
    POWER_MAX_DBM,
    POWER_MIN_DBM,
    FlagObject,
    OidMap,
    PowerObject,
    SnmpValue,
    mikrotik,
    parse_oid_map,
    read_optics,
)
from drivers.ports import OpticalReading

RX, TX, LOS = "1.3.6.1.4.1.32473.1.1.1.0", "1.3.6.1.4.1.32473.1.1.2.0", "1.3.6.1.4.1.32473.1.1.3.0"
ONLY_RX = OidMap(rx_power_dbm=PowerObject(RX, scale=0.001))
WHOLE = OidMap(
    PowerObject(RX, scale=0.001), PowerObject(TX, scale=0.001), FlagObject(LOS, (1, "LOS"), (2, "ok"))
)


def rx(value: SnmpValue, obj: PowerObject | None = None) -> float | None:
    reading, fault = read_optics(OidMap(rx_power_dbm=obj or ONLY_RX.rx_power_dbm), {RX: value})
    assert (reading is None) == (fault is not None)
    return None if reading is None else reading.rx_power_dbm


@pytest.mark.parametrize(
    ("obj", "value", "dbm"),
    [
        (PowerObject(RX, scale=0.001), -19500, -19.5),
        (PowerObject(RX, scale=0.01, offset=-100.0), 7850, -21.5),
        (PowerObject(RX, scale=0.1), b"-215", -21.5),
        (PowerObject(RX), b"-21.50 dBm", -21.5),
        (PowerObject(RX), b" -21,5", -21.5),
        (PowerObject(RX), b"\x9f\x78\x04" + struct.pack(">f", -21.5), -21.5),
        (PowerObject(RX, scale=0.0001, unit="mw"), 100, -20.0),  # tenths of a microwatt, SFF-8472
        (PowerObject(RX, unit="mw"), b"0.01 mW", -20.0),
    ],
)
def test_each_makers_way_to_tell_a_power_is_read(obj: PowerObject, value: int | bytes, dbm: float) -> None:
    assert rx(value, obj) == dbm


@pytest.mark.parametrize(
    "value",
    [
        None,
        2**31 - 1,
        -(2**31),
        2**32 - 1,
        65_535_000,
        -60_001,
        20_001,
        10**30,
        b"",
        b"N/A",
        b"--",
        b"-inf",
        b"nan",
        b"1e3",
        b"-21.5 V",
        b"-21.5" + b" " * 100,
        "−21,5".encode(),  # noqa: RUF001 - a minus sign that is none
        b"\xff\xfe\x00",
        b"\x9f\x78\x04" + struct.pack(">f", float("nan")),
        b"\x9f\x78\x04" + struct.pack(">f", float("inf")),
        b"\x9f\x78\x04\x00",
    ],
)
def test_what_is_no_power_is_none_with_a_fault(value: SnmpValue) -> None:
    assert rx(value) is None


@pytest.mark.parametrize("value", [0, -5, b"0"])
def test_no_milliwatts_are_no_logarithm(value: SnmpValue) -> None:
    assert rx(value, PowerObject(RX, unit="mw")) is None


@pytest.mark.parametrize(("value", "los"), [(1, True), (2, False), (b"LOS", True), (b" ok ", False)])
def test_loss_of_signal_is_what_the_map_calls_so(value: SnmpValue, los: bool) -> None:
    assert read_optics(WHOLE, {RX: -19500, TX: 2100, LOS: value}) == (OpticalReading(-19.5, 2.1, los), None)


def test_neither_yes_nor_no_is_neither() -> None:
    reading, fault = read_optics(WHOLE, {RX: -19500, TX: 2100, LOS: 3})
    assert reading == OpticalReading(-19.5, 2.1, None)
    assert fault == f"los ({LOS}): 3 is neither yes nor no"
    without = OidMap(los=FlagObject(LOS, (1,)))
    assert read_optics(without, {LOS: 3}) == (OpticalReading(None, None, False), None)


def test_what_is_readable_is_told_beside_what_is_not() -> None:
    reading, fault = read_optics(WHOLE, {RX: b"N/A", TX: 2100, LOS: None})
    assert reading == OpticalReading(None, 2.1, None)
    assert fault == f"rx_power_dbm ({RX}): 'N/A' is no number; los ({LOS}): the ONT has no such object"


def test_an_ont_that_knows_none_of_it_tells_no_light() -> None:
    reading, fault = read_optics(WHOLE, {})
    assert reading is None
    assert fault is not None
    assert fault.count("no such object") >= 2


def test_a_router_with_an_ont_on_a_stick_needs_only_its_row() -> None:
    values: dict[str, SnmpValue] = {
        "1.3.6.1.4.1.14988.1.1.19.1.1.10.4": -18_320,
        "1.3.6.1.4.1.14988.1.1.19.1.1.9.4": 1_950,
        "1.3.6.1.4.1.14988.1.1.19.1.1.3.4": 0,
    }
    assert read_optics(parse_oid_map({"mikrotik": 4}), values) == (OpticalReading(-18.32, 1.95, False), None)
    assert parse_oid_map({"mikrotik": 4}) == mikrotik(4)


def test_the_example_of_the_documentation_is_a_map() -> None:
    source = oid_map.__doc__ or ""
    lines = [line.strip() for line in source.splitlines() if line.startswith("    ") and " = {oid = " in line]
    parsed = parse_oid_map(tomllib.loads("\n".join(lines[:3])))
    assert parsed == OidMap(
        PowerObject(RX, scale=0.001), PowerObject(TX, scale=0.001), FlagObject(LOS, (1,), (2,))
    )
    assert parsed.oids == (RX, TX, LOS)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({}, "names nothing"),
        ({"rx_power": {"oid": RX}}, "unknown rx_power"),
        ({"rx_power_dbm": RX}, "a table is needed"),
        ({"rx_power_dbm": {}}, "oid = None"),
        ({"rx_power_dbm": {"oid": "IF-MIB::ifIndex.1"}}, "numbers with dots"),
        ({"rx_power_dbm": {"oid": "1.3.6.1.99999999999"}}, "numbers with dots"),
        ({"rx_power_dbm": {"oid": "1." * 128 + "1"}}, "numbers with dots"),
        ({"rx_power_dbm": {"oid": RX, "scal": 1}}, "unknown scal"),
        ({"rx_power_dbm": {"oid": RX, "scale": "0.1"}}, "scale = '0.1'"),
        ({"rx_power_dbm": {"oid": RX, "scale": 0}}, "scale = 0"),
        ({"rx_power_dbm": {"oid": RX, "offset": float("nan")}}, "offset = nan"),
        ({"rx_power_dbm": {"oid": RX, "scale": True}}, "scale = True"),
        ({"rx_power_dbm": {"oid": RX, "unit": "W"}}, "unit = 'W'"),
        ({"los": {"oid": LOS}}, "true_values is needed"),
        ({"los": {"oid": LOS, "true_values": [1], "false_values": [1]}}, "in false_values too"),
        ({"los": {"oid": LOS, "true_values": 1}}, "a list of integers and texts"),
        ({"los": {"oid": LOS, "true_values": [True]}}, "a list of integers and texts"),
        ({"mikrotik": 0}, "the row of mtxrOpticalTable"),
        ({"mikrotik": True}, "the row of mtxrOpticalTable"),
        ({"mikrotik": 1, "los": {"oid": LOS, "true_values": [1]}}, "unknown mikrotik"),
    ],
)
def test_a_map_that_cannot_be_meant_is_refused_in_words(table: dict[str, object], said: str) -> None:
    with pytest.raises(OidMapError, match=said):
        parse_oid_map(table)


def test_a_leading_dot_is_the_same_object() -> None:
    assert parse_oid_map({"rx_power_dbm": {"oid": f".{RX}"}}).oids == (RX,)


values = (
    st.none() | st.integers(-(2**70), 2**70) | st.binary(max_size=300) | st.text(max_size=80).map(str.encode)
)


@given(values, values, values, st.floats(-1e9, 1e9), st.sampled_from(["dbm", "mw"]))
def test_whatever_is_answered_is_a_sane_power_or_a_fault(
    rx_value: SnmpValue, tx_value: SnmpValue, los: SnmpValue, scale: float, unit: str
) -> None:
    told_by = OidMap(
        PowerObject(RX, scale, 0.0, "mw" if unit == "mw" else "dbm"),
        PowerObject(TX),
        FlagObject(LOS, (1,), (2,)),
    )
    reading, fault = read_optics(told_by, {RX: rx_value, TX: tx_value, LOS: los})
    told = [] if reading is None else [reading.rx_power_dbm, reading.tx_power_dbm, reading.los]
    assert fault is not None or None not in told
    for power in told[:2]:
        assert power is None or POWER_MIN_DBM <= power <= POWER_MAX_DBM
    assert fault is None or (fault.isprintable() and len(fault) <= FAULT_MAX)
