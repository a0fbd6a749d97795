"""What a schedule must satisfy, and what another one must that takes its place: forwards, only later, not too far.

A slip of the pen must not keep a poll open for a year, nor may anybody close one early.
"""

from itertools import pairwise
from typing import Final

from crypto import rfc3339
from crypto.errors import StatementError
from crypto.statements import Schedule

TIMES: Final = Schedule.__struct_fields__  # in the order in which they come
SHIFT_MAX_DAYS: Final = 14
_DAY_MS: Final = 24 * 60 * 60 * 1000


def check_forwards(schedule: Schedule) -> None:
    """Raise StatementError unless opening, close, tally and the opening of tallies follow each other."""
    for one, next_one in pairwise(TIMES):
        time, next_time = getattr(schedule, one), getattr(schedule, next_one)
        if rfc3339.to_ms(time) > rfc3339.to_ms(next_time):
            raise StatementError(
                f"the schedule runs backwards: {one} is after {next_one} ({time} and {next_time}); give a later "
                f"{next_one} too"
            )


def check_later(schedule: Schedule, before: Schedule, whose: str) -> None:
    """Raise StatementError unless no time of ``schedule`` is earlier than that of ``before``, which ``whose`` is."""
    for name in TIMES:
        time, time_before = getattr(schedule, name), getattr(before, name)
        if rfc3339.to_ms(time) < rfc3339.to_ms(time_before):
            raise StatementError(
                f"{name} {time} is earlier than {time_before} of {whose}: a schedule only moves later"
            )


def check_shift(schedule: Schedule, manifest: Schedule) -> None:
    """Raise StatementError unless all times are at most SHIFT_MAX_DAYS after the manifest's.

    A schedule only moves later, so that nobody could take back a wrong year: no poll would ever close.
    """
    for name in TIMES:
        said, base = getattr(schedule, name), getattr(manifest, name)
        if rfc3339.to_ms(said) - rfc3339.to_ms(base) > SHIFT_MAX_DAYS * _DAY_MS:
            raise StatementError(
                f"{name} {said} is more than {SHIFT_MAX_DAYS} days after {base} of the manifest: is the date right? "
                "nobody can move it back"
            )


def nowhere_earlier(schedule: Schedule, before: Schedule) -> bool:
    """Whether no time of ``schedule`` is earlier than that of ``before``; False where one of them is no time."""
    try:
        check_later(schedule, before, "")
    except StatementError:
        return False
    return True
