"""Schedules: they move later and never earlier, so that the latest time that was ever signed is the one in force."""

from collections.abc import Iterable

from crypto.act_statements import ScheduleChange
from crypto.schedule_rules import nowhere_earlier
from crypto.statements import Schedule


def in_force(schedule: Schedule, changes: Iterable[ScheduleChange], branch: str | None) -> Schedule:
    """The schedule of a branch, or of branches that no change names (None), after all ``changes`` in their order.

    As a kit follows them: one that would move any time earlier, for this branch, is passed over as a whole.
    """
    for change in changes:
        if change.branch in (None, branch) and nowhere_earlier(change.schedule, schedule):
            schedule = change.schedule
    return schedule
