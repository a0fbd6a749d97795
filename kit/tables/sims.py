"""What the configuration says of SIMs, modem by modem."""

from collections.abc import Mapping, Sequence
from typing import Final

from kit.links.lines import MODEM
from kit.sims.plan import SimPlan
from kit.tables.devices import AtModemLine, ModemLine
from kit.tables.uplinks import Uplink

MANAGED: Final = (
    'ModemManager holds it, and most of its plugins change over to no other SIM: use kind = "at" for that'
)


def sims_of(modems: Sequence[ModemLine], uplinks: Sequence[Uplink]) -> Mapping[str, SimPlan]:
    """What the core gets: every modem by its name."""
    return {
        line.name: SimPlan(
            slots=line.sim_slots if isinstance(line, AtModemLine) else 1,
            uplinks=tuple(uplink.name for uplink in uplinks if _hangs_on(uplink, line.name)),
            changes=isinstance(line, AtModemLine) and line.change_sim,
            cannot="" if isinstance(line, AtModemLine) else MANAGED,
        )
        for line in modems
    }


def _hangs_on(uplink: Uplink, modem: str) -> bool:
    own = uplink.interface is not None and uplink.interface.modem == modem
    return own or uplink.line == MODEM + modem
