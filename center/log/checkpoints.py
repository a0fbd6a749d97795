"""The checkpoints of a ledger, and the witnesses' signature lines on them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from center.log.ledger_file import LedgerFile
from center.log.schema import WITNESSES_SINCE

SIZES_END: Final = 2**62  # beyond the size of every checkpoint

_INSERT_COSIGNATURE: Final = (
    "INSERT INTO cosignatures (size, witness, line, received_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (witness, size) DO UPDATE SET line = excluded.line, received_at = excluded.received_at"
)
_SELECT_COSIGNED: Final = (
    "SELECT size FROM cosignatures WHERE size < ? GROUP BY size HAVING count(*) >= ?"
    " ORDER BY size DESC LIMIT 1"
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint: ``note`` is the C2SP signed note over the first ``size`` leaves."""

    size: int
    note: str


class Checkpoints(LedgerFile):
    """The checkpoints of an open ledger."""

    def newest_checkpoint(self) -> Checkpoint | None:
        """The checkpoint over most leaves, None for an empty ledger."""
        rows = self._rows("SELECT size, note FROM checkpoints ORDER BY size DESC LIMIT 1")
        return Checkpoint(*rows[0]) if rows else None

    def checkpoint_at(self, size: int) -> Checkpoint | None:
        """The checkpoint over exactly ``size`` envelopes, None when none was signed."""
        rows = self._rows("SELECT size, note FROM checkpoints WHERE size = ?", size)
        return Checkpoint(*rows[0]) if rows else None

    def checkpoints(self) -> Iterator[Checkpoint]:
        """All checkpoints, newest first."""
        newest = self.newest_checkpoint()
        while newest is not None:
            yield newest
            rows = self._rows(
                "SELECT size, note FROM checkpoints WHERE size < ? ORDER BY size DESC LIMIT 1", newest.size
            )
            newest = Checkpoint(*rows[0]) if rows else None

    def checkpoint_sizes_around(self, size: int) -> tuple[int, ...]:
        """The sizes of the nearest checkpoints below and above ``size``, at most one each."""
        below = self._one("SELECT max(size) FROM checkpoints WHERE size < ?", size)
        above = self._one("SELECT min(size) FROM checkpoints WHERE size > ?", size)
        return tuple(int(one) for one in (below, above) if one is not None)

    def add_cosignature(self, size: int, witness: str, line: str, *, at: str) -> None:
        """Keep a witness's signature line on the checkpoint over ``size``; on return it is on the disk.

        ``witness`` is its verifier key, ``at`` the wall time (RFC 3339). The last line of a witness on a checkpoint is
        kept: witnesses vouch for the same again, at a later time.
        """
        with self._transaction():
            self._db.execute(_INSERT_COSIGNATURE, (size, witness, line, at))

    def cosignatures(self, size: int) -> dict[str, str]:
        """The witnesses' signature lines on the checkpoint over ``size``, by verifier key."""
        if not self._knows(WITNESSES_SINCE):
            return {}
        return dict(
            self._rows("SELECT witness, line FROM cosignatures WHERE size = ? ORDER BY witness", size)
        )

    def cosigned_size(self, witness: str) -> int:
        """The size of the newest checkpoint that this witness (verifier key) vouched for, 0 for none."""
        return int(self._one("SELECT coalesce(max(size), 0) FROM cosignatures WHERE witness = ?", witness))

    def cosigned_sizes(self, at_least: int) -> Iterator[int]:
        """The sizes of all checkpoints that this many witnesses vouched for, greatest first."""
        if not self._knows(WITNESSES_SINCE):
            return
        below = SIZES_END
        while True:
            rows = self._rows(_SELECT_COSIGNED, below, at_least)
            if not rows:
                return
            below = int(rows[0][0])
            yield below
