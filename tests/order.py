"""In which order workers run tests: what waits for clocks and for others' programs early, dealt out to all workers.

pytest-xdist gives each worker as many tests in a row as any other, and lets whoever is done first steal from the end
of the longest row. Read in by name, all slow tests would be in the last row, and the last one of them would be waited
for by all. Slow tests wait more than they compute: between them come quick ones, or all workers would wait at once.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, groupby, islice
from pathlib import Path
from typing import Final, Protocol, TypeVar

SLOW: Final = ("peers", "day", "netlab", "contracts", "world", "ceremony")
"""Folders whose tests take seconds each."""
WHOLE: Final = ("netlab",)
"""Folders whose tests share what takes seconds to build: one worker runs them all, if nobody is idle."""
QUICK: Final = 2  # files after each slow one; what is left of a row is for whoever is done first


class Placed(Protocol):
    """A test, by its file."""

    @property
    def path(self) -> Path:
        """Of the file."""


Item = TypeVar("Item", bound=Placed)


def dealt(items: Sequence[Item], workers: int) -> list[Item]:
    """The same tests, file by file as they were, so that each of ``workers`` equal rows has its share of slow ones."""
    files = list(_files(items))
    slow = sorted((file for file in files if _slow(file[0])), key=lambda file: SLOW.index(_folder(file[0])))
    quick = [item for item in items if not _slow(item)]
    ordered: list[Item] = []
    for worker in range(workers):
        mine = slow[worker::workers]
        row = (len(items) - len(ordered)) // (workers - worker)  # as pytest-xdist cuts them
        room = max(row - sum(map(len, mine)), 0)
        between = _files(quick[:room])
        for file in mine:
            ordered += chain(file, *islice(between, QUICK))
        ordered += chain(*between)
        del quick[:room]
    return ordered + quick


def _files(items: Iterable[Item]) -> Iterator[list[Item]]:
    return (list(group) for _, group in groupby(items, key=_unit))


def _slow(item: Placed) -> bool:
    return _folder(item) in SLOW


def _folder(item: Placed) -> str:
    return item.path.parent.name


def _unit(item: Placed) -> Path:
    return item.path.parent if _folder(item) in WHOLE else item.path
