"""In which order workers run tests: first what waits for clocks and for the programs of others, dealt out to all.

pytest-xdist gives each worker as many tests in a row as any other, and lets whoever is done first steal from the end
of the longest row. Read in by name, all slow tests would be in the last row, and the last one of them would be waited
for by all.
"""

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path
from typing import Final, Protocol, TypeVar

SLOW: Final = ("peers", "day", "netlab", "contracts", "world", "ceremony")
"""Folders whose tests take seconds each."""
WHOLE: Final = ("netlab",)
"""Folders whose tests share what takes seconds to build: one worker runs them all, if nobody is idle."""


class Placed(Protocol):
    """A test, by its file."""

    @property
    def path(self) -> Path:
        """Of the file."""


Item = TypeVar("Item", bound=Placed)


def dealt(items: Sequence[Item], workers: int) -> list[Item]:
    """The same tests, file by file as they were, so that each of ``workers`` equal rows begins with slow ones."""
    files = [list(group) for _, group in groupby(items, key=_unit)]
    slow = sorted(
        (file for file in files if _folder(file[0]) in SLOW), key=lambda file: SLOW.index(_folder(file[0]))
    )
    quick = [item for file in files if _folder(file[0]) not in SLOW for item in file]
    ordered: list[Item] = []
    for worker in range(workers):
        mine = [item for file in slow[worker::workers] for item in file]
        row = (len(items) - len(ordered)) // (workers - worker)  # as pytest-xdist cuts them
        room = max(row - len(mine), 0)
        ordered += mine + quick[:room]
        del quick[:room]
    return ordered + quick


def _folder(item: Placed) -> str:
    return item.path.parent.name


def _unit(item: Placed) -> Path:
    return item.path.parent if _folder(item) in WHOLE else item.path
