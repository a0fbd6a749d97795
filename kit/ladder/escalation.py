"""Escalation: envelopes that nobody acknowledges climb the ladder (``failover.ladder``), each rung said in words.

Durable state is a fold over EnvelopeSealed, RungReached and ReceiptStored. A rung that was reached is never taken back,
whatever the clock says later; an acknowledgement of any grade ends the climb.

The wait is reckoned from the times in the journal: within one life they are monotonic; across a restart the wall
clock's step counts where it goes forward. So a clock that was set back costs the time that the kit was off and at most
``NOTED_MS`` before it, and one that was set ahead sends a little early, which harms nothing.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, Literal

from crypto import rfc3339
from failover.events import Instant
from failover.ladder import RUNGS, Cause, Reach, RungClock, reaches
from kit.core import Step
from kit.events import Booted, Event, Tick, UplinksUsable
from kit.facts import EnvelopeSealed, Fact, MediaHandedOut, ReceiptStored, Rung, RungReached, WaitNoted
from kit.wall import Wall

BOOT_GRACE_MS: Final = (
    30_000  # for data links to come up after a start, before anything above them is reached
)
NOTED_MS: Final = 60_000  # how much of a wait a restart with a wrong clock may cost
REASON_MAX: Final = 500  # characters (kit.facts.Text)


@dataclass(slots=True)
class Climb:
    """One envelope without an acknowledgement. Times in milliseconds."""

    seq: int
    kind: Literal["account", "tally"]
    terminal: str
    sealed_at_ms: int
    sealed_clock_ms: int
    """What the journal's clock showed at the sealing."""
    reasons: dict[Rung, str] = field(default_factory=dict)
    """The rungs above ``data`` that were reached, each with its reason in words."""

    @property
    def rung(self) -> Rung:
        """The highest one."""
        return max(self.reasons, key=RUNGS.index, default="data")


class Escalation:
    """Core: which rung each envelope is on.

    Args:
        clocks: when rungs are reached, by kind of envelope; empty: nothing climbs.
        troubles: what is wrong with each uplink, in words, for people.
        sms_by: what SMS would go by now, in words.
        held: whether the tally of a terminal waits for its tape; it goes out by nothing before that.

    Attributes:
        climbs: the envelopes without an acknowledgement, by seq.
        handed_out: the envelopes that left on removable media.
    """

    def __init__(
        self,
        clocks: Mapping[Literal["account", "tally"], RungClock],
        *,
        troubles: Callable[[], list[str]] = list,
        sms_by: Callable[[Instant], str] = lambda _: "a modem",
        held: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._clocks, self._troubles, self._sms_by, self._held = clocks, troubles, sms_by, held
        self.climbs: dict[int, Climb] = {}
        self.handed_out: set[int] = set()
        self._wall = Wall()
        self._booted_at: Instant = 0
        self._clock_ms = 0
        self._last_at_ms: int | None = None
        self._wake: Instant | None = None

    def handle(self, event: Event, now: Instant) -> Step:
        """Reach what is due."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
            self._booted_at = now
        elif not isinstance(event, Tick | UplinksUsable):
            return Step()
        step = Step()
        wakes: list[Instant] = []
        for climb in self.climbs.values():
            for reach in self.ahead(climb, now):
                wakes.append(now + reach.in_ms)
                if reach.in_ms == 0:
                    step.facts.append(self._reached(climb, reach.rung, reach.cause, now))
        if wakes and not step.facts:
            wakes.append(self._note_wait(step, now))
        self._wake = min(wakes, default=None)
        return step

    def _note_wait(self, step: Step, now: Instant) -> Instant:
        """Write down that time passes, where nothing else did; returns when to do so next."""
        assert self._last_at_ms is not None  # noqa: S101 - while anything climbs, there is a last fact
        due = now + self._last_at_ms + NOTED_MS - self._wall.at_ms(now)
        if due <= now:
            step.facts.append(WaitNoted(at=self._wall.text(now), seqs=tuple(self.climbs)))
        return due

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if not self._clocks:
            return
        if self.climbs or isinstance(fact, EnvelopeSealed):
            self._look_at_the_clock(rfc3339.to_ms(fact.at))
        if isinstance(fact, EnvelopeSealed):
            at_ms = rfc3339.to_ms(fact.at)
            self.climbs[fact.seq] = Climb(fact.seq, fact.kind, fact.terminal, at_ms, self._clock_ms)
        elif isinstance(fact, RungReached) and fact.seq in self.climbs:
            self.climbs[fact.seq].reasons[fact.rung] = fact.reason
        elif isinstance(fact, ReceiptStored):
            self.climbs.pop(fact.seq, None)
        elif isinstance(fact, MediaHandedOut):
            self.handed_out.update(fact.seqs)
        if not self.climbs:
            self._last_at_ms = None

    def wake_at(self) -> Instant | None:
        """When the next rung is reached."""
        return self._wake if self.climbs else None

    def _look_at_the_clock(self, at_ms: int) -> None:
        if self._last_at_ms is not None:
            self._clock_ms += max(0, at_ms - self._last_at_ms)
        self._last_at_ms = at_ms

    def waited_ms(self, climb: Climb, now: Instant) -> int:
        """How long an envelope has waited for an acknowledgement."""
        assert self._last_at_ms is not None  # noqa: S101 - while anything climbs, there is a last fact
        since_ms = max(0, self._wall.at_ms(now) - self._last_at_ms)
        return self._clock_ms - climb.sealed_clock_ms + since_ms

    def ahead(self, climb: Climb, now: Instant) -> list[Reach]:
        """The rungs that an envelope has not reached, in their order."""
        clock = self._clocks[climb.kind]
        held = climb.kind == "tally" and self._held(climb.terminal)
        least_ms = self._booted_at + min(BOOT_GRACE_MS, clock.sms_after_ms or BOOT_GRACE_MS) - now
        found = reaches(
            clock,
            waited_ms=self.waited_ms(climb, now),
            sealed_at_ms=climb.sealed_at_ms,
            wall_ms=self._wall.at_ms(now),
        )
        return [
            replace(reach, in_ms=max(reach.in_ms, least_ms))
            for reach in found
            if reach.rung not in climb.reasons and not (held and reach.rung == "sms")
        ]

    def _reached(self, climb: Climb, rung: Rung, cause: Cause, now: Instant) -> RungReached:
        waited = in_words(self.waited_ms(climb, now))
        why = [f"no acknowledgement for {waited}"]
        if cause == "deadline":
            why.append("couriers leave soon")
        why += self._troubles()
        if rung == "sms":
            why.append(f"sending by SMS over {self._sms_by(now)}")
        else:
            why.append(
                "to be carried by hand: two officials order release-media, then kitctl courier export or show"
            )
        return RungReached(at=self._wall.text(now), seq=climb.seq, rung=rung, reason=_fitting(why))


def in_words(milliseconds: int) -> str:
    """``3 min 20 s``, ``5 min``, ``45 s``, ``2 h 5 min``."""
    seconds = milliseconds // 1000
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    if hours:
        return f"{hours} h {minutes} min" if minutes else f"{hours} h"
    if minutes:
        return f"{minutes} min {seconds} s" if seconds else f"{minutes} min"
    return f"{seconds} s"


def _fitting(why: list[str]) -> str:
    """What there is room for: the first and the last part always. No fact holds half a Unicode character."""
    first, *middle, last = (part.encode("utf-8", "replace").decode() for part in why)
    while len("; ".join((first, *middle, last))) > REASON_MAX:
        middle.pop()
    return "; ".join((first, *middle, last))
