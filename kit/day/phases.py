"""The polling day as tables: which trigger leads where, when which order may be given, what it has terminals do."""

from typing import Final, get_args

from crypto.statements import OrderKind
from drivers.ports import TerminalAction, TerminalPhase
from kit.core import MachineError
from kit.facts import Phase, PhaseTrigger

_TAKE_OVER: Final[dict[PhaseTrigger, Phase]] = {
    "took-over-zeroed": "zeroed",
    "took-over-open": "open",
    "took-over-suspended": "suspended",
    "took-over-closed": "closed",
}
TABLE: Final[dict[Phase, dict[PhaseTrigger, Phase]]] = {
    "commissioned": {"readiness-passed": "readiness", **_TAKE_OVER},
    "readiness": {"readiness-passed": "readiness", "all-zeroed": "zeroed", **_TAKE_OVER},
    "zeroed": {"all-zeroed": "zeroed", "all-opened": "open"},
    "open": {"all-suspended": "suspended", "all-closed": "closed"},
    "suspended": {"all-resumed": "open", "all-closed": "closed"},
    "closed": {"all-closed": "closed", "all-reopened": "open", "all-accounted": "accounted"},
    "accounted": {"all-tallied": "tallied"},
    "tallied": {"all-sealed": "sealed"},
    "sealed": {"uplink-usable": "sending", "all-delivered": "delivered"},
    "sending": {"all-delivered": "delivered"},
    "delivered": {"archive-ordered": "archived"},
    "archived": {},
}
POLLS_PHASES: Final[tuple[Phase, ...]] = (
    *("open", "suspended", "closed", "accounted", "tallied", "sealed", "sending"),
)
"""While the day stands here, uplinks are probed as polls need it (failover.timing)."""

_BEFORE_ACCOUNT: Final[tuple[Phase, ...]] = (
    *("commissioned", "readiness", "zeroed", "open", "suspended", "closed"),
)
ORDERS: Final[dict[OrderKind, tuple[Phase, ...]]] = {
    "zero": ("readiness", "zeroed"),
    "open": ("zeroed",),
    "suspend": ("open",),
    "resume": ("suspended",),
    # Again from closed: where one terminal reopened and another would not, all must close before the account.
    "close": ("open", "suspended", "closed"),
    "reopen": ("closed",),
    "account": ("closed",),
    "archive": ("delivered",),
    "extend": (*_BEFORE_ACCOUNT, "accounted"),
    "replace-terminal": (*_BEFORE_ACCOUNT, "accounted", "tallied"),
    "reissue": ("commissioned", "readiness"),
    "release-media": ("accounted", "tallied", "sealed", "sending", "delivered", "archived"),
}

DONE: Final[dict[OrderKind, PhaseTrigger]] = {
    "zero": "all-zeroed",
    "open": "all-opened",
    "suspend": "all-suspended",
    "resume": "all-resumed",
    "close": "all-closed",
    "reopen": "all-reopened",
    "account": "all-accounted",
    "archive": "archive-ordered",
}
"""What the completion of an order triggers; a take-over triggers what the terminals say, and the others are AT_ONCE."""

AT_ONCE: Final[frozenset[OrderKind]] = frozenset({"extend", "replace-terminal", "release-media"})
"""Orders that are carried out by being accepted: they disturb no other order under way."""

# What a terminal does next under an order: by its own phase where that matters (a standby comes late), else the last.
_STEPS: Final[dict[OrderKind, tuple[dict[TerminalPhase, TerminalAction], TerminalAction]]] = {
    "zero": ({}, "zero"),
    "open": ({"idle": "zero"}, "open"),
    "suspend": ({}, "suspend"),
    "resume": ({"idle": "zero", "zeroed": "open"}, "resume"),
    "close": ({"idle": "zero"}, "close"),
    "reopen": ({"idle": "zero"}, "open"),
    "account": ({"idle": "zero", "zeroed": "close"}, "account"),
}
_CATCH_UP: Final[dict[Phase, dict[TerminalPhase, TerminalAction]]] = {
    "zeroed": {"idle": "zero"},
    "open": {"idle": "zero", "zeroed": "open"},
    "suspended": {"idle": "zero"},
    "closed": {"idle": "zero", "zeroed": "close"},
}
GOAL: Final[dict[OrderKind, TerminalPhase]] = {
    "open": "open",
    "suspend": "suspended",
    "resume": "open",
    "close": "closed",
    "reopen": "open",
}
"""The phase in which a terminal has carried out an order; zero and account are done with their reports."""

PHASES: Final[tuple[Phase, ...]] = get_args(Phase)


def next_phase(phase: Phase, trigger: PhaseTrigger) -> Phase:
    """Where a trigger leads; raises MachineError where the phase does not know it."""
    try:
        return TABLE[phase][trigger]
    except KeyError:
        raise MachineError(f"the polling day is {phase!r} and knows no {trigger!r}") from None


def step_under(order: OrderKind, terminal: TerminalPhase) -> TerminalAction | None:
    """What a terminal does next to carry out an order; None where it waits (a take-over only listens)."""
    if order not in _STEPS:
        return None
    special, usual = _STEPS[order]
    return special.get(terminal, usual)


def takes_part(order: OrderKind, terminal: TerminalPhase) -> bool:
    """Whether a terminal has anything to do with an order: one that never opened cannot be suspended, and needn't."""
    return not (order == "suspend" and terminal in ("idle", "zeroed"))


def catch_up(phase: Phase, terminal: TerminalPhase) -> TerminalAction | None:
    """What a standby that came late does to stand where the others stand. Never opens a closed terminal."""
    return _CATCH_UP.get(phase, {}).get(terminal)
