"""What is on a disk's platter, what programs see of it, and what of the difference survives a power cut.

What survives is what POSIX promises and not a byte more:

- a write or truncation lands in the page cache and in the file's list of pending changes;
- a sync of a file makes that file's pending changes durable (and its name, as ext4 does);
- the name of a new file is durable after a sync of the directory or of the file, and an unlinked file is gone for good
  only after a sync of the directory;
- at the cut, each file becomes its durable content plus whatever CutMode lets through of the pending changes.
"""

import random
from dataclasses import dataclass
from typing import Final, Literal, get_args

SECTOR: Final = 512  # bytes that a drive writes or loses as one
TORN_CHANCE: Final = 0.1  # of the sectors that get through, how many are torn in mode "torn"

CutMode = Literal["drop", "prefix", "subset", "torn"]
"""What gets through of the pending changes: nothing; a file's first few; any sectors; any sectors, some half-written or
garbage."""

CUT_MODES: Final[tuple[CutMode, ...]] = get_args(CutMode)


@dataclass(frozen=True, slots=True)
class Change:
    """A write, or a truncation."""

    offset: int
    data: bytes | None
    """None: a truncation (or extension) to ``offset`` bytes."""


class File:
    """One file: what is on the platter, what programs see, and the changes between the two."""

    __slots__ = ("cache", "durable", "named", "pending")

    def __init__(self, content: bytes = b"", *, named: bool = False) -> None:
        self.durable = content
        self.cache = bytearray(content)
        self.pending: list[Change] = []
        self.named = named
        """Whether the directory entry is durable."""

    def change(self, change: Change) -> None:
        """A write or truncation, into the page cache."""
        apply(self.cache, change)
        self.pending.append(change)

    def settle(self) -> None:
        """A sync."""
        if self.pending:
            self.durable = bytes(self.cache)
            self.pending.clear()
        self.named = True


def apply(image: bytearray, change: Change) -> None:
    """Make the change in the content of a file."""
    end = change.offset + len(change.data or b"")
    if end > len(image):
        image.extend(bytes(end - len(image)))
    if change.data is None:
        del image[change.offset :]
    else:
        image[change.offset : end] = change.data


class Volume:
    """The files of one life. After a cut it goes on as a ghost for whoever still holds it; nothing of that survives."""

    __slots__ = ("files", "ghost", "unlinked")

    def __init__(self, files: dict[str, File]) -> None:
        self.files = files
        self.unlinked: dict[str, File] = {}
        self.ghost = False

    def sync_directory(self) -> None:
        """All names become durable, and what was unlinked is gone."""
        self.unlinked.clear()
        for file in self.files.values():
            file.named = True

    def used(self) -> int:
        """Bytes, as programs see them."""
        return sum(len(file.cache) for file in self.files.values())


def survivors(volume: Volume, mode: CutMode, rng: random.Random) -> dict[str, bytes]:
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
            apply(image, change)
        images[name] = bytes(image)
    return images


def _coin(rng: random.Random) -> bool:
    return bool(rng.getrandbits(1))


def _let_through(pending: list[Change], mode: CutMode, rng: random.Random) -> list[Change]:
    if mode == "drop":
        return []
    if mode == "prefix":
        return pending[: rng.randint(0, len(pending))]
    through: list[Change] = []
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
            through.append(Change(change.offset + start, sector))
    return through


def _tear(sector: bytes, rng: random.Random) -> bytes:
    return rng.randbytes(len(sector)) if _coin(rng) else sector[: rng.randint(0, len(sector))]
