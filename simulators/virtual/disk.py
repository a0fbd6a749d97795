"""A disk that keeps nothing that was not synced (simulators/virtual/platter.py), and that breaks when it is told to."""

import itertools
import random
from collections.abc import Callable
from dataclasses import dataclass, replace

import apsw

from simulators.virtual.disk_vfs import SimVFS
from simulators.virtual.platter import CUT_MODES, Change, CutMode, File, Volume, apply, survivors

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
        self._volume = Volume({})
        self._vfs: SimVFS | None = SimVFS(self, self._volume)

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
        chosen: CutMode = self._random.choice(CUT_MODES) if mode is None else mode
        images = survivors(self._volume, chosen, self._random)
        # Programs of the dead life that still unwind keep their ghost files; no new file can be opened on it.
        self._vfs.unregister()
        self._vfs = None
        self._volume = Volume({name: File(image, named=True) for name, image in images.items()})
        self.cuts += 1
        if self.on_cut is not None:
            self.on_cut()

    def power_on(self) -> None:
        """Give power back after a cut, under the same VFS name. Nothing happens to a disk that has power."""
        if self._vfs is None:
            self._vfs = SimVFS(self, self._volume)

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
        change = Change(offset, data)
        apply(image, change)
        file.durable = bytes(image)
        apply(file.cache, change)

    def close(self) -> None:
        """Take the VFS name back. The disk is of no further use."""
        if self._vfs is not None:
            self._vfs.unregister()
            self._vfs = None

    # --- what the VFS does -------------------------------------------------------------------------------------

    def operate(self, volume: Volume) -> None:
        """Count one changing operation, and cut the power in its middle if its number has come."""
        if volume.ghost:
            return
        self.operations += 1
        if self._cut_at is not None and self.operations >= self._cut_at:
            self.cut(self._cut_mode)
            raise PowerCutError(f"power cut at operation {self.operations} of {self.vfs_name}")

    def chance(self, volume: Volume, probability: float) -> bool:
        """Draw, but only where there is something to draw for: a healthy disk uses up no randomness."""
        return probability > 0.0 and not volume.ghost and self._random.random() < probability

    def write(self, volume: Volume, file: File, change: Change) -> None:
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

    def sync(self, volume: Volume, file: File) -> None:
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
