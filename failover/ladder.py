"""The ladder: by which ways an envelope is sent, by how long it has waited for an acknowledgement. Pure policy.

Rungs are used beside each other: whoever reached ``sms`` still sends over every data link, and whoever reached
``courier`` sends SMS too.
"""

from dataclasses import dataclass
from typing import Final, Literal

Rung = Literal["data", "sms", "courier"]
Cause = Literal["wait", "deadline"]
"""Why a rung is reached: it was waited for long enough, or a time of the day came."""

RUNGS: Final[tuple[Rung, ...]] = ("data", "sms", "courier")
DAY_MS: Final = 24 * 3_600_000


@dataclass(frozen=True, slots=True)
class RungClock:
    """When the rungs above ``data`` are reached, for one kind of envelope in one county.

    Waits in milliseconds, counted from the sealing. ``sms_after_ms`` None: there is nothing to send SMS with, or
    nobody to send them to.
    """

    sms_after_ms: int | None
    courier_after_ms: int
    courier_by_ms: int | None = None
    """A moment, in milliseconds since 1970-01-01 UTC: from then on, whatever the wait."""
    courier_daily_ms: int | None = None
    """A time of the day, in milliseconds after midnight UTC (0 to ``DAY_MS`` - 1): the first one after the sealing."""


@dataclass(frozen=True, slots=True)
class Reach:
    """One rung and the milliseconds until it is reached; 0: it is reached now."""

    rung: Rung
    in_ms: int
    cause: Cause


def reaches(clock: RungClock, *, waited_ms: int, sealed_at_ms: int, wall_ms: int) -> tuple[Reach, ...]:
    """The rungs above ``data`` that there are, in their order. None is reached after one above it.

    Args:
        clock: what the configuration says.
        waited_ms: since the sealing, without an acknowledgement; 0 or more.
        sealed_at_ms: wall time of the sealing, milliseconds since 1970-01-01 UTC.
        wall_ms: wall time now, likewise. Only deadlines look at it: a wrong clock doesn't hold up the waits.
    """
    courier = Reach("courier", max(0, clock.courier_after_ms - waited_ms), "wait")
    deadline_ms = _deadline_ms(clock, sealed_at_ms)
    if deadline_ms is not None and max(0, deadline_ms - wall_ms) < courier.in_ms:
        courier = Reach("courier", max(0, deadline_ms - wall_ms), "deadline")
    if clock.sms_after_ms is None:
        return (courier,)
    sms = Reach("sms", max(0, clock.sms_after_ms - waited_ms), "wait")
    if courier.in_ms < sms.in_ms:
        sms = Reach("sms", courier.in_ms, courier.cause)
    return (sms, courier)


def _deadline_ms(clock: RungClock, sealed_at_ms: int) -> int | None:
    if clock.courier_daily_ms is None:
        return clock.courier_by_ms
    daily_ms = sealed_at_ms + (clock.courier_daily_ms - sealed_at_ms) % DAY_MS
    return daily_ms if clock.courier_by_ms is None else min(daily_ms, clock.courier_by_ms)
