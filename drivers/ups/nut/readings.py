"""What the variables of upsd say about a UPS (NUT developer guide, "NUT command and variable naming scheme")."""

import re
from collections.abc import Mapping
from typing import Final, get_args

from drivers.errors import NutStatusError
from drivers.ports import UpsFlag, UpsReading

STATUS: Final = "ups.status"
CHARGE: Final = "battery.charge"
RUNTIME: Final = "battery.runtime"
BATTERY_VOLTAGE: Final = "battery.voltage"
LOAD: Final = "ups.load"
INPUT_VOLTAGE: Final = "input.voltage"
VARIABLES: Final = frozenset({STATUS, CHARGE, RUNTIME, BATTERY_VOLTAGE, LOAD, INPUT_VOLTAGE})
"""The variables that a reading is made of. All but ``ups.status`` may be missing."""

CHARGE_MAX: Final = 100.0  # percent
LOAD_MAX: Final = 999.0  # percent; overloaded ones tell more than 100
VOLTAGE_MAX: Final = 1_000.0  # volts
RUNTIME_MAX: Final = 30 * 86_400.0  # seconds

_FLAGS: Final[frozenset[UpsFlag]] = frozenset(get_args(UpsFlag))
_NUMBER: Final = re.compile(r"[0-9]{1,9}(?:\.[0-9]{1,9})?", re.ASCII)


def reading(variables: Mapping[str, str]) -> UpsReading:
    """Returns the reading in these variables; a number that is missing, malformed or out of range is None.

    Words of the status that are not known here are passed over. Where the UPS claims to be on line and on battery, it
    is on battery.

    Raises:
        NutStatusError: the status has neither OL nor OB: a driver that still waits for its UPS, an output that is off
            or bypassed. What stands behind that is unknown, so it must not look fine.
    """
    status = variables.get(STATUS)
    if status is None:
        raise NutStatusError(f"upsd tells no {STATUS}")
    words = frozenset(status.split())
    if not words & {"OL", "OB"}:
        raise NutStatusError(f"{STATUS} is {status[:80]!r}: neither on line (OL) nor on battery (OB)")
    return UpsReading(
        on_battery="OB" in words,
        battery_low="LB" in words,
        input_voltage_v=_number(variables.get(INPUT_VOLTAGE), VOLTAGE_MAX),
        load_percent=_number(variables.get(LOAD), LOAD_MAX),
        battery_voltage_v=_number(variables.get(BATTERY_VOLTAGE), VOLTAGE_MAX),
        battery_charge_percent=_number(variables.get(CHARGE), CHARGE_MAX),
        battery_runtime_s=_number(variables.get(RUNTIME), RUNTIME_MAX),
        flags=frozenset(flag for flag in _FLAGS if flag in words),
    )


def _number(text: str | None, most: float) -> float | None:
    if text is None or not _NUMBER.fullmatch(text):
        return None
    number = float(text)
    return number if number <= most else None
