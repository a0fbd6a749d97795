"""How far a signed schedule may be from the manifest's: a slip of the pen must not keep a poll open for a year."""

from typing import Final

from crypto import rfc3339
from crypto.statements import Schedule

SHIFT_MAX_DAYS: Final = 14
_DAY_MS: Final = 24 * 60 * 60 * 1000


def shift_problem(schedule: Schedule, manifest: Schedule) -> str | None:
    """What is wrong with how far ``schedule`` is after the manifest's, None when nothing is.

    A schedule only moves later, so that nobody could take back a wrong year: no poll would ever close. Raises
    StatementError for a time that is none.
    """
    for name in Schedule.__struct_fields__:
        said, base = getattr(schedule, name), getattr(manifest, name)
        if rfc3339.to_ms(said) - rfc3339.to_ms(base) > SHIFT_MAX_DAYS * _DAY_MS:
            return (
                f"{name} {said} is more than {SHIFT_MAX_DAYS} days after {base} of the manifest: is the date right? "
                "nobody can move it back"
            )
    return None
