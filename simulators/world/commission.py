"""The commissioners of a world: they draft acts from the log as it is, sign them, and hand them to centerd's spool."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from center.audit.auditing import Auditor
from center.intake.act_admission import ActKind, fit
from center.intake.admission import BatchPast
from center.intake.spool import Result
from center.log.ledger import Ledger
from center.opening.listing import Listing
from center.opening.opening import read_log
from center.opening.orders import draft
from center.opening.types import Opening
from center.publication.publishing import Publisher
from center.witness.cosignatures import newest_witnessed
from crypto.act_statements import Adjudication, AdjudicationCause, ScheduleChange
from crypto.acts import AnyAct, sign_act
from crypto.statements import Schedule
from simulators.election import MANIFEST_THRESHOLD, Election
from simulators.world.centre import Centre
from simulators.world.opening import open_ordered

WITNESS_LOOK_S: Final = 5.0
WITNESS_PATIENCE_S: Final = 900.0


class RefusedError(Exception):
    """The centre refused what was handed in; the message is its reason."""


class NotWitnessedError(Exception):
    """Witnesses did not vouch for the newest leaf within WITNESS_PATIENCE_S."""


class CommissionAtWork:
    """Two commissioners of different bodies, while centerd runs. ``public``: the folder in which all is published."""

    def __init__(self, election: Election, centre: Centre, public: Path) -> None:
        self._election, self._centre, self._public = election, centre, public
        self.opened: Opening | None = None
        """What was published last."""

    async def submit(self, data: bytes) -> Result:
        """Hand in an act, or an envelope that a courier brought; raises RefusedError."""
        verdict = await self._centre.submit(data)
        if verdict.result is None:
            raise RefusedError(str(verdict.reason))
        return verdict.result

    async def adjudicate(
        self,
        branch: str,
        terminal: str,
        decision: Literal["count", "set-aside", "absent"],
        cause: AdjudicationCause,
        *,
        envelope_sha256: str | None = None,
    ) -> Result:
        """Say what becomes of one unit; raises RefusedError."""
        return await self._act(
            "adjudication",
            lambda head: Adjudication(
                **head,
                branch=branch,
                terminal=terminal,
                decision=decision,
                envelope_sha256=envelope_sha256,
                cause=cause,
                reason="minutes of the branch",
            ),
        )

    async def extend(self, schedule: Schedule, branch: str | None = None) -> Result:
        """Move the times of a branch, or (None) of all; raises RefusedError."""
        return await self._act(
            "schedule-change",
            lambda head: ScheduleChange(
                **head, branch=branch, schedule=schedule, reason="voters are waiting"
            ),
        )

    def listing(self) -> Listing:
        """What an order to open would say now."""
        with self._centre.reader() as ledger:
            return draft(*self._log(ledger))[1]

    async def order(self) -> Result:
        """Order to open what is logged now; raises RefusedError."""
        with self._centre.reader() as ledger:
            order = draft(*self._log(ledger))[0]
        return await self.submit(self._signed(order))

    async def opening(self) -> Opening:
        """Wait until witnesses vouch for everything that is logged, let the trustees answer, open and publish.

        Raises NotWitnessedError, and whatever stops trustees or the centre (CenterError, ProofError).
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + WITNESS_PATIENCE_S
        while loop.time() < deadline:
            with self._centre.reader() as ledger:
                witnessed = newest_witnessed(ledger, self._election.trusted.manifest.witness_policy)
                if witnessed is not None and witnessed.size == ledger.size():
                    return self._open(ledger, witnessed.note)
            await asyncio.sleep(WITNESS_LOOK_S)
        raise NotWitnessedError(f"no witnessed checkpoint over all leaves in {WITNESS_PATIENCE_S:.0f} s")

    def _open(self, ledger: Ledger, note: str) -> Opening:
        election = self._election
        opening, answers = open_ordered(ledger, election, note, self._centre.clock.wall_ms())
        publisher = Publisher(
            self._public, ledger, election.trusted, {election.trusted.sha256: election.manifest_bytes}
        )
        publisher.publish(opening.to_json(), answers=answers)
        self.opened = opening
        return opening

    def audit(self) -> list[str]:
        """What a stranger finds wrong with what is published; nothing where all is well, or nothing was opened."""
        if self.opened is None:
            return []
        keys = {key.key_id: key.public for key in self._election.manifest_keys}
        report = Auditor(self._public, trusted=keys, threshold=MANIFEST_THRESHOLD).audit()
        found = [str(fault) for fault in report.faults]
        if report.contests != self.opened.contests:
            found.append("a stranger comes to other sums than the centre")
        return found

    async def _act(self, kind: ActKind, make: Callable[[dict[str, Any]], AnyAct]) -> Result:
        manifest = self._election.trusted
        with self._centre.reader() as ledger:
            last = ledger.last_act(kind)
            head = {
                "election": manifest.manifest.election,
                "round": manifest.manifest.round,
                "manifest_sha256": manifest.sha256,
                "number": 1 if last is None else last.number + 1,
                "prev": None if last is None else last.sha256,
            }
            act = make(head)
            fit(act, manifest, BatchPast(ledger))
        return await self.submit(self._signed(act))

    def _signed(self, act: AnyAct) -> bytes:
        return sign_act(act, list(self._election.commissioners.values()))

    def _log(self, ledger: Ledger) -> tuple[Any, int]:
        log = read_log(ledger, self._election.trusted)[1]
        return log, len(log.leaves)
