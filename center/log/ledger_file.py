"""The file of a ledger: an SQLite database (through apsw) that says whose it is, and whose errors name it.

WAL with synchronous=FULL: what was committed is on the disk.
"""

import contextlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Self

import apsw

from center.errors import LedgerCorruptError, LedgerError, LedgerMissingError
from center.log.schema import SCHEMA_VERSION, VERSIONS, steps_from

BUSY_MS: Final = 5_000  # how long to wait for another process's lock, milliseconds


@dataclass(frozen=True, slots=True)
class LedgerIdentity:
    """What a ledger belongs to. ``origin`` is the name of the log in its verifier key."""

    election: str
    round: int
    origin: str


class LedgerFile:
    """One open ledger, and how it is asked. Not for several threads.

    Raises LedgerError wherever the disk or SQLite refuses.
    """

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

    def changed_elsewhere(self) -> bool:
        """Whether another connection has written since the last call; True the first time."""
        before, self._data_version = self._data_version, self._one("PRAGMA data_version")
        return bool(before != self._data_version)

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
        with _named(self._path):
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
        with _named(self._path):
            self._db.execute("BEGIN")
            try:
                yield
            finally:
                self._db.execute("ROLLBACK")


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
