"""Devices and power, and what people must know of."""

from typing import Literal

from crypto.wire import Count, Id
from kit.facts.base import FactBase, Text

PowerState = Literal["unknown", "mains", "battery", "low"]


class PowerChanged(FactBase, frozen=True, tag="power-changed"):
    """The UPS tells another story than before."""

    state: PowerState


DeviceState = Literal[
    "ok",
    "weak",
    "searching",
    "denied",
    "sim-absent",
    "sim-failure",
    "pin-required",
    "puk-required",
    "no-carrier",
    "no-light",
    "not-there",
    "unknown",
]
"""How a modem or the fibre line is, in one word."""


class DeviceChanged(FactBase, frozen=True, tag="device-changed"):
    """A modem or the fibre line is otherwise than before, and stayed so for a while."""

    device: Text
    state: DeviceState


class CounterRead(FactBase, frozen=True, tag="counter-read"):
    """The public counter, at most every 15 minutes."""

    terminal: Id
    public_counter: Count


class IncidentRecorded(FactBase, frozen=True, tag="incident-recorded"):
    """Something that people must know of later. Never holds a count of votes."""

    code: Id
    detail: Text
