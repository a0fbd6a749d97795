"""The journal: facts in order, durable before anything is said about them, leaves of an RFC 6962 tree.

SQLite in WAL mode with synchronous=FULL: a commit is on the medium when ``append`` returns (measured over power cuts:
FULL loses nothing, NORMAL does). ``locking_mode=exclusive`` keeps a second process out and needs no shared memory.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import apsw
import msgspec

from crypto import canonical
from crypto.errors import EncodingError
from crypto.merkle import SIZE_MAX, Frontier, leaf_hash
from crypto.statements import JournalCheckpoint
from kit.facts import Fact
from kit.journal.anchors import AnchorError, Anchors

FACT_MAX: Final = 512 * 1024  # bytes of one fact: an envelope of ENVELOPE_MAX in base64, and room
SCHEMA_VERSION: Final = 1


class JournalError(Exception):
    """The journal cannot be read as what it should be; the message says which fact and what to do."""


class JournalUnavailableError(JournalError):
    """The journal is in use, cannot be opened, or the disk takes nothing more."""


def read_fact(body: object) -> Fact:
    """The fact that these bytes are the canonical encoding of; raises EncodingError for anything else."""
    if not isinstance(body, bytes):
        raise EncodingError(f"{type(body).__name__} instead of bytes")
    try:
        fact: Fact = msgspec.convert(canonical.decode(body, max_bytes=FACT_MAX), type=Fact)
    except msgspec.ValidationError as error:
        raise EncodingError(str(error)) from error
    return fact


class Journal:
    """Append-only facts of one device. ``path`` is for messages.

    Raises:
        JournalUnavailableError: from the constructor, when the file is locked or cannot be opened.
        JournalError: from the constructor, when the file is of another schema or not a database.
    """

    def __init__(self, path: Path | str, *, vfs: str | None = None) -> None:
        self.path: Final = str(path)
        try:
            flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
            self._db = apsw.Connection(self.path, flags=flags, vfs=vfs)
            self._db.execute("pragma locking_mode=exclusive")
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=full")
            self._db.execute("pragma secure_delete=on")
            self._prepare()
        except apsw.Error as error:
            raise self._explained(error) from error
        self._frontier = Frontier()
        self._size = 0

    def replay(self) -> Iterator[Fact]:
        """All facts, oldest first; rebuilds the tree on the way. Call once, before ``append``.

        Raises:
            JournalError: a row is missing, or is not the canonical encoding of a known fact.
        """
        anchors = Anchors()
        try:
            rows = self._db.execute("select seq, body from facts order by seq")
            for seq, body in rows:
                if seq != self._size + 1:
                    raise JournalError(
                        f"{self.path}: fact {self._size + 1} is missing (the next one is {seq}): keep the file, it is "
                        "evidence; call the centre"
                    )
                fact = self._read(body, seq)
                anchors.check(fact)
                self._frontier.append(leaf_hash(body))
                self._size += 1
                anchors.grow(self._frontier.root().hex())
                yield fact
        except AnchorError as error:
            raise JournalError(
                f"{self.path}: {error}: facts were rewritten; keep the file, it is evidence; call the centre"
            ) from error
        except apsw.Error as error:
            raise self._explained(error) from error

    def append(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        """Make facts durable, all or none, and return what was written. When this returns it survives a power cut.

        Raises:
            JournalUnavailableError: the disk refuses. The caller must not go on: what is not durable has not happened.
            JournalError, EncodingError: a bug: a fact could not be read back, so that no later life could replay it.
        """
        bodies = [canonical.encode(msgspec.to_builtins(fact)) for fact in facts]
        for number, body in enumerate(bodies, self._size + 1):
            self._read(body, number)
        try:
            with self._db:
                for number, body in enumerate(bodies, self._size + 1):
                    self._db.execute("insert into facts(seq, body) values(?, ?)", (number, body))
        except apsw.Error as error:
            raise self._explained(error) from error
        for body in bodies:
            self._frontier.append(leaf_hash(body))
        self._size += len(bodies)
        return facts

    def checkpoint(self) -> JournalCheckpoint:
        """Size and root of the tree over all durable facts."""
        return JournalCheckpoint(size=self._size, root=self._frontier.root().hex())

    def leaf_hashes(self) -> list[bytes]:
        """The RFC 6962 leaf hash of every fact, read from the medium; raises JournalError."""
        return [leaf_hash(body) for body in self.bodies()]

    def bodies(self) -> list[bytes]:
        """The bytes of every fact, whatever they say, read from the medium.

        Raises:
            JournalError: a row is missing or holds no bytes.
        """
        try:
            rows = list(self._db.execute("select seq, body from facts order by seq"))
        except apsw.Error as error:
            raise self._explained(error) from error
        for number, (seq, body) in enumerate(rows, 1):
            if seq != number or not isinstance(body, bytes):
                raise JournalError(
                    f"{self.path}: fact {number} is missing, or is no text: facts were taken out"
                )
        return [body for _, body in rows]

    def newest_with(self, text: bytes) -> bytes | None:
        """The bytes of the newest fact that has ``text`` in them, unchecked; raises JournalError."""
        try:
            found = next(
                self._db.execute(
                    "select body from facts where instr(body, ?) > 0 order by seq desc limit 1", (text,)
                ),
                None,
            )
        except apsw.Error as error:
            raise self._explained(error) from error
        return None if found is None else bytes(found[0])

    def page(self, first: int, characters: int) -> tuple[list[str], int | None]:
        """Facts from number ``first`` (from 1) on, until ``characters`` are reached; and the number that comes next.

        None where there is no next one. Raises JournalUnavailableError.
        """
        lines: list[str] = []
        length = 0
        try:
            for seq, body in self._db.execute(
                "select seq, body from facts where seq >= ? order by seq", (min(first, SIZE_MAX),)
            ):
                if length >= characters:
                    return lines, seq
                lines.append(bytes(body).decode("utf-8"))
                length += len(lines[-1])
        except apsw.Error as error:
            raise self._explained(error) from error
        return lines, None

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def _read(self, body: object, seq: int) -> Fact:
        try:
            return read_fact(body)
        except EncodingError as error:
            raise JournalError(
                f"{self.path}: fact {seq} cannot be read ({error}): keep the file, it is evidence; call the centre"
            ) from error

    def _explained(self, error: apsw.Error) -> JournalError:
        if isinstance(error, apsw.BusyError):
            return JournalUnavailableError(f"{self.path} is in use by another process: stop that one first")
        if isinstance(error, apsw.NotADBError | apsw.CorruptError | apsw.SQLError):
            return JournalError(
                f"{self.path} is damaged ({error}): keep the file, it is evidence; call the centre"
            )
        return JournalUnavailableError(
            f"{self.path} cannot be used ({error}): check the folder, its permissions and the space on the disk"
        )

    def _prepare(self) -> None:
        (version,) = next(self._db.execute("pragma user_version"))
        (tables,) = next(self._db.execute("select count(*) from sqlite_schema"))
        if version not in (0, SCHEMA_VERSION) or (version == 0 and tables):
            raise JournalError(
                f"{self.path} has schema {version}, this program knows {SCHEMA_VERSION}: it is the file of another "
                "program or version; use the one that wrote it, or an empty state directory"
            )
        if version == SCHEMA_VERSION:
            return  # opening writes nothing: a damaged file is evidence
        with self._db:
            self._db.execute("create table facts(seq integer primary key, body blob not null)")
            self._db.execute(f"pragma user_version={SCHEMA_VERSION}")
