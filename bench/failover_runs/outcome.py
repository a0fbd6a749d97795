"""What was measured, against its goals."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

from failover_runs.deliveries import KINDS
from failover_runs.standing import Traffic

LEAVE_MAX_S: Final = {"quiet": 75.0, "polls": 15.0}
TRAFFIC_MAX_MB: Final = 40.0  # megabytes in 31 days
ASTRAY_MAX: Final = 10.0  # per cent: counts are told every half minute, and watched for one to three minutes
SURVIVOR_MAX: Final = 1.2  # times (a1)
RIVAL_MIN: Final = 50.0  # times (b)
DAY_S: Final = 86_400
MONTH_DAYS: Final = 31


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure against its goal. ``ratio``: 1 or less is met."""

    what: str
    figure: float
    unit: str
    goal: float
    at_least: bool = False

    @property
    def ratio(self) -> float:
        """The share of the goal that is used (or reached)."""
        return self.goal / self.figure if self.at_least else self.figure / self.goal

    def line(self) -> str:
        """For people."""
        bound = "at least" if self.at_least else "at most"
        return (
            f"{self.what:<48} {self.figure:>9.2f} {self.unit:<10} {bound} {self.goal:g}  ratio {self.ratio:.2f}  "
            f"{'met' if self.ratio <= 1 else 'MISSED'}"
        )

    def as_json(self) -> str:
        """For machines."""
        return json.dumps({**asdict(self), "ratio": round(self.ratio, 4), "met": self.ratio <= 1})


def percentile(values: Sequence[float], share: float) -> float | None:
    """By nearest rank; None of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


@dataclass(slots=True)
class Outcome:
    """Everything measured."""

    took: dict[str, list[float]]
    left_s: dict[str, list[float]]
    traffic: dict[str, list[Traffic]]
    lost: int
    duplicated: int

    def goals(self) -> list[Goal]:
        """Those whose figures were measured."""
        goals = [Goal("lost or counted twice", self.lost + self.duplicated, "tallies", 0.5)]
        worst = {kind: percentile(self.took[kind], 0.99) for kind in KINDS}
        if worst["a1"] and worst["b"]:
            goals.append(
                Goal("p99 of (b) beside p99 of (a1)", worst["b"] / worst["a1"], "times", SURVIVOR_MAX)
            )
        if worst["e"] and worst["b"]:
            ratio = worst["e"] / worst["b"]
            goals.append(Goal("p99 of (e) beside p99 of (b)", ratio, "times", RIVAL_MIN, at_least=True))
        for pace, words in (("quiet", "outside polls"), ("polls", "while polls are open")):
            if self.left_s[pace]:
                slowest = max(self.left_s[pace])
                goals.append(Goal(f"dead uplink left {words}, worst", slowest, "s", LEAVE_MAX_S[pace]))
        if self.traffic["quiet"] and self.traffic["polls"]:
            quiet, polls = (
                DAY_S * max(each.counted for each in self.traffic[pace]) / 1e6 for pace in ("quiet", "polls")
            )
            month = (MONTH_DAYS - 1) * quiet + polls
            goals.append(Goal("standing uplink, 30 days and one of polls", month, "MB", TRAFFIC_MAX_MB))
            every = [*self.traffic["quiet"], *self.traffic["polls"]]
            astray = max(abs(each.counted / each.on_the_link - 1) for each in every)
            goals.append(Goal("what the kit counts beside nftables", 100 * astray, "% off", ASTRAY_MAX))
        return goals

    def summary(self) -> dict[str, Any]:
        """The last line."""
        return {
            "p50_s": {kind: _rounded(percentile(self.took[kind], 0.5)) for kind in KINDS},
            "p99_s": {kind: _rounded(percentile(self.took[kind], 0.99)) for kind in KINDS},
            "lost": self.lost,
            "duplicated": self.duplicated,
            "runs": {kind: len(self.took[kind]) for kind in KINDS},
        }


def _rounded(seconds: float | None) -> float | None:
    return None if seconds is None else round(seconds, 4)
