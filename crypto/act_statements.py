"""Acts of the centre: what commissioners of two bodies sign, and the log keeps as leaves of its own.

Crypto.acts verifies them. They are logged like envelopes of branches: whoever reads the log sees every schedule that
was moved, every clash that was settled, and every opening that was ordered, before its effect.
"""

from typing import Annotated, Literal

from msgspec import Meta

from crypto.statements import Digits, Schedule, Statement
from crypto.wire import Id, Sha256

Reason = Annotated[str, Meta(min_length=1, max_length=300)]


class Act(Statement, frozen=True, kw_only=True):
    """What all acts begin with. ``number`` counts each type from 1; ``prev`` is the SHA-256 of the envelope before."""

    election: Id
    round: Digits
    manifest_sha256: Sha256
    number: Digits
    prev: Sha256 | None


class ScheduleChange(Act, frozen=True, kw_only=True):
    """The schedule of one branch, or of all (None), moves later. Never earlier: a kit refuses that."""

    type: Literal["schedule-change"] = "schedule-change"
    branch: Id | None
    schedule: Schedule
    reason: Reason


AdjudicationCause = Literal[
    "replacement-kit",
    "two-kits",
    "terminal-destroyed",
    "kit-destroyed",
    "re-vote",
    "merged-branch",
    "not-used",
    "disputed",
]


class Adjudication(Act, frozen=True, kw_only=True):
    """What becomes of one expected unit (a terminal of a branch) whose evidence does not speak for itself.

    ``count``: of its envelopes this one counts. ``set-aside``: none counts. ``absent``: none will come. The last
    adjudication of a unit stands; one that names an envelope not logged before it is void.
    """

    type: Literal["adjudication"] = "adjudication"
    branch: Id
    terminal: Id
    decision: Literal["count", "set-aside", "absent"]
    envelope_sha256: Sha256 | None
    """With ``count`` alone."""
    cause: AdjudicationCause
    reason: Reason


class LogPosition(Statement, frozen=True, kw_only=True):
    """A prefix of the centre's log: size and RFC 6962 root, as a checkpoint of the log states it."""

    size: Digits
    root: Sha256


class OpeningOrder(Act, frozen=True, kw_only=True):
    """Numbered order to open, over everything that ``log`` covers.

    The listing (center.listing) follows from manifest and log prefix alone: each expected unit as to be counted, set
    aside or absent, and why. The order commits to it by hash, so that a later reader finds the same or cries foul.
    Trustees answer for the envelopes that the listing counts, and no earlier order had opened.
    """

    type: Literal["opening-order"] = "opening-order"
    log: LogPosition
    listing_sha256: Sha256
    counted: Annotated[int, Meta(ge=0)]
    set_aside: Annotated[int, Meta(ge=0)]
    absent: Annotated[int, Meta(ge=0)]
