"""Folders of results, a small file each: the oldest make way, and whoever prunes says what was in them."""

import itertools
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from center.files import UnreadableError, read_whole
from center.state_folders import naming

FLOOR: Final = 100  # files that stay in any case, the newest: a clock that is wrong cannot empty a folder
WAITED_MS: Final = 3_600_000  # milliseconds that a result stays in any case: somebody may wait for it
PRUNED_MAX: Final = 200  # files that go at one time
SEEN_MAX: Final = 200_000  # names that are looked at at one time
RESULT_MAX: Final = 4_096  # bytes of a result
EVERY_S: Final = 60.0  # seconds between two times
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True)
class Keep:
    """How much stays: ``most`` files (``FLOOR`` or more), and none that is older than ``days``."""

    most: int
    days: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """A file that is gone, and what was in it."""

    name: str
    words: str


def prune(folder: Path, keep: Keep, *, wall_ms: int, is_needed: Callable[[str], bool]) -> list[Pruned]:
    """Remove what is too much or too old, the oldest first; at most ``PRUNED_MAX``. Raises SpoolError.

    ``is_needed``: whether a file of this name must stay, since something that waits would be done twice without it.
    """
    gone: list[Pruned] = []
    with naming(folder):
        found = _files(folder)
        for at, (written_ms, name) in enumerate(found[: max(0, len(found) - FLOOR)]):
            age_ms = wall_ms - written_ms
            if len(gone) >= PRUNED_MAX:
                break
            is_due = at < len(found) - keep.most or age_ms > keep.days * DAY_MS
            if is_due and age_ms > WAITED_MS and not is_needed(name):
                words = _words(folder / name)
                (folder / name).unlink(missing_ok=True)
                gone.append(Pruned(name, words))
    return gone


def _files(folder: Path) -> list[tuple[int, str]]:
    """When each was written, and its name; the oldest first. Half-written and foreign things are not among them."""
    with os.scandir(folder) as entries:
        found = [
            (entry.stat(follow_symlinks=False).st_mtime_ns // 1_000_000, entry.name)
            for entry in itertools.islice(entries, SEEN_MAX)
            if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False)
        ]
    return sorted(found)


def _words(path: Path) -> str:
    try:
        data = read_whole(path, RESULT_MAX) or b""
    except UnreadableError as error:
        return str(error)
    return " ".join(data.decode("utf-8", "replace").split())
