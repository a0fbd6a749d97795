"""All the devices that a configuration names."""

from typing import Annotated

from msgspec import Meta

from kit.tables.battery import BatteryTable
from kit.tables.devices import (
    FibreTable,
    ModemLine,
    NutTable,
    PrinterTable,
    Section,
    TerminalLine,
    UpsLine,
)


class DeviceTables(Section, frozen=True, kw_only=True):
    """The part of the file that is about devices."""

    terminals: Annotated[tuple[TerminalLine, ...], Meta(min_length=1, max_length=8)]
    ups: UpsLine | None = None
    nut: NutTable | None = None
    """The UPS, where upsd speaks for it: instead of ``ups``."""
    battery: BatteryTable = BatteryTable()
    """The battery of either."""
    modems: Annotated[tuple[ModemLine, ...], Meta(max_length=8)] = ()
    fibre: FibreTable | None = None
    printer: PrinterTable | None = None
