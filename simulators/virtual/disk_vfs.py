"""The door between SQLite and one life of a simulated disk: an apsw VFS.

SQLite is told nothing comforting (no powersafe overwrite, no atomic writes, 512-byte sectors). There is no shared
memory: databases here need ``pragma locking_mode=exclusive`` before ``pragma journal_mode=wal``.
"""

from typing import Final, Protocol

import apsw

from simulators.virtual.platter import SECTOR, Change, File, Volume

OPEN_FILES_MAX: Final = 1_000  # files on one disk
JULIAN_MS: Final = 212_000_000_000_000  # what SQLite's own clock shows here: nothing of ours may ask it

_JOURNALS: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL


class Drive(Protocol):
    """What the door opens on."""

    vfs_name: str

    def operate(self, volume: Volume) -> None:
        """Count one changing operation; the power may go away in its middle."""

    def write(self, volume: Volume, file: File, change: Change) -> None:
        """Change a file in the page cache; raises apsw.IOError, apsw.FullError."""

    def sync(self, volume: Volume, file: File) -> None:
        """Make a file durable; raises apsw.IOError."""


class SimVFS(apsw.VFS):
    """One life of a disk, as SQLite's VFS of the name ``disk.vfs_name``."""

    def __init__(self, disk: Drive, volume: Volume) -> None:
        self.disk = disk
        self.volume = volume
        super().__init__(disk.vfs_name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_OpenFile":  # noqa: N802
        """Open a file of this life."""
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _OpenFile(self.disk, self.volume, path, flags)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        """There are no folders."""
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        """Whether there is such a file."""
        del flags
        return pathname in self.volume.files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        """Unlink a file, durably if ``syncdir``."""
        self.disk.operate(self.volume)
        file = self.volume.files.pop(filename, None)
        if file is None:
            raise apsw.IOError(f"simulated: no file {filename} to delete")
        if file.named:
            self.volume.unlinked[filename] = file
        if syncdir:
            self.disk.operate(self.volume)
            self.volume.sync_directory()

    def xRandomness(self, numbytes: int) -> bytes:  # noqa: N802
        """As SQLite asks."""
        # SQLite draws its salts from the default VFS, not from here; this is only ever a formality.
        return bytes(numbytes)

    def xSleep(self, microseconds: int) -> int:  # noqa: N802
        """No time passes."""
        return microseconds

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        """Always the same."""
        return JULIAN_MS


class _OpenFile(apsw.VFSFile):
    """A file as SQLite holds it."""

    def __init__(self, disk: Drive, volume: Volume, path: str | None, flags: list[int]) -> None:
        # No super().__init__(): it would open a real file.
        self._disk = disk
        self._volume = volume
        self._syncs_directory = False
        self._path = path
        if path is None:
            self._file = File()  # a temporary file of SQLite: it never outlives the program
        else:
            disk.operate(volume)
            self._file = self._find(path, flags[0])
        self._delete_on_close = bool(flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE)
        flags[1] = flags[0]

    def _find(self, path: str, flags: int) -> File:
        files = self._volume.files
        if path not in files:
            if not flags & apsw.SQLITE_OPEN_CREATE or self._volume.ghost or len(files) >= OPEN_FILES_MAX:
                raise apsw.CantOpenError(f"simulated: no file {path}")
            # As SQLite's unix VFS: the first sync of a new journal or WAL syncs the directory too.
            self._syncs_directory = bool(flags & _JOURNALS)
            files[path] = File()
        return files[path]

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.cache[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.write(self._volume, self._file, Change(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.write(self._volume, self._file, Change(newsize, None))

    def xSync(self, flags: int) -> None:  # noqa: N802
        del flags
        self._disk.sync(self._volume, self._file)
        if self._syncs_directory:
            self._disk.operate(self._volume)
            self._volume.sync_directory()
            self._syncs_directory = False

    def xFileSize(self) -> int:  # noqa: N802
        return len(self._file.cache)

    def xLock(self, level: int) -> None:  # noqa: N802
        """One program a disk: locks always succeed."""

    def xUnlock(self, level: int) -> None:  # noqa: N802
        """One program a disk: locks always succeed."""

    def xCheckReservedLock(self) -> bool:  # noqa: N802
        return False

    def xFileControl(self, op: int, ptr: int) -> bool:  # noqa: N802
        del op, ptr
        return False

    def xSectorSize(self) -> int:  # noqa: N802
        return SECTOR

    def xDeviceCharacteristics(self) -> int:  # noqa: N802
        return 0

    def xClose(self) -> None:  # noqa: N802
        if self._delete_on_close and self._path is not None:
            self._volume.files.pop(self._path, None)
