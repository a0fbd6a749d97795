"""The leaves of a ledger in their order, whichever table holds them: envelopes of branches and acts of the centre."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from center.intake.act_admission import ActKind
from center.log.ledger_file import LedgerFile
from center.log.schema import ACTS_SINCE

FETCH_ROWS: Final = 64  # leaves read at a time while walking the ledger
LEAVES_END: Final = 2**62  # beyond every leaf index

_ENVELOPES_AS_ENTRIES: Final = (
    "SELECT leaf, sha256, branch, unit, type, received_at, flags, bytes FROM envelopes"
    " WHERE leaf >= ?1 AND leaf < ?2"
)
_ACTS_AS_ENTRIES: Final = (
    " UNION ALL SELECT leaf, sha256, '', '', type, received_at, '', bytes FROM acts"
    " WHERE leaf >= ?1 AND leaf < ?2"
)
_IN_ORDER: Final = " ORDER BY leaf LIMIT ?3"


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf: an envelope of a branch, or an act of the centre. ``kind`` is the type of its statement.

    ``flags`` are those of its arrival (admission.Flag). ``branch`` and ``unit`` are empty for an act.
    """

    leaf: int
    sha256: str
    branch: str
    unit: str
    kind: str
    received_at: str
    flags: tuple[str, ...]
    data: bytes


class Entries(LedgerFile):
    """The leaves of an open ledger."""

    def size(self) -> int:
        """How many leaves are in the ledger."""
        envelopes = int(self._one("SELECT coalesce(max(leaf) + 1, 0) FROM envelopes"))
        if not self._knows(ACTS_SINCE):
            return envelopes
        return max(envelopes, int(self._one("SELECT coalesce(max(leaf) + 1, 0) FROM acts")))

    def leaf_of(self, sha256: str) -> int | None:
        """The leaf index of an envelope or act, None when it is not in the ledger."""
        leaf = self._one("SELECT leaf FROM envelopes WHERE sha256 = ?", sha256)
        if leaf is None and self._knows(ACTS_SINCE):
            leaf = self._one("SELECT leaf FROM acts WHERE sha256 = ?", sha256)
        return None if leaf is None else int(leaf)

    def entries(self, size: int | None = None) -> Iterator[Entry]:
        """All leaves in their order, or the first ``size``.

        Reads a few at a time, so that no transaction stays open and centerd is not kept from its housekeeping:
        what is logged never changes, so the walk is consistent all the same.
        """
        return self._walk(0, LEAVES_END if size is None else size)

    def entries_from(self, leaf: int) -> Iterator[Entry]:
        """The leaves from this index on, as ``entries``."""
        return self._walk(leaf, LEAVES_END)

    def acts(self, kind: ActKind) -> Iterator[Entry]:
        """All acts of one kind, in the order of their numbers, which is that of their leaves."""
        if not self._knows(ACTS_SINCE):
            return
        for (leaf,) in self._rows("SELECT leaf FROM acts WHERE type = ? ORDER BY number", kind):
            yield from self._walk(leaf, leaf + 1)

    def _walk(self, start: int, end: int) -> Iterator[Entry]:
        acts = _ACTS_AS_ENTRIES if self._knows(ACTS_SINCE) else ""
        while True:
            rows = self._rows(_ENVELOPES_AS_ENTRIES + acts + _IN_ORDER, start, end, FETCH_ROWS)
            for leaf, sha256, branch, unit, kind, received_at, flags, data in rows:
                yield Entry(leaf, sha256, branch, unit, kind, received_at, tuple(flags.split()), data)
            if len(rows) < FETCH_ROWS:
                return
            start = rows[-1][0] + 1
