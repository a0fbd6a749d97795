"""Short days in virtual time: half an hour of polls, and what the world says against them."""

from functools import cache
from typing import Final

from simulators.cli import SAMPLE
from simulators.results import Results, Station, load_results, select
from simulators.world.day import Outcome, WorldDay
from simulators.world.world import Hours

HOURS: Final = Hours(open_s=120, close_s=1_200, heal_s=1_800, deadline_s=3_000)


@cache
def _sample() -> Results:
    return load_results(SAMPLE)


def sample(branches: int, seed: int) -> tuple[Results, list[Station]]:
    """All results, and some stations."""
    return _sample(), list(select(_sample(), branches, seed))


def live(seed: int, *, branches: int = 1, faults: bool = True, hours: Hours = HOURS) -> Outcome:
    results, stations = sample(branches, seed)
    return WorldDay(results, stations, f"short/{seed}", faults=faults, hours=hours).run()


def said_against(outcome: Outcome) -> list[str]:
    """Broken invariants and failed checks."""
    failed = [check for check, held in outcome.report["checks"].items() if not held]
    return [*outcome.report["broken"], *failed]
