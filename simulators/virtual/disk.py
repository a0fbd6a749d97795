"""A disk that keeps nothing that was not synced, and an apsw VFS on it.

What survives a power cut is what POSIX promises and not a byte more:

- a write or truncation lands in the page cache and in the file's list of pending changes;
- a sync of a file makes that file's pending changes durable (and its name, as ext4 does);
- the name of a new file is durable after a sync of the directory or of the file, and an unlinked file is gone for good
  only after a sync of the directory;
- at the cut, each file becomes its durable content plus whatever CutMode lets through of the pending changes.

SQLite is told nothing comforting (no powersafe overwrite, no atomic writes, 512-byte sectors). There is no shared
memory: databases here need ``pragma locking_mode=exclusive`` before ``pragma journal_mode=wal``.
"""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

import apsw

SECTOR: Final = 512  # bytes that a drive writes or loses as one
OPEN_FILES_MAX: Final = 1_000  # files on one disk
TORN_CHANCE: Final = 0.1  # of the sectors that get through, how many are torn in mode "torn"
JULIAN_MS: Final = 212_000_000_000_000  # what SQLite's own clock shows here: nothing of ours may ask it

CutMode = Literal["drop", "prefix", "subset", "torn"]
"""What gets through of the pending changes: nothing; a file's first few; any sectors; any sectors, some half-written or
garbage."""

_CUT_MODES: Final[tuple[CutMode, ...]] = get_args(CutMode)
_JOURNALS: Final = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL
_serial = itertools.count(1)


class PowerCutError(BaseException):
    """The power went away in the middle of this very operation.

    A BaseException, for no handler of the product is to take it for an error of the disk. apsw may show an SQLError in
    its place where it tries to roll back; so have ``SimDisk.on_cut`` kill the node, and nothing comes of it either way.
    """


@dataclass(frozen=True, slots=True)
class DiskFaults:
    """What is wrong with a disk. Chances are 0.0 to 1.0 for each operation."""

    sync_eio: float = 0.0
    """A sync fails, and the pages count as clean all the same: they never reach the platter (as Linux does it)."""
    write_eio: float = 0.0
    """A write fails and changes nothing."""
    sync_lies: float = 0.0
    """A sync says yes and does nothing."""
    capacity: int | None = None
    """Bytes that fit on the disk; None for no limit. A write beyond it fails as full."""


@dataclass(frozen=True, slots=True)
class _Change:
    offset: int
    data: bytes | None
    """None: a truncation (or extension) to ``offset`` bytes."""


class _File:
    """One file: what is on the platter, what programs see, and the changes between the two."""

    __slots__ = ("cache", "durable", "named", "pending")

    def __init__(self, content: bytes = b"", *, named: bool = False) -> None:
        self.durable = content
        self.cache = bytearray(content)
        self.pending: list[_Change] = []
        self.named = named
        """Whether the directory entry is durable."""

    def change(self, change: _Change) -> None:
        _apply(self.cache, change)
        self.pending.append(change)

    def settle(self) -> None:
        if self.pending:
            self.durable = bytes(self.cache)
            self.pending.clear()
        self.named = True


def _apply(image: bytearray, change: _Change) -> None:
    end = change.offset + len(change.data or b"")
    if end > len(image):
        image.extend(bytes(end - len(image)))
    if change.data is None:
        del image[change.offset :]
    else:
        image[change.offset : end] = change.data


class _Volume:
    """The files of one life. After a cut it goes on as a ghost for whoever still holds it; nothing of that survives."""

    __slots__ = ("files", "ghost", "unlinked")

    def __init__(self, files: dict[str, _File]) -> None:
        self.files = files
        self.unlinked: dict[str, _File] = {}
        self.ghost = False

    def sync_directory(self) -> None:
        self.unlinked.clear()
        for file in self.files.values():
            file.named = True

    def used(self) -> int:
        return sum(len(file.cache) for file in self.files.values())


class SimDisk:
    """One machine's disk. ``seed`` decides what its cuts and faults take.

    Open databases with ``apsw.Connection(name, vfs=disk.vfs_name)``. ``faults`` may be replaced at any time.
    """

    def __init__(self, *, seed: int | str = 0, name: str = "disk") -> None:
        self.vfs_name = f"sim-{name}-{next(_serial)}"
        """The SQLite VFS, the same through all lives of the disk."""
        self.faults = DiskFaults()
        self.on_cut: Callable[[], None] | None = None
        """Called at each power cut, before PowerCutError goes up: the place to ``kill`` the node."""
        self.operations = 0
        """Changing operations so far (open, write, truncate, sync, delete), over all lives."""
        self.cuts = 0
        self._cut_at: int | None = None
        self._cut_mode: CutMode | None = None
        self._random = random.Random(f"{seed}/disk/{name}")
        self._volume = _Volume({})
        self._vfs: _SimVFS | None = _SimVFS(self, self._volume)

    @property
    def on(self) -> bool:
        """Whether there is power."""
        return self._vfs is not None

    def cut_after(self, operations: int, mode: CutMode | None = None) -> None:
        """Plan a power cut in the middle of the n-th changing operation from now on (1: the next).

        Raises:
            ValueError: n is not positive.
        """
        if operations < 1:
            raise ValueError(f"a cut after {operations} operations cannot be: choose 1 or more")
        self._cut_at, self._cut_mode = self.operations + operations, mode

    def call_off(self) -> None:
        """Drop the plan of ``cut_after``, if there is one."""
        self._cut_at = None

    def cut(self, mode: CutMode | None = None) -> None:
        """Cut the power now. ``mode`` None: a seeded choice. Nothing happens to a disk without power."""
        if self._vfs is None:
            return
        self._cut_at = None
        self._volume.ghost = True
        chosen: CutMode = self._random.choice(_CUT_MODES) if mode is None else mode
        survivors = _survivors(self._volume, chosen, self._random)
        # Programs of the dead life that still unwind keep their ghost files; no new file can be opened on it.
        self._vfs.unregister()
        self._vfs = None
        self._volume = _Volume({name: _File(image, named=True) for name, image in survivors.items()})
        self.cuts += 1
        if self.on_cut is not None:
            self.on_cut()

    def power_on(self) -> None:
        """Give power back after a cut, under the same VFS name. Nothing happens to a disk that has power."""
        if self._vfs is None:
            self._vfs = _SimVFS(self, self._volume)

    def fill(self, *, spare: int = 0) -> None:
        """Let the disk be full but for ``spare`` bytes, from now on."""
        self.faults = replace(self.faults, capacity=self._volume.used() + spare)

    def content(self, name: str) -> bytes | None:
        """What programs see in a file, None if there is no such file."""
        file = self._volume.files.get(name)
        return None if file is None else bytes(file.cache)

    def damage(self, name: str, offset: int, data: bytes) -> None:
        """Change bytes of a file on the platter, behind everybody's back (bit rot, a forger).

        Raises:
            KeyError: no such file.
        """
        file = self._volume.files[name]
        image = bytearray(file.durable)
        change = _Change(offset, data)
        _apply(image, change)
        file.durable = bytes(image)
        _apply(file.cache, change)

    def close(self) -> None:
        """Take the VFS name back. The disk is of no further use."""
        if self._vfs is not None:
            self._vfs.unregister()
            self._vfs = None

    # --- what the VFS does -------------------------------------------------------------------------------------

    def operate(self, volume: _Volume) -> None:
        """Count one changing operation, and cut the power in its middle if its number has come."""
        if volume.ghost:
            return
        self.operations += 1
        if self._cut_at is not None and self.operations >= self._cut_at:
            self.cut(self._cut_mode)
            raise PowerCutError(f"power cut at operation {self.operations} of {self.vfs_name}")

    def chance(self, volume: _Volume, probability: float) -> bool:
        """Draw, but only where there is something to draw for: a healthy disk uses up no randomness."""
        return probability > 0.0 and not volume.ghost and self._random.random() < probability

    def write(self, volume: _Volume, file: _File, change: _Change) -> None:
        """Change a file in the page cache.

        Raises:
            apsw.IOError, apsw.FullError: a fault.
        """
        self.operate(volume)
        if self.chance(volume, self.faults.write_eio):
            raise apsw.IOError("simulated: the drive refused a write")
        growth = change.offset + len(change.data or b"") - len(file.cache)
        capacity = self.faults.capacity
        if capacity is not None and not volume.ghost and growth > 0 and volume.used() + growth > capacity:
            raise apsw.FullError("simulated: no space left on the disk")
        file.change(change)

    def sync(self, volume: _Volume, file: _File) -> None:
        """Make a file durable.

        Raises:
            apsw.IOError: a fault; the pages count as clean and are lost.
        """
        self.operate(volume)
        if self.chance(volume, self.faults.sync_eio):
            file.pending.clear()
            raise apsw.IOError("simulated: the drive failed while syncing")
        if not self.chance(volume, self.faults.sync_lies):
            file.settle()


def _survivors(volume: _Volume, mode: CutMode, rng: random.Random) -> dict[str, bytes]:
    """What the platter holds after the cut."""
    images: dict[str, bytes] = {}
    for name, file in volume.unlinked.items():
        if mode == "drop" or (mode != "prefix" and _coin(rng)):
            images[name] = file.durable
    for name, file in volume.files.items():
        if not file.named and (mode == "drop" or _coin(rng)):
            continue
        image = bytearray(file.durable)
        for change in _let_through(file.pending, mode, rng):
            _apply(image, change)
        images[name] = bytes(image)
    return images


def _coin(rng: random.Random) -> bool:
    return bool(rng.getrandbits(1))


def _let_through(pending: list[_Change], mode: CutMode, rng: random.Random) -> list[_Change]:
    if mode == "drop":
        return []
    if mode == "prefix":
        return pending[: rng.randint(0, len(pending))]
    through: list[_Change] = []
    for change in pending:
        if change.data is None:
            if _coin(rng):
                through.append(change)
            continue
        for start in range(0, len(change.data), SECTOR):
            if _coin(rng):
                continue
            sector = change.data[start : start + SECTOR]
            if mode == "torn" and rng.random() < TORN_CHANCE:
                sector = _tear(sector, rng)
            through.append(_Change(change.offset + start, sector))
    return through


def _tear(sector: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(len(sector)) if _coin(rng) else sector[: rng.randint(0, len(sector))]


class _SimVFS(apsw.VFS):
    """The door between SQLite and one life of a disk."""

    def __init__(self, disk: SimDisk, volume: _Volume) -> None:
        self.disk = disk
        self.volume = volume
        super().__init__(disk.vfs_name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> "_OpenFile":  # noqa: N802
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        return _OpenFile(self.disk, self.volume, path, flags)

    def xFullPathname(self, name: str) -> str:  # noqa: N802
        return name

    def xAccess(self, pathname: str, flags: int) -> bool:  # noqa: N802
        del flags
        return pathname in self.volume.files

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
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
        # SQLite draws its salts from the default VFS, not from here; this is only ever a formality.
        return bytes(numbytes)

    def xSleep(self, microseconds: int) -> int:  # noqa: N802
        return microseconds

    def xCurrentTimeInt64(self) -> int:  # noqa: N802
        return JULIAN_MS


class _OpenFile(apsw.VFSFile):
    """A file as SQLite holds it."""

    def __init__(self, disk: SimDisk, volume: _Volume, path: str | None, flags: list[int]) -> None:
        # No super().__init__(): it would open a real file.
        self._disk = disk
        self._volume = volume
        self._syncs_directory = False
        self._path = path
        if path is None:
            self._file = _File()  # a temporary file of SQLite: it never outlives the program
        else:
            disk.operate(volume)
            self._file = self._find(path, flags[0])
        self._delete_on_close = bool(flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE)
        flags[1] = flags[0]

    def _find(self, path: str, flags: int) -> _File:
        files = self._volume.files
        if path not in files:
            if not flags & apsw.SQLITE_OPEN_CREATE or self._volume.ghost or len(files) >= OPEN_FILES_MAX:
                raise apsw.CantOpenError(f"simulated: no file {path}")
            # As SQLite's unix VFS: the first sync of a new journal or WAL syncs the directory too.
            self._syncs_directory = bool(flags & _JOURNALS)
            files[path] = _File()
        return files[path]

    def xRead(self, amount: int, offset: int) -> bytes:  # noqa: N802
        return bytes(self._file.cache[offset : offset + amount])

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        self._disk.write(self._volume, self._file, _Change(offset, bytes(data)))

    def xTruncate(self, newsize: int) -> None:  # noqa: N802
        self._disk.write(self._volume, self._file, _Change(newsize, None))

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
