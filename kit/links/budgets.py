"""Data budgets as the cores get them: one for each SIM, shared by the uplinks that it carries, or for a line."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from failover.budget import CONNECT_BYTES, TLS_BYTES, DataBudget, probe_bytes


@dataclass(frozen=True, slots=True)
class DataPlan:
    """What the configuration says of one uplink's data."""

    by_sim: tuple[int, ...]
    """Bytes a month, by the slot of the SIM; at least one."""
    tls: bool = False
    modem: str | None = None
    """Whose SIMs carry it; None: it is no modem's, or of one that nobody asks."""


def make_budgets(
    plans: Mapping[str, DataPlan], topic_bytes: Callable[[str], int]
) -> dict[str, tuple[DataBudget, ...]]:
    """By uplink and SIM. ``topic_bytes``: of an uplink's probe topic. Where uplinks share a modem, the first's hold."""
    made: dict[str, tuple[DataBudget, ...]] = {}
    by_modem: dict[str, tuple[DataBudget, ...]] = {}
    for uplink, plan in plans.items():
        if plan.modem in by_modem:
            made[uplink] = by_modem[plan.modem]
            continue
        sharers = sum(other.modem == plan.modem for other in plans.values()) if plan.modem else 1
        connect = CONNECT_BYTES + (TLS_BYTES if plan.tls else 0)
        each = probe_bytes(topic_bytes(uplink))
        made[uplink] = tuple(DataBudget(most, each, connect, sharers) for most in plan.by_sim)
        if plan.modem is not None:
            by_modem[plan.modem] = made[uplink]
    return made
