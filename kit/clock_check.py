"""Does the clock at a start fit the journal? Between two lives of a kit nothing else says that it was set.

While the kit runs, a jump of the clock changes nothing (kit.wall). At a start it has to be believed: officials are told
where it cannot be right, or may not be, and compare it with a watch. The terminal's own clock guards the tally.
"""

from typing import Final

from crypto import rfc3339
from kit.facts import Phase

BACK_MS: Final = 600_000  # so far before the last fact the clock may be, when a time server mends it
GAP_MS: Final = 2 * 3_600_000  # so long a kit may have been off during the day, before somebody should look
_OF_THE_DAY: Final[frozenset[Phase]] = frozenset(
    {"zeroed", "open", "suspended", "closed", "accounted", "tallied", "sealed", "sending"}
)


def clock_objection(last_at: str, wall_ms: int, phase: Phase) -> tuple[str, str] | None:
    """Code and detail of the incident that a start at ``wall_ms`` is, None where the clock may well be right.

    ``last_at`` is the time of the newest fact. Nights before and after the day are long, and nobody's business.
    """
    now, gap_ms = rfc3339.to_text(wall_ms), wall_ms - rfc3339.to_ms(last_at)
    seen = f"the clock says {now}, the journal was written until {last_at}"
    if gap_ms < -BACK_MS:
        return "clock-went-back", f"{seen}: set the clock right, then restart"
    if gap_ms > GAP_MS and phase in _OF_THE_DAY:
        advice = "if the kit was not off for so long, the clock is ahead, and orders would be taken too early"
        return "clock-ahead-or-long-off", f"{seen}: {advice}: compare it with a watch"
    return None
