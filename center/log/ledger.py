"""The ledger: every admitted envelope and act, append-only, and the checkpoints over them.

A batch that ``append`` returned from is on the disk. A checkpoint is stored in the transaction of the leaves that it
covers, so that the two never disagree after a crash.
"""

from collections.abc import Sequence
from typing import Final

from center.intake.act_admission import AdmittedAct
from center.intake.admission import Admission, Admitted, Refused
from center.log.checkpoints import Checkpoint, Checkpoints
from center.log.counts import Counting
from center.log.entries import Entries
from center.log.logged_past import LoggedPast

LEDGER_NAME: Final = "ledger.db"
REJECTED_MAX: Final = 10_000  # rows of the table of refused messages; the oldest make room

_INSERT_ENVELOPE: Final = (
    "INSERT INTO envelopes (leaf, sha256, branch, device, unit, type, seq, prev, received_at, flags, bytes)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_ACT: Final = (
    "INSERT INTO acts (leaf, sha256, type, number, subject, received_at, bytes) VALUES (?, ?, ?, ?, ?, ?, ?)"
)
_INSERT_REJECTED: Final = (
    "INSERT INTO rejected (sha256, topic, reason, first_at, last_at, times) VALUES (?, ?, ?, ?, ?, 1)"
    " ON CONFLICT (sha256, topic) DO UPDATE SET last_at = excluded.last_at, reason = excluded.reason,"
    " times = times + 1"
)


class Ledger(Entries, LoggedPast, Checkpoints, Counting):
    """One open ledger: what can be asked of it stands with what it holds, and this is how it grows."""

    def append(
        self,
        admitted: Sequence[Admission],
        refused: Sequence[Refused],
        checkpoint: Checkpoint | None,
        *,
        first_leaf: int,
        at: str,
    ) -> None:
        """Store one batch in one transaction; on return it is on the disk, on error nothing of it is.

        ``first_leaf`` is the index of the first admitted leaf, ``checkpoint`` covers all of them (None only
        when there are none), ``at`` is the wall time (RFC 3339).
        """
        rows = [
            (leaf, a.sha256, a.branch, a.device, a.unit, a.kind, a.seq, a.prev, at, " ".join(a.flags), a.data)
            for leaf, a in enumerate(admitted, first_leaf)
            if isinstance(a, Admitted)
        ]
        acts = [
            (leaf, a.sha256, a.kind, a.number, a.subject, at, a.data)
            for leaf, a in enumerate(admitted, first_leaf)
            if isinstance(a, AdmittedAct)
        ]
        with self._transaction():
            self._db.executemany(_INSERT_ENVELOPE, rows)
            self._db.executemany(_INSERT_ACT, acts)
            self._db.executemany(_INSERT_REJECTED, [(r.sha256, r.topic, r.reason, at, at) for r in refused])
            if refused:
                self._db.execute(
                    "DELETE FROM rejected WHERE id <= (SELECT max(id) FROM rejected) - ?", (REJECTED_MAX,)
                )
            if checkpoint is not None:
                self._db.execute(
                    "INSERT INTO checkpoints (size, note, signed_at) VALUES (?, ?, ?)",
                    (checkpoint.size, checkpoint.note, at),
                )
