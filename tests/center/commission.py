"""The commissioners of an election: they draft the next act from a log, sign it, and hand it to a centre."""

from collections.abc import Sequence
from typing import Any, Literal

from msgspec import structs

from center.intake.act_admission import ActKind
from center.intake.admission import SPOOL
from center.intake.intake import Outcome
from crypto.act_statements import Adjudication, LogPosition, OpeningOrder, ScheduleChange
from crypto.acts import AnyAct, sign_act
from crypto.codec import sha256_hex
from crypto.statements import Schedule
from tests.center.branch import Center
from tests.crypto.election_fixture import ELECTION, SCHEDULE

BOTH = ("commissioner-executive", "commissioner-supervision")
LATER = Schedule(
    open_not_before=SCHEDULE.open_not_before,
    close_not_before="2027-06-18T16:30:00.000Z",
    tally_not_before="2027-06-18T16:30:00.000Z",
    opening_not_before="2027-06-18T18:30:00.000Z",
)


class Commission:
    """Drafts and signs acts that fit the log of ``center``; every field can be given otherwise."""

    def __init__(self, center: Center, signers: Sequence[str] = BOTH) -> None:
        self.center = center
        self.signers = signers

    def adjudication(
        self,
        branch: str = "branch-1",
        decision: Literal["count", "set-aside", "absent"] = "set-aside",
        envelope: bytes | None = None,
        **other: Any,
    ) -> bytes:
        named = {
            "branch": branch,
            "terminal": self.center.election.loaded.branch(branch).terminals[0],
            "decision": decision,
            "envelope_sha256": None if envelope is None else sha256_hex(envelope),
            "cause": "disputed",
            "reason": "two counts, and the poll book does not tell which",
        }
        return self.signed(Adjudication(**self._head("adjudication") | named | other))

    def change(self, schedule: Schedule | None = None, branch: str | None = None, **other: Any) -> bytes:
        """By default ``LATER``, in the year of the manifest's schedule."""
        if schedule is None:
            year = self.center.election.manifest.schedule.open_not_before[:4]
            schedule = Schedule(**{name: year + time[4:] for name, time in structs.asdict(LATER).items()})
        named = {"branch": branch, "schedule": schedule, "reason": "voters are still waiting"}
        return self.signed(ScheduleChange(**self._head("schedule-change") | named | other))

    def order(self, size: int | None = None, **other: Any) -> bytes:
        size = self.center.log.size if size is None else size
        named = {
            "log": LogPosition(size=size, root=self.center.log.root_at(size) or "00" * 32),
            "listing_sha256": "11" * 32,
            "counted": 1,
            "set_aside": 0,
            "absent": 1,
        }
        return self.signed(OpeningOrder(**self._head("opening-order") | named | other))

    def signed(self, act: AnyAct) -> bytes:
        return sign_act(act, [self.center.election.commissioners[one] for one in self.signers])

    def hand_in(self, *acts: bytes) -> Outcome:
        return self.center.take(*((SPOOL, act) for act in acts))

    def refusal(self, act: bytes) -> str:
        """Hand in an act that is to be refused; returns the reason."""
        size = self.center.log.size
        (refused,) = self.hand_in(act).refused
        assert self.center.log.size == size
        return refused.reason

    def _head(self, kind: ActKind) -> dict[str, Any]:
        last = self.center.ledger.last_act(kind)
        return {
            "election": ELECTION,
            "round": 1,
            "manifest_sha256": self.center.election.loaded.sha256,
            "number": 1 if last is None else last.number + 1,
            "prev": None if last is None else last.sha256,
        }
