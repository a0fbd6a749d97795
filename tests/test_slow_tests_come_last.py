"""The order in which workers run tests: every one of them once, and no long one left to the end."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.order import SLOW, WHOLE, dealt


@dataclass(frozen=True)
class Placed:
    path: Path
    number: int


def some(**numbers: int) -> list[Placed]:
    """So many of each folder, three to a file."""
    return [
        Placed(Path(f"tests/{folder}/test_{number // 3}.py"), number)
        for folder, count in sorted(numbers.items())
        for number in range(count)
    ]


@pytest.mark.parametrize("workers", range(1, 9))
def test_test_is_lost_or_runs_twice(workers: int) -> None:
    for items in (some(kit=100, peers=20, netlab=7), some(peers=20, netlab=50), some(kit=2), []):
        ordered = dealt(items, workers)
        assert len(ordered) == len(items)
        assert set(ordered) == set(items)


@pytest.mark.parametrize("workers", range(2, 9))
def test_worker_has_all_the_slow_ones(workers: int) -> None:
    ordered = dealt(some(attacks=100, kit=400, peers=60, world=30), workers)
    for left in range(workers, 0, -1):
        row, ordered = ordered[: len(ordered) // left], ordered[len(ordered) // left :]
        mine = [test.path.parent.name in SLOW for test in row]
        assert mine[0] or not any(mine)
        assert not any(mine[-5:]), "something slow comes last"
        assert 90 // workers - 4 < sum(mine) < 90 // workers + 4


def test_fixture_of_a_folder_is_made_by_each_worker() -> None:
    ordered = dealt(some(kit=400, **dict.fromkeys(WHOLE, 20)), 4)
    for folder in WHOLE:
        places = [place for place, test in enumerate(ordered) if test.path.parent.name == folder]
        assert places == list(range(places[0], places[0] + 20))


def test_folder_is_gone() -> None:
    assert all((Path(__file__).parent / folder).is_dir() for folder in SLOW)
    assert set(WHOLE) <= set(SLOW)
