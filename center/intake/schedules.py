"""Schedules: they move later and never earlier, so that the latest time that was ever signed is the one in force."""

from collections.abc import Iterable
from itertools import pairwise
from typing import Final

from crypto import rfc3339
from crypto.act_statements import ScheduleChange
from crypto.errors import StatementError
from crypto.statements import Schedule

_TIMES: Final = Schedule.__struct_fields__


def check_later(schedule: Schedule, before: Schedule, whose: str) -> None:
    """Raise StatementError unless no time of ``schedule`` is earlier than that of ``before``, which ``whose`` is."""
    for name in _TIMES:
        time, time_before = getattr(schedule, name), getattr(before, name)
        if rfc3339.to_ms(time) < rfc3339.to_ms(time_before):
            raise StatementError(
                f"{name} {time} is earlier than {time_before} of {whose}: a schedule only moves later"
            )


def check_forwards(schedule: Schedule) -> None:
    """Raise StatementError unless opening, close, tally and the opening of tallies follow each other."""
    for one, next_one in pairwise(_TIMES):
        if rfc3339.to_ms(getattr(schedule, one)) > rfc3339.to_ms(getattr(schedule, next_one)):
            raise StatementError(
                f"the schedule runs backwards: {one} is after {next_one}; move that one later too"
            )


def in_force(schedule: Schedule, changes: Iterable[ScheduleChange], branch: str | None) -> Schedule:
    """The schedule of a branch, or of branches that no change names (None), after all ``changes`` in their order.

    As a kit follows them: one that would move any time earlier, for this branch, is passed over as a whole.
    """
    for change in changes:
        if change.branch in (None, branch) and is_later(change.schedule, schedule):
            schedule = change.schedule
    return schedule


def is_later(schedule: Schedule, before: Schedule) -> bool:
    """Whether no time of ``schedule`` is earlier than that of ``before``."""
    try:
        check_later(schedule, before, "")
    except StatementError:
        return False
    return True
