"""What an ONT may answer, whatever its OID map says: a sane power, a flag, or a fault; and maps made of noise."""

import contextlib
import json
from typing import Final

from drivers.fibre.errors import OidMapError
from drivers.fibre.oid_map import (
    FAULT_MAX,
    POWER_MAX_DBM,
    POWER_MIN_DBM,
    FlagObject,
    OidMap,
    PowerObject,
    SnmpValue,
    parse_oid_map,
    read_optics,
)
from drivers.ports import OpticalReading

RX, TX, LOS = "1.3.1", "1.3.2", "1.3.3"
MAPS: Final = (
    OidMap(PowerObject(RX, 0.001), PowerObject(TX, 0.01, -100.0), FlagObject(LOS, (1, "yes"), (2, "no"))),
    OidMap(PowerObject(RX, unit="mw"), PowerObject(TX, 0.0001, unit="mw"), FlagObject(LOS, (1,))),
)
SEEDS: Final = (
    b"\x00\x01\x02\xb3\xd4",
    b"\x01-21.5 dBm\x00N/A\x00yes",
    b"\x02\x9f\x78\x04\xc1\xac\x00\x00",
    b'\x03{"rx_power_dbm": {"oid": "1.3.6", "scale": 0.1, "unit": "mw"}, "los": {"oid": "1.3", "true_values": [1]}}',
)


def one_input(data: bytes) -> None:
    """Lets only OidMapError pass; what is said stays short."""
    kind, rest = data[:1], data[1:]
    if kind == b"\x03":
        _parse(rest)
        return
    values = _integers(rest) if kind == b"\x00" else _texts(rest)
    for oid_map in MAPS:
        _check(*read_optics(oid_map, dict(zip((RX, TX, LOS), values, strict=False))))


def _integers(data: bytes) -> list[SnmpValue]:
    return [int.from_bytes(data[at : at + 9], "big", signed=True) for at in range(0, 27, 9)]


def _texts(data: bytes) -> list[SnmpValue]:
    return [*data.split(b"\x00", 2)]


def _check(reading: OpticalReading | None, fault: str | None) -> None:
    assert fault is None or (0 < len(fault) <= FAULT_MAX and fault.isprintable())
    assert reading is not None or fault is not None
    for power in (reading.rx_power_dbm, reading.tx_power_dbm) if reading else ():
        assert power is None or POWER_MIN_DBM <= power <= POWER_MAX_DBM


def _parse(data: bytes) -> None:
    with contextlib.suppress(OidMapError, ValueError, RecursionError):
        table = json.loads(data)
        if isinstance(table, dict):
            oid_map = parse_oid_map(table)
            _check(*read_optics(oid_map, dict.fromkeys(oid_map.oids, 1)))
