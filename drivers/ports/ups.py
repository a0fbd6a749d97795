"""A UPS, as the kit sees it, whatever protocol it speaks. Names are those of Network UPS Tools (NUT)."""

from dataclasses import dataclass
from typing import Literal, Protocol

UpsFlag = Literal[
    "OL",
    "OB",
    "LB",
    "HB",
    "RB",
    "CHRG",
    "DISCHRG",
    "BYPASS",
    "CAL",
    "OFF",
    "OVER",
    "TRIM",
    "BOOST",
    "FSD",
    "ALARM",
]
"""Words of NUT's ``ups.status``: on line, on battery, low battery, high battery, replace battery, charging,
discharging, bypass, calibrating, output off, overload, trimming, boosting, forced shutdown, alarm."""


@dataclass(frozen=True, slots=True)
class UpsReading:
    """One reading. What the UPS does not tell is None. What it says of itself may be wrong (``kit.power.endurance``).

    ``on_battery`` and ``battery_low`` are OB and LB; ``battery_charge_percent`` and ``battery_runtime_s`` are the UPS's
    own claims.
    """

    on_battery: bool
    battery_low: bool
    input_voltage_v: float | None
    load_percent: float | None
    battery_voltage_v: float | None
    battery_charge_percent: float | None = None
    battery_runtime_s: float | None = None
    flags: frozenset[UpsFlag] = frozenset()


@dataclass(frozen=True, slots=True)
class UpsLost:
    """No believable reading for a while: power is unknown, never fine."""

    reason: str


UpsCommand = Literal[
    "beeper.toggle", "test.battery.start.quick", "test.battery.stop", "shutdown.return", "shutdown.stop"
]
"""Instant commands, by their names in NUT. ``shutdown.return``: switch the output off after a while, and on again
when mains is there."""


@dataclass(frozen=True, slots=True)
class UpsCommandEnded:
    """What became of an instant command.

    ``done``: the UPS carried it out. ``forwarded``: it was passed on, and nobody says more (NUT without tracking; a
    serial UPS that answers nothing). ``refused``: it will not. ``lost``: no answer; it may or may not have been done.
    """

    command: UpsCommand
    outcome: Literal["done", "forwarded", "refused", "lost"]
    detail: str


UpsEvent = UpsReading | UpsLost | UpsCommandEnded


class Ups(Protocol):
    """A UPS, as the kit sees it."""

    async def run(self) -> None:
        """Poll until cancelled; never returns by itself."""

    def command(self, command: UpsCommand) -> None:
        """Queue an instant command; UpsCommandEnded follows. A second request for a queued one is dropped."""
