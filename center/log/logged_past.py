"""What admission asks of the ledger: what is logged of an envelope, a unit, a terminal, a device, a kind of acts."""

from typing import Final

from center.intake.act_admission import ActKind, LoggedAct
from center.intake.admission import Link
from center.log.ledger_file import LedgerFile
from center.log.schema import ACTS_SINCE

_SELECT_LAST_ACT: Final = (
    "SELECT number, sha256, bytes, leaf FROM acts WHERE type = ? ORDER BY number DESC LIMIT 1"
)
_SELECT_LAST_ACT_ON: Final = (
    "SELECT number, sha256, bytes, leaf FROM acts WHERE type = ? AND subject = ? ORDER BY number DESC LIMIT 1"
)


class LoggedPast(LedgerFile):
    """The past that an open ledger knows (admission.Past)."""

    def branch_of(self, sha256: str) -> str | None:
        """As admission.Past."""
        branch = self._one("SELECT branch FROM envelopes WHERE sha256 = ?", sha256)
        return None if branch is None else str(branch)

    def has_unit(self, unit: str, kind: str) -> bool:
        """As admission.Past."""
        return (
            self._one("SELECT 1 FROM envelopes WHERE unit = ? AND type = ? LIMIT 1", unit, kind) is not None
        )

    def has_terminal(self, terminal: str, kind: str) -> bool:
        """As admission.Past."""
        # "0" follows "/": the range holds the units of this terminal and no others, and the index serves it.
        sql = "SELECT 1 FROM envelopes WHERE unit >= ? AND unit < ? AND type = ? LIMIT 1"
        return self._one(sql, f"{terminal}/", f"{terminal}0", kind) is not None

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """As admission.Past."""
        rows = self._rows(
            "SELECT sha256, prev FROM envelopes WHERE device = ? AND seq = ? ORDER BY leaf", device, seq
        )
        return tuple(Link(sha256, prev) for sha256, prev in rows)

    def tally_unit(self, sha256: str) -> str | None:
        """As admission.Past."""
        unit = self._one("SELECT unit FROM envelopes WHERE sha256 = ? AND type = 'sealed-tally'", sha256)
        return None if unit is None else str(unit)

    def has_act(self, sha256: str) -> bool:
        """As admission.Past."""
        return (
            self._knows(ACTS_SINCE) and self._one("SELECT 1 FROM acts WHERE sha256 = ?", sha256) is not None
        )

    def last_act(self, kind: ActKind, subject: str | None = None) -> LoggedAct | None:
        """As admission.Past."""
        if not self._knows(ACTS_SINCE):
            return None
        sql, about = (_SELECT_LAST_ACT, ()) if subject is None else (_SELECT_LAST_ACT_ON, (subject,))
        rows = self._rows(sql, kind, *about)
        return LoggedAct(*rows[0]) if rows else None
