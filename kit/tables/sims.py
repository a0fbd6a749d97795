"""What the configuration says of SIMs, modem by modem."""

from collections.abc import Mapping, Sequence
from typing import Final

from drivers.modem.at.settings import SIM_SLOTS_MAX
from failover.budget import MEGABYTE
from kit.links.budgets import DataPlan
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


def data_plans(uplinks: Sequence[Uplink], modems: Sequence[ModemLine]) -> Mapping[str, DataPlan]:
    """What the core gets: every uplink by its name. A modem may tell of more SIMs than the configuration does."""
    plans = {}
    for uplink in uplinks:
        modem = next((line.name for line in modems if _hangs_on(uplink, line.name)), None)
        others = uplink.other_data_budgets_mb if modem is not None else ()
        slots = SIM_SLOTS_MAX if modem is not None else 1
        megabytes = [uplink.data_budget_mb, *others] + [uplink.data_budget_mb] * (slots - 1 - len(others))
        plans[uplink.name] = DataPlan(
            tuple(MEGABYTE * each for each in megabytes), uplink.tls is not None, modem
        )
    return plans


def _hangs_on(uplink: Uplink, modem: str) -> bool:
    own = uplink.interface is not None and uplink.interface.modem == modem
    return own or uplink.line == MODEM + modem
