"""The polling day as tables: which trigger leads from which phase to which, and when which order may be given."""

from typing import Final, get_args

from crypto.statements import OrderKind
from kit.core import MachineError
from kit.facts import Phase, PhaseTrigger

TABLE: Final[dict[Phase, dict[PhaseTrigger, Phase]]] = {
    "commissioned": {"readiness-passed": "readiness"},
    "readiness": {"readiness-passed": "readiness", "all-zeroed": "zeroed"},
    "zeroed": {"all-zeroed": "zeroed", "all-opened": "open"},
    "open": {"all-suspended": "suspended", "all-closed": "closed"},
    "suspended": {"all-resumed": "open", "all-closed": "closed"},
    "closed": {"all-accounted": "accounted"},
    "accounted": {"all-tallied": "tallied"},
    "tallied": {"all-sealed": "sealed"},
    "sealed": {"uplink-usable": "sending", "all-delivered": "delivered"},
    "sending": {"all-delivered": "delivered"},
    "delivered": {"archive-ordered": "archived"},
    "archived": {},
}

ORDERS: Final[dict[OrderKind, tuple[Phase, ...]]] = {
    "zero": ("readiness", "zeroed"),
    "open": ("zeroed",),
    "suspend": ("open",),
    "resume": ("suspended",),
    "close": ("open", "suspended"),
    "account": ("closed",),
    "archive": ("delivered",),
}

DONE: Final[dict[OrderKind, PhaseTrigger]] = {
    "zero": "all-zeroed",
    "open": "all-opened",
    "suspend": "all-suspended",
    "resume": "all-resumed",
    "close": "all-closed",
    "account": "all-accounted",
    "archive": "archive-ordered",
}

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


def next_phase(phase: Phase, trigger: PhaseTrigger) -> Phase:
    """Where a trigger leads; raises MachineError where the phase does not know it."""
    try:
        return TABLE[phase][trigger]
    except KeyError:
        raise MachineError(f"the polling day is {phase!r} and knows no {trigger!r}") from None
