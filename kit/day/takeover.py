"""A standby kit takes over: the phase of the day follows from what the terminals say of themselves.

Where the kit before was lost in the middle of an order, terminals differ. Then the day goes back to before that order:
officials give it again, and terminals that have followed it say so once more.
"""

from collections.abc import Sequence
from typing import Final, Literal

from drivers.ports import TerminalPhase
from kit.day.day_state import DayState
from kit.day.units import Unit
from kit.facts import Fact, OrderFailed, PhaseTrigger, Standing, TakenOver

REASON_MAX: Final = 500  # characters (kit.facts.Text)

_AGREED: Final[dict[frozenset[TerminalPhase], PhaseTrigger]] = {
    frozenset({"zeroed"}): "took-over-zeroed",
    frozenset({"zeroed", "open"}): "took-over-zeroed",
    frozenset({"open"}): "took-over-open",
    frozenset({"open", "suspended"}): "took-over-open",
    frozenset({"open", "closed"}): "took-over-open",
    frozenset({"suspended"}): "took-over-suspended",
    frozenset({"suspended", "closed"}): "took-over-suspended",
    frozenset({"closed"}): "took-over-closed",
    frozenset({"closed", "tallied"}): "took-over-closed",
    frozenset({"tallied"}): "took-over-closed",
}


def heard_from_all(units: Sequence[Unit]) -> bool:
    """Whether every terminal in use has said where it stands since the take-over was ordered."""
    return all(unit.connected and unit.status is not None for unit in units)


def follow_terminals(state: DayState, at: str) -> tuple[list[Fact], str | None]:
    """What follows from where the terminals in use stand, and what to tell people where nobody can take over.

    Call it when all were heard. A standby terminal that joined before this very take-over has done nothing yet: it
    does not count here, and catches up afterwards.
    """
    units = state.active()
    standing = {
        unit.terminal: Standing(
            phase=unit.status.phase,
            close_no=unit.status.close_no,
            firmware_sha256=unit.identity.firmware_sha256,
        )
        for unit in units
        if unit.status is not None and unit.identity is not None
    }
    settled = [one.phase for unit, one in zip(units, standing.values(), strict=True) if not _fresh(unit, one)]
    trigger = _AGREED.get(frozenset(settled))
    if trigger is None:
        objection = _words(standing)
        failed = OrderFailed(at=at, kind="reissue", serial=state.serial, reason=objection[:REASON_MAX])
        return [failed], objection
    cause: Literal["replacement-kit", "reissued"] = (
        "reissued" if trigger == "took-over-closed" else "replacement-kit"
    )
    return [
        TakenOver(at=at, cause=cause, terminals=standing, reason=state.reason),
        state.entering(trigger, at),
    ], None


def _fresh(unit: Unit, standing: Standing) -> bool:
    return unit.joined and standing.phase == "idle"


def _words(standing: dict[str, Standing]) -> str:
    stated = ", ".join(f"{terminal} is {one.phase}" for terminal, one in sorted(standing.items()))
    phases = {one.phase for one in standing.values()}
    if "fault" in phases:
        advice = "order replace-terminal for the one at fault, then reissue again"
    elif phases <= {"idle", "zeroed"}:
        advice = "nothing was counted yet: begin the day with readiness and zero"
    else:
        advice = "they stand too far apart: is each cable at the right terminal? call the centre"
    return f"{stated}; {advice}"
