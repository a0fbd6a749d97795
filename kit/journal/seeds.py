"""Where the seeds of the journal's evolving keys rest: one small file, overwritten in place.

Two slots, a block apart, so that a torn write of one never touches the other: the seed of epoch e stands in slot
``e % 2``, beside that of epoch e + 1 for the moment in which one takes over from the other. A seed is erased by
zeros over it and a sync. That is what a program can do: a flash drive may keep the old page for as long as it likes
(docs/journal.md).

The file is reached through SQLite's VFS, as the journal is: so the disk of a simulated world is its disk too.
"""

import os
from hashlib import sha256
from pathlib import Path
from typing import Final

import apsw

from crypto.identity import SEED_BYTES
from kit.journal.journal import JournalUnavailableError

SLOT_BYTES: Final = 4096  # a flash page or a disk block at most: no two slots in one sector
SLOTS: Final = 2
_EPOCH_BYTES: Final = 8
_DIGEST_BYTES: Final = 32
_RECORD_BYTES: Final = _EPOCH_BYTES + SEED_BYTES + _DIGEST_BYTES
# As the file of a rollback journal, for its first sync makes the name in its folder durable too.
_FLAGS: Final = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_MAIN_JOURNAL


class SeedFile:
    """kit.ports.SeedStore in one file, readable by its owner alone. The folder is made where it is missing.

    Raises:
        JournalUnavailableError: from every method and the constructor, when the file cannot be made, read or written.
    """

    def __init__(self, path: Path | str, *, vfs: str | None = None) -> None:
        self._path = str(path)
        try:
            if vfs is None:
                _private(Path(path))
            self._file = apsw.VFSFile(vfs or "", self._path, [_FLAGS, 0])
            size = self._file.xFileSize()
            if size < SLOTS * SLOT_BYTES:
                self._write(bytes(SLOTS * SLOT_BYTES - size), size)
        except (apsw.Error, OSError) as error:
            raise self._explained(error) from error

    def seeds(self) -> dict[int, bytes]:
        """Every seed that is there whole, by epoch."""
        try:
            data = self._file.xRead(SLOTS * SLOT_BYTES, 0)
        except (apsw.Error, OSError) as error:
            raise self._explained(error) from error
        return seeds_in(data)

    def put(self, epoch: int, seed: bytes) -> None:
        """Write a seed, sync, and read it back."""
        try:
            self._write(_record(epoch, seed), epoch % SLOTS * SLOT_BYTES)
        except (apsw.Error, OSError) as error:
            raise self._explained(error) from error
        if self.seeds().get(epoch) != seed:
            raise JournalUnavailableError(
                f"{self._path}: a seed was written and cannot be read back: replace the disk"
            )

    def erase(self, epoch: int) -> None:
        """Overwrite the slot of an epoch and sync; the other slot stays as it is."""
        try:
            self._write(bytes(_RECORD_BYTES), epoch % SLOTS * SLOT_BYTES)
        except (apsw.Error, OSError) as error:
            raise self._explained(error) from error

    def close(self) -> None:
        """Let go of the file."""
        self._file.xClose()

    def _write(self, data: bytes, offset: int) -> None:
        self._file.xWrite(data, offset)
        self._file.xSync(apsw.SQLITE_SYNC_FULL)

    def _explained(self, error: Exception) -> JournalUnavailableError:
        return JournalUnavailableError(
            f"{self._path} cannot be used ({error}): check the folder, its permissions and the space on the disk"
        )


def seeds_in(data: bytes) -> dict[int, bytes]:
    """Every whole seed in the bytes of a seed file, by epoch."""
    found = {}
    for slot in range(SLOTS):
        record = data[slot * SLOT_BYTES :][:_RECORD_BYTES]
        epoch = int.from_bytes(record[:_EPOCH_BYTES], "big")
        seed = record[_EPOCH_BYTES : _EPOCH_BYTES + SEED_BYTES]
        if record == _record(epoch, seed) and epoch % SLOTS == slot:
            found[epoch] = seed
    return found


def _record(epoch: int, seed: bytes) -> bytes:
    body = epoch.to_bytes(_EPOCH_BYTES, "big") + seed
    return body + sha256(body).digest()


def _private(path: Path) -> None:
    """Make folder and file so that nobody but their owner ever reads them."""
    if not path.parent.is_dir():
        path.parent.mkdir(parents=True, mode=0o700)
        above = os.open(path.parent.parent, os.O_RDONLY)
        try:
            os.fsync(above)  # or a cut could take the folder with the seeds in it
        finally:
            os.close(above)
    path.touch(mode=0o600)
    path.chmod(0o600)
