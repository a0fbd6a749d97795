"""The ledger: every admitted envelope and act, append-only, and the checkpoints over them (SQLite through apsw).

WAL with synchronous=FULL: a batch that ``append`` returned from is on the disk. A checkpoint is stored in the
transaction of the leaves that it covers, so that the two never disagree after a crash.
"""

import contextlib
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import apsw

from center.errors import LedgerCorruptError, LedgerError, LedgerMissingError
from center.intake.act_admission import ActKind, AdmittedAct, LoggedAct
from center.intake.admission import Admission, Admitted, Link, Refused
from center.log.schema import ACTS_SINCE, SCHEMA_VERSION, VERSIONS, WITNESSES_SINCE, steps_from

LEDGER_NAME: Final = "ledger.db"
REJECTED_MAX: Final = 10_000  # rows of the table of refused messages; the oldest make room
BUSY_MS: Final = 5_000  # how long to wait for another process's lock, milliseconds
FETCH_ROWS: Final = 64  # leaves read at a time while walking the ledger
LEAVES_END: Final = 2**62  # beyond every leaf index

_INSERT_COSIGNATURE: Final = (
    "INSERT INTO cosignatures (size, witness, line, received_at) VALUES (?, ?, ?, ?)"
    " ON CONFLICT (witness, size) DO UPDATE SET line = excluded.line, received_at = excluded.received_at"
)
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
_ENVELOPES_AS_ENTRIES: Final = (
    "SELECT leaf, sha256, branch, unit, type, received_at, flags, bytes FROM envelopes"
    " WHERE leaf >= ?1 AND leaf < ?2"
)
_ACTS_AS_ENTRIES: Final = (
    " UNION ALL SELECT leaf, sha256, '', '', type, received_at, '', bytes FROM acts"
    " WHERE leaf >= ?1 AND leaf < ?2"
)
_IN_ORDER: Final = " ORDER BY leaf LIMIT ?3"
_SELECT_LAST_ACT: Final = (
    "SELECT number, sha256, bytes, leaf FROM acts WHERE type = ? ORDER BY number DESC LIMIT 1"
)
_SELECT_LAST_ACT_ON: Final = (
    "SELECT number, sha256, bytes, leaf FROM acts WHERE type = ? AND subject = ? ORDER BY number DESC LIMIT 1"
)
_SELECT_COSIGNED: Final = (
    "SELECT size FROM cosignatures WHERE size < ? GROUP BY size HAVING count(*) >= ?"
    " ORDER BY size DESC LIMIT 1"
)
_SELECT_ODD: Final = (
    "SELECT leaf, unit, flags,"
    " NOT EXISTS (SELECT 1 FROM envelopes AS b WHERE b.device = a.device AND b.seq = a.seq - 1)"
    " FROM envelopes AS a WHERE flags <> ''"
)
_SETTLED_BY_ADJUDICATION: Final = frozenset({"clash", "other-close", "re-vote"})


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """What a ledger belongs to. ``origin`` is the name of the log in its verifier key."""

    election: str
    round: int
    origin: str


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed checkpoint: ``note`` is the C2SP signed note over the first ``size`` leaves."""

    size: int
    note: str


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


@dataclass(frozen=True, slots=True)
class Counts:
    """How much is in a ledger.

    ``flagged`` and ``flags`` are what was odd at arrival and still is: a gap that a late envelope closed is none, nor
    is a clash that was adjudicated later. ``settled``: flags that an adjudication settled. ``acts``: how many there
    are of each kind. ``rejected``: distinct refused messages still remembered (REJECTED_MAX).
    """

    verified: int
    accounts: int
    tallies: int
    flagged: int
    flags: dict[str, int]
    settled: int
    branches: int
    acts: dict[str, int]
    rejected: int


class Ledger:
    """One open ledger. Not for several threads. Raises LedgerError wherever the disk or SQLite refuses."""

    def __init__(self, connection: apsw.Connection, path: str) -> None:
        self._db = connection
        self._path = path
        self._data_version: Any = None

    @classmethod
    def open(
        cls, path: str, identity: LedgerIdentity, *, vfs: str | None = None, exclusive: bool = False
    ) -> Self:
        """Open or make the ledger at ``path`` for writing.

        ``vfs`` names the SQLite VFS, None for the operating system's. ``exclusive`` needs no shared memory, but
        shuts readers of other processes out.

        Raises:
            LedgerError: when it cannot be opened or made.
            LedgerCorruptError: when it belongs to another election, round or log, or to a newer program.
        """
        with _named(path):
            connection = apsw.Connection(
                path, flags=apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE, vfs=vfs
            )
        ledger = cls(connection, path)
        try:
            ledger._prepare(identity, exclusive=exclusive)
        except BaseException:
            ledger.close()
            raise
        return ledger

    @classmethod
    def open_to_read(cls, path: str, *, vfs: str | None = None, exclusive: bool = False) -> Self:
        """Open an existing ledger for reading, also while centerd writes to it. Arguments as in ``open``.

        Raises:
            LedgerMissingError: when there is none.
            LedgerError: when it cannot be read.
            LedgerCorruptError: when another version of the program made it.
        """
        try:
            connection = apsw.Connection(path, flags=apsw.SQLITE_OPEN_READONLY, vfs=vfs)
        except apsw.CantOpenError as error:
            raise LedgerMissingError(f"{path}: no ledger to read: check the state directory") from error
        ledger = cls(connection, path)
        try:
            with _named(path):
                connection.set_busy_timeout(BUSY_MS)
                if exclusive:
                    connection.execute("PRAGMA locking_mode = exclusive")
                ledger._check_version(ledger._one("PRAGMA user_version"))
        except BaseException:
            ledger.close()
            raise
        return ledger

    def close(self) -> None:
        """Let go of the file. Idempotent. A disk that fails now loses nothing: commits are in the WAL already."""
        with contextlib.suppress(apsw.Error):
            self._db.close(force=True)

    @property
    def identity(self) -> LedgerIdentity:
        """What the ledger belongs to."""
        rows = self._rows("SELECT election, round, origin FROM identity")
        if len(rows) != 1:
            raise LedgerCorruptError(f"{self._path}: the ledger does not say which election it is of")
        return LedgerIdentity(*rows[0])

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
        with _named(self._path), self._transaction():
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

    def acts(self, kind: ActKind) -> Iterator[Entry]:
        """All acts of one kind, in the order of their numbers, which is that of their leaves."""
        if not self._knows(ACTS_SINCE):
            return
        for (leaf,) in self._rows("SELECT leaf FROM acts WHERE type = ? ORDER BY number", kind):
            yield from self._walk(leaf, leaf + 1)

    def tally_unit(self, sha256: str) -> str | None:
        """As admission.Past."""
        unit = self._one("SELECT unit FROM envelopes WHERE sha256 = ? AND type = 'sealed-tally'", sha256)
        return None if unit is None else str(unit)

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """As admission.Past."""
        rows = self._rows(
            "SELECT sha256, prev FROM envelopes WHERE device = ? AND seq = ? ORDER BY leaf", device, seq
        )
        return tuple(Link(sha256, prev) for sha256, prev in rows)

    def leaf_of(self, sha256: str) -> int | None:
        """The leaf index of an envelope or act, None when it is not in the ledger."""
        leaf = self._one("SELECT leaf FROM envelopes WHERE sha256 = ?", sha256)
        if leaf is None and self._knows(ACTS_SINCE):
            leaf = self._one("SELECT leaf FROM acts WHERE sha256 = ?", sha256)
        return None if leaf is None else int(leaf)

    def size(self) -> int:
        """How many leaves are in the ledger."""
        envelopes = int(self._one("SELECT coalesce(max(leaf) + 1, 0) FROM envelopes"))
        if not self._knows(ACTS_SINCE):
            return envelopes
        return max(envelopes, int(self._one("SELECT coalesce(max(leaf) + 1, 0) FROM acts")))

    def entries(self, size: int | None = None) -> Iterator[Entry]:
        """All leaves in their order, or the first ``size``.

        Reads a few at a time, so that no transaction stays open and centerd is not kept from its housekeeping:
        what is logged never changes, so the walk is consistent all the same.
        """
        return self._walk(0, LEAVES_END if size is None else size)

    def entries_from(self, leaf: int) -> Iterator[Entry]:
        """The leaves from this index on, as ``entries``."""
        return self._walk(leaf, LEAVES_END)

    def _walk(self, start: int, end: int) -> Iterator[Entry]:
        acts = _ACTS_AS_ENTRIES if self._knows(ACTS_SINCE) else ""
        while True:
            rows = self._rows(_ENVELOPES_AS_ENTRIES + acts + _IN_ORDER, start, end, FETCH_ROWS)
            for leaf, sha256, branch, unit, kind, received_at, flags, data in rows:
                yield Entry(leaf, sha256, branch, unit, kind, received_at, tuple(flags.split()), data)
            if len(rows) < FETCH_ROWS:
                return
            start = rows[-1][0] + 1

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
        with _named(self._path):
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
        below = LEAVES_END
        while True:
            rows = self._rows(_SELECT_COSIGNED, below, at_least)
            if not rows:
                return
            below = int(rows[0][0])
            yield below

    def changed_elsewhere(self) -> bool:
        """Whether another connection has written since the last call; True the first time."""
        before, self._data_version = self._data_version, self._one("PRAGMA data_version")
        return bool(before != self._data_version)

    def counts(self) -> Counts:
        """How much is there, at one moment."""
        with _named(self._path), self._snapshot():
            kinds = dict(self._rows("SELECT type, count(*) FROM envelopes GROUP BY type"))
            odd = self._rows(_SELECT_ODD)
            branches = int(self._one("SELECT count(DISTINCT branch) FROM envelopes"))
            rejected = int(self._one("SELECT count(*) FROM rejected"))
            acts, adjudicated = {}, {}
            if self._knows(ACTS_SINCE):
                acts = dict(self._rows("SELECT type, count(*) FROM acts GROUP BY type ORDER BY type"))
                adjudicated = dict(
                    self._rows(
                        "SELECT subject, max(leaf) FROM acts WHERE type = 'adjudication' GROUP BY subject"
                    )
                )
        still_odd, settled = _still_odd(odd, adjudicated)
        return Counts(
            verified=sum(kinds.values()),
            accounts=kinds.get("account-submission", 0),
            tallies=kinds.get("sealed-tally", 0),
            flagged=sum(map(bool, still_odd)),
            flags=dict(sorted(Counter(itertools.chain.from_iterable(still_odd)).items())),
            settled=settled,
            branches=branches,
            acts=acts,
            rejected=rejected,
        )

    def _prepare(self, identity: LedgerIdentity, *, exclusive: bool) -> None:
        with _named(self._path):
            self._db.set_busy_timeout(BUSY_MS)
            if exclusive:
                # Before the first access: then SQLite keeps the WAL index on the heap (sqlite.org/wal.html §6).
                self._db.execute("PRAGMA locking_mode = exclusive")
            mode = self._one("PRAGMA journal_mode = wal")
            if mode != "wal":
                raise LedgerError(
                    f"{self._path}: SQLite gives journal mode {mode} where WAL is needed: use a local disk"
                )
            self._db.execute("PRAGMA synchronous = FULL")
            version = self._one("PRAGMA user_version")
            if version != 0:
                self._check_version(version)
            if version != SCHEMA_VERSION:
                with self._transaction():
                    self._db.execute(steps_from(version))
                    if version == 0:
                        self._db.execute(
                            "INSERT INTO identity VALUES (?, ?, ?)",
                            (identity.election, identity.round, identity.origin),
                        )
        if self.identity != identity:
            raise LedgerCorruptError(
                f"{self._path}: the ledger belongs to {self.identity}, not to {identity}: use another state directory"
            )

    def _check_version(self, version: Any) -> None:
        if version not in VERSIONS:
            raise LedgerCorruptError(
                f"{self._path}: ledger of version {version}, this program knows {SCHEMA_VERSION}: "
                "use the program that made it"
            )

    def _knows(self, version: int) -> bool:
        """Whether the ledger has what came with this version; a reader may meet an older one."""
        return bool(self._one("PRAGMA user_version") >= version)

    def _one(self, sql: str, *arguments: str | int) -> Any:
        rows = self._rows(sql, *arguments)
        return rows[0][0] if rows else None

    def _rows(self, sql: str, *arguments: str | int) -> list[tuple[Any, ...]]:
        with _named(self._path):
            return self._db.execute(sql, arguments).fetchall()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            # After some I/O errors SQLite has rolled back already.
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _snapshot(self) -> Iterator[None]:
        self._db.execute("BEGIN")
        try:
            yield
        finally:
            self._db.execute("ROLLBACK")


def _still_odd(odd: Sequence[tuple[Any, ...]], adjudicated: dict[str, int]) -> tuple[list[list[str]], int]:
    """Of each flagged envelope the flags that still need somebody, and how many were settled.

    ``odd``: leaf, unit, flags, whether its gap is still open. ``adjudicated``: the last such leaf of each terminal.
    """
    left, settled = [], 0
    for leaf, unit, flags, gap_open in odd:
        before = adjudicated.get(unit.rpartition("/")[0], -1) > leaf
        ended = {flag for flag in flags.split() if before and flag in _SETTLED_BY_ADJUDICATION}
        settled += len(ended)
        left.append([flag for flag in flags.split() if flag not in ended and (flag != "gap" or gap_open)])
    return left, settled


@contextmanager
def _named(path: str) -> Iterator[None]:
    """Turn SQLite's errors into ours, with the file named."""
    try:
        yield
    except apsw.FullError as error:
        raise LedgerError(
            f"{path}: the disk is full: make room, nothing is acknowledged until then"
        ) from error
    except (apsw.CorruptError, apsw.NotADBError) as error:
        raise LedgerCorruptError(f"{path}: not a sound ledger ({error}): restore it from a copy") from error
    except apsw.CantOpenError as error:
        raise LedgerError(
            f"{path}: cannot be opened ({error}): check that it exists and who owns it"
        ) from error
    except apsw.Error as error:
        raise LedgerError(f"{path}: SQLite refuses: {type(error).__name__}: {error}") from error
