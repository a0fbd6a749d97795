"""The invariants of every boot: nothing was said or done that the journal, as it survived, has forgotten."""

from collections.abc import Iterable
from typing import Final

from crypto.statements import OrderKind
from drivers.ports import TerminalPhase
from kit.day.day_state import DayState
from kit.facts import Phase
from simulators.devices.terminal import TerminalModel
from simulators.officials import reached

_ORDERED: Final[dict[TerminalPhase, tuple[OrderKind, Phase]]] = {
    "zeroed": ("zero", "zeroed"),
    "open": ("open", "open"),
    "suspended": ("open", "open"),
    "closed": ("close", "closed"),
    "tallied": ("account", "accounted"),
}
"""What brings a terminal into a phase: the order for it, or a phase of the day that comes of that order."""


def promise_findings(name: str, promised: Iterable[tuple[str, int]], replayed: DayState) -> list[str]:
    """Every order (kind, serial) of which officials were told that it is accepted must be known still."""
    return [
        f"{name}: officials were told that order {kind!r} (serial {serial}) is accepted, and it is forgotten"
        for kind, serial in promised
        if serial > replayed.serial
    ]


def deed_findings(name: str, terminal: TerminalModel, replayed: DayState) -> list[str]:
    """What the terminal has done must follow from orders that are known still."""
    done: list[TerminalPhase] = [terminal.durable["phase"]]
    if "ACCOUNT" in terminal.durable["reports"]:
        done.append("tallied")
    found = []
    for phase in done:
        kind, since = _ORDERED.get(phase, (None, "commissioned"))
        if replayed.stage != kind and not reached(replayed.phase, since):
            found.append(
                f"{name}: the terminal did what leads to {phase!r}, and the replayed journal is in {replayed.phase!r}"
            )
    return found
