"""The two officials of the branch on the table: they look where the day stands and take the next step."""

from typing import Any, Final

import msgspec

from crypto.rfc3339 import to_ms
from crypto.statements import OrderKind
from kit.events import OrderReceived, ReadinessAsked
from kit.facts import Phase
from tests.crypto.election_fixture import Election
from tests.kit.harness import (
    MAINS,
    ONE_TERMINAL,
    SCHEDULE,
    SIGNED_IN,
    STANDBY_DEVICE,
    STANDBY_TERMINAL,
    Branch,
    PowerCut,
)

NEXT_ORDER: Final[dict[str, OrderKind]] = {
    "readiness": "zero",
    "zeroed": "open",
    "open": "close",
    "suspended": "close",
    "closed": "account",
}
LATER: Final = msgspec.structs.replace(
    SCHEDULE,
    close_not_before="2027-06-18T14:40:00.000Z",
    tally_not_before="2027-06-18T14:41:00.000Z",
)
FORMS: Final[dict[OrderKind, dict[str, Any]]] = {
    "account": {"voters_signed_in": SIGNED_IN},
    "reopen": {"reason": "closed by mistake"},
    "extend": {"schedule": LATER, "reason": "queues"},
    "replace-terminal": {"terminal": "terminal-1-1", "standby": STANDBY_TERMINAL, "reason": "it burnt"},
    "reissue": {"device": STANDBY_DEVICE, "standby": STANDBY_DEVICE, "reason": "the kit is lost"},
}
"""What orders of each kind say, unless a test wants it otherwise."""
STEPS_MAX: Final = 300  # of one day, with whatever had to be done twice


def order(branch: Branch, kind: OrderKind, serial: int | None = None, **form: Any) -> dict[str, Any]:
    """Both officials hand in the same order, each with a signature of their own; returns the last answer."""
    serial = branch.station.day.state.serial + 1 if serial is None else serial
    standby = None if branch.device == branch.entry.device else branch.device
    form = {"device": standby, **FORMS.get(kind, {}), **form}
    answer: dict[str, Any] = {}
    for official in branch.election.officials_of(branch.name):
        data = branch.election.order(branch.name, kind, serial, signers=[official], **form)
        answer = branch.ask(lambda token, data=data: OrderReceived(data, token))
        if answer.get("accepted") or not answer.get("ok"):
            break
    return answer


def readiness(branch: Branch) -> dict[str, Any]:
    """The check list of the morning."""
    return branch.ask(ReadinessAsked)


def take_next_step(branch: Branch) -> None:
    """One step further in the day, as far as that is up to people and clocks."""
    state, schedule = branch.station.day.state, branch.station.day.schedule.current
    if state.stage is not None:
        branch.advance(11_000)  # the terminals are at it; they are asked again after ten seconds
    elif state.phase == "commissioned":
        branch.power(MAINS)
        branch.settle()
        readiness(branch)
        branch.advance(7_000)
    elif state.phase in NEXT_ORDER:
        there = [unit for unit in state.active() if unit.terminal in branch.lines]
        if state.phase == "zeroed":
            branch.advance_to_wall(to_ms(schedule.open_not_before))
        elif state.phase in ("open", "suspended"):
            for line in branch.lines.values():
                line.model.cast_all()
            branch.advance_to_wall(to_ms(schedule.close_not_before))
        elif state.phase == "closed" and any(
            branch.lines[unit.terminal].model.phase == "open" for unit in there
        ):
            branch.advance_to_wall(to_ms(schedule.close_not_before))
            order(branch, "close")  # one reopened, and another would not
            return
        order(branch, NEXT_ORDER[state.phase])
    elif state.phase == "accounted" and branch.wall_ms < to_ms(schedule.tally_not_before):
        branch.advance_to_wall(to_ms(schedule.tally_not_before))
    else:
        branch.advance(11_000)


def work_until(branch: Branch, phase: Phase) -> Branch:
    """Get the day to a phase. A power cut on the way is followed by a reboot, and work goes on."""
    for _ in range(STEPS_MAX):
        try:
            branch.settle()
            if branch.phase == phase:
                return branch
            take_next_step(branch)
        except PowerCut:
            branch.boot()
    raise AssertionError(f"the day did not come to {phase!r}, it stands at {branch.phase!r}")


def standing_in(phase: Phase, election: Election = ONE_TERMINAL, **how: Any) -> Branch:
    """A branch whose day has come to a phase and stays there."""
    branch = Branch(election, **how)
    if phase == "suspended":
        work_until(branch, "open")
        order(branch, "suspend")
    elif phase == "archived":
        work_until(branch, "delivered")
        order(branch, "archive")
    elif phase in ("tallied", "sealed", "sending"):
        work_until(branch, "accounted")
        branch.sealer_hangs = phase == "tallied"
        branch.center_answers = False
        for name in branch.links:
            branch.set_link(name, "works" if phase == "sending" else "refused")
        work_until(branch, phase)
    else:
        work_until(branch, phase)
    assert branch.phase == phase
    return branch
