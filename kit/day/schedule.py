"""The schedule as it is: the manifest's, moved later by orders of officials and acts of the centre. Never earlier."""

from hashlib import sha256

from crypto.act_statements import ScheduleChange
from crypto.acts import check_act
from crypto.codec import b64
from crypto.errors import EvidenceError, StatementError
from crypto.manifest import TrustedManifest
from crypto.schedule_rules import check_forwards, check_later, check_shift, nowhere_earlier
from crypto.statements import Schedule
from kit.facts import Fact, ManifestAdopted, ScheduleExtended


class ScheduleRefusedError(Exception):
    """A change that cannot be followed; the message says which time, or whose it is."""


class EffectiveSchedule:
    """A fold over ScheduleExtended, and the judge of what may extend it."""

    def __init__(self, manifest: TrustedManifest, branch: str) -> None:
        self._manifest, self._branch = manifest, branch
        self.current = manifest.manifest.schedule
        self._numbers: dict[str | None, int] = {}
        """Of the last act that was followed: for this branch, and for all (None)."""
        self._followed: set[str] = set()

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if isinstance(fact, ManifestAdopted):  # what was extended before it, it says itself
            self.current = self._manifest.manifest.schedule
        elif isinstance(fact, ScheduleExtended):
            self.current = fact.schedule
            if fact.source == "act":
                self._numbers[fact.branch] = fact.number
                self._followed.add(fact.act)

    def objection(self, new: Schedule) -> str | None:
        """Why the schedule cannot become ``new``, in words that end "refused: ..."; or None."""
        try:
            check_later(new, self.current, "the schedule as it is")
            check_forwards(new)
            check_shift(new, self._manifest.manifest.schedule)
        except StatementError as error:
            return str(error)
        return None

    def is_present(self, schedule: Schedule) -> bool:
        """Whether these are the times that hold already, however they are written."""
        return self._covers(schedule) and nowhere_earlier(schedule, self.current)

    def _covers(self, schedule: Schedule) -> bool:
        """Whether none of these times is later than what holds already."""
        return nowhere_earlier(self.current, schedule)

    def heard(self, data: bytes, at: str) -> ScheduleExtended | None:
        """The fact that follows from an act of the centre; None where nothing does.

        Nothing follows from an act that was followed already, is for another branch, or moves nothing later: whoever
        came late hears changes in any order, and all that ever moves a schedule is a later time.

        Raises:
            ScheduleRefusedError: it is no act, is not signed as it must be, or cannot be followed.
        """
        if b64(data) in self._followed:
            return None
        try:
            act = check_act(data, self._manifest)
        except EvidenceError as error:
            raise ScheduleRefusedError(str(error)) from error
        change = act.statement
        if not isinstance(change, ScheduleChange):
            raise ScheduleRefusedError(f"it is an act of type {change.type!r}, and changes no schedule")
        if change.branch not in (None, self._branch):
            return None
        what = f"schedule change {change.number} ({sha256(data).hexdigest()[:16]})"
        # The two kinds are numbered together and heard apart: who came late may hear the one for all first.
        followed = self._numbers.get(change.branch, 0)
        if self._covers(change.schedule) and (
            change.number <= followed or not self.is_present(change.schedule)
        ):
            return None
        if change.number <= followed:
            raise ScheduleRefusedError(
                f"{what}: number {followed} was followed already; ask for the newest one"
            )
        objection = self.objection(change.schedule)
        if objection is not None:
            raise ScheduleRefusedError(f"{what}: {objection}")
        return ScheduleExtended(
            at=at,
            source="act",
            number=change.number,
            branch=change.branch,
            signers=tuple(one.id for one in act.commissioners),
            schedule=change.schedule,
            reason=change.reason,
            act=b64(data),
        )
