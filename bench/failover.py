"""How soon a sealed tally is receipted when its uplink dies at that moment, beside what a branch would run otherwise.

python bench/failover.py [--json] [--runs N] [--rivals N] [--quick]

In the network laboratory of tests/netlab (root; namespaces, nftables, mosquitto), all in one run and interleaved:
seconds from the order to seal to the verified receipt with (a) no fault, (a1) no fault and the surviving uplink alone,
(b) the active uplink swallowing everything from that moment on, (c) the active uplink coming and going, (d) 30 % of its
packets lost each way; against (e) aiomqtt with its defaults behind the rule of mwan3, in namespaces in parallel, struck
as in (b). Beside them, standing kits: how soon they leave a dead uplink outside the critical window, and what their
probes cost. docs/failover.md says more.
"""

import argparse
import contextlib
import json
import math
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))  # the laboratory is no part of what is installed

from tests.netlab.branch import Branch  # noqa: E402
from tests.netlab.lab import FIBRE, MOBILE, Lab, laboratory  # noqa: E402
from tests.netlab.route_switch import RouteSwitch  # noqa: E402

RUNS: Final = 130  # of (a), (a1) and (b) each
SELDOM: Final = 3  # one run of (c) and (d) for so many of the others
RIVALS: Final = 8  # branches of (e) in parallel
ROUNDS: Final = 4  # runs of each of them
STANDING: Final = 2  # kits of each pace
STRIKES: Final = 2  # times that each of them is struck
PROBES_WATCHED: Final = {"quiet": 3, "polls": 12}
LEAVE_MAX_S: Final = {"quiet": 75.0, "polls": 15.0}
TRAFFIC_MAX_MB: Final = 40.0  # megabytes in 30 days
SURVIVOR_MAX: Final = 1.2  # times (a1)
RIVAL_MIN: Final = 50.0  # times (b)
CALM_S: Final = 0.3  # between runs: the slower uplink's copy of the last tally has gone by then
FLAP_S: Final = (0.1, 0.6)
PATIENCE_S: Final = 300.0
DAY_S: Final = 86_400
MONTH_DAYS: Final = 30
EX_TERMINATED: Final = 128 + signal.SIGTERM
KINDS: Final = ("a", "a1", "b", "c", "d", "e")


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


def progress(words: str) -> None:
    """For people who wait."""
    print(f"{time.strftime('%H:%M:%S')} {words}", file=sys.stderr, flush=True)


class Deliveries:
    """(a) to (d): one kit with both uplinks, and one with the survivor of (b) alone, in turns."""

    def __init__(self, both: Branch, alone: Branch) -> None:
        self._both, self._alone, self._rng = both, alone, Random(1)
        self.took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for branch, names in ((both, (FIBRE, MOBILE)), (alone, (MOBILE,))):
            branch.start(names)
            for name in names:
                branch.until_answers(name)
        both.tell(f"pin {FIBRE}")  # so that the uplink that is struck is always the active one
        for branch in (both, alone):  # the first delivery of a life loads what the others find loaded
            branch.seal().receipt()

    def run(self, runs: int) -> None:
        """So many of (a), (a1) and (b), and every so often (c) and (d)."""
        for number in range(runs):
            turns = ["a", "a1", "b"]
            if number % SELDOM == 0:
                turns += ["c", "d"]
            self._rng.shuffle(turns)
            for kind in turns:
                self._until_calm()
                self.took[kind].append(self._one(kind))
            if (number + 1) % 10 == 0:
                progress(f"deliveries: {number + 1} of {runs}")

    def _one(self, kind: str) -> float:
        if kind == "a1":
            return self._alone.seal().took_s()
        fibre = self._both.cable(FIBRE)
        faults: dict[str, Callable[[], contextlib.AbstractContextManager[None]]] = {
            "a": contextlib.nullcontext,
            "b": lambda: struck(fibre.cut, fibre.heal),
            "c": self._flapping,
            "d": lambda: struck(lambda: fibre.lose(30), fibre.heal),
        }
        with faults[kind]():
            return self._both.seal().took_s()

    def _until_calm(self) -> None:
        self._both.until_answers(FIBRE)
        time.sleep(CALM_S)

    @contextlib.contextmanager
    def _flapping(self) -> Iterator[None]:
        ended = threading.Event()
        fibre = self._both.cable(FIBRE)

        def flap() -> None:
            while not ended.wait(self._rng.uniform(*FLAP_S)):
                fibre.cut()
                ended.wait(self._rng.uniform(*FLAP_S))
                fibre.heal()

        flapping = threading.Thread(target=flap)
        flapping.start()
        time.sleep(self._rng.uniform(1.0, 2.0))
        try:
            yield
        finally:
            ended.set()
            flapping.join()
            fibre.heal()


@contextlib.contextmanager
def struck(strike: Callable[[], None], heal: Callable[[], None]) -> Iterator[None]:
    """A fault, for a while."""
    strike()
    try:
        yield
    finally:
        heal()


def rival(branch: Branch, seed: int, rounds: int) -> list[float]:
    """(e): struck at any moment between two pings, as often as asked."""
    rng, took = Random(seed), []
    with contextlib.closing(RouteSwitch(branch, FIBRE)) as switch:
        for _ in range(rounds):
            time.sleep(rng.uniform(2.0, 12.0))
            with struck(branch.cable(FIBRE).cut, branch.cable(FIBRE).heal):
                delivery = branch.seal()
                delivery.receipt(PATIENCE_S)
                took.append(delivery.took_s())
            progress(f"plain client of {branch.name}: {took[-1]:.1f} s")
            switch.reset()
            since = branch.mark()
            branch.tell("again")
            branch.wait(lambda report: report["what"] == "ready", since, PATIENCE_S)
    return took


@dataclass(slots=True)
class Standing:
    """A kit that has nothing to send, at one of the two paces."""

    lab: Lab
    branch: Branch
    pace: str
    seed: int

    def begin(self) -> None:
        """Until both uplinks work."""
        self.branch.start((FIBRE, MOBILE))
        for name in (FIBRE, MOBILE):
            self.branch.until_answers(name)
        self.branch.tell(f"pin {FIBRE}")
        if self.pace == "polls":
            self.branch.tell("polls")

    def traffic(self) -> list[float]:
        """Bytes a second of each uplink, both ways, from after one probe to after another."""
        since = self.branch.mark()
        before, began = self._bytes_after(1, since), time.monotonic()
        after = self._bytes_after(1 + PROBES_WATCHED[self.pace], since)
        lasted_s = time.monotonic() - began
        return [(after[name] - before[name]) / lasted_s for name in (FIBRE, MOBILE)]

    def strikes(self, times: int) -> list[float]:
        """Seconds from each blackhole, at any moment between two probes, to the switch."""
        rng, took = Random(self.seed), []
        fibre = self.branch.cable(FIBRE)
        for _ in range(times):
            time.sleep(rng.uniform(1.0, 30.0))
            since = self.branch.mark()
            with struck(fibre.cut, fibre.heal):
                began = time.monotonic()
                switch = self.branch.wait(
                    lambda report: report["what"] == "switch" and report["left"] == FIBRE, since, PATIENCE_S
                )
            took.append(switch["t"] - began)
            progress(f"{self.pace}: {took[-1]:.1f} s, {switch['reason']}")
            self.branch.wait(lambda _: FIBRE in self.branch.usable(), since, PATIENCE_S)
        return took

    def _bytes_after(self, probes: int, since: int) -> dict[str, int]:
        """Of each link until now, once so many probes of the fibre came back; those of the other keep in step."""
        for _ in range(probes):
            echo = self.branch.wait(
                lambda report: report["what"] == "echo" and report["uplink"] == FIBRE, since, PATIENCE_S
            )
            since = self.branch.reports.index(echo) + 1
        time.sleep(1.0)  # the last acknowledgement has passed by then
        number, counters = self.lab.branches.index(self.branch), self.lab.counters()
        return {
            name: sum(counters[f"w{number}{name}-{way}"][1] for way in ("up", "down"))
            for name in (FIBRE, MOBILE)
        }


class Beside:
    """What runs in parallel, each in a thread of its own; the first failure is raised at the end."""

    def __init__(self) -> None:
        self._threads: list[threading.Thread] = []
        self._failures: list[BaseException] = []

    def begin(self, what: Callable[[], None]) -> None:
        """In a thread of its own."""

        def run() -> None:
            try:
                what()
            except BaseException as failure:  # noqa: BLE001 - raised by finish
                self._failures.append(failure)

        self._threads.append(threading.Thread(target=run, daemon=True))
        self._threads[-1].start()

    def finish(self) -> None:
        """Wait for all."""
        for thread in self._threads:
            thread.join()
        if self._failures:
            raise self._failures[0]


@dataclass(slots=True)
class Outcome:
    """Everything measured."""

    took: dict[str, list[float]]
    left_s: dict[str, list[float]]
    bytes_per_s: dict[str, list[float]]
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
        if self.bytes_per_s["quiet"] and self.bytes_per_s["polls"]:
            quiet, polls = (DAY_S * max(self.bytes_per_s[pace]) / 1e6 for pace in ("quiet", "polls"))
            month = (MONTH_DAYS - 1) * quiet + polls
            goals.append(Goal("standing uplink, 29 days and one of polls", month, "MB", TRAFFIC_MAX_MB))
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


def measure(folder: Path, arguments: argparse.Namespace) -> Outcome:
    """Everything, in one laboratory."""
    standing = 0 if arguments.quick else STANDING
    rivals = 0 if arguments.quick else arguments.rivals
    both = (FIBRE, MOBILE)
    with laboratory(folder, both, (MOBILE,), *[both] * (2 * standing + rivals)) as lab:
        first, alone, *others = lab.branches
        kits = [
            Standing(lab, branch, "polls" if number % 2 else "quiet", number)
            for number, branch in enumerate(others[: 2 * standing])
        ]
        progress(f"{2 + len(kits)} kits and {rivals} plain clients, each in a namespace of its own")
        deliveries = Deliveries(first, alone)
        for kit in kits:
            kit.begin()
        for branch in others[2 * standing :]:
            branch.start_plain()
            branch.wait(lambda report: report["what"] == "ready")
        outcome = Outcome(deliveries.took, {"quiet": [], "polls": []}, {"quiet": [], "polls": []}, 0, 0)
        beside = Beside()

        def stand(kit: Standing) -> None:
            outcome.bytes_per_s[kit.pace] += kit.traffic()
            outcome.left_s[kit.pace] += kit.strikes(STRIKES if kit.pace == "quiet" else 3 * STRIKES)

        for kit in kits:
            beside.begin(lambda kit=kit: stand(kit))  # type: ignore[misc]
        for seed, branch in enumerate(others[2 * standing :]):
            beside.begin(
                lambda branch=branch, seed=seed: outcome.took["e"].extend(rival(branch, seed, ROUNDS))  # type: ignore[misc]
            )
        try:
            deliveries.run(arguments.runs)
        finally:
            beside.finish()
        outcome.lost, outcome.duplicated = count(lab)
        return outcome


def count(lab: Lab) -> tuple[int, int]:
    """Tallies that were sealed and are not in the centre's log, and leaves beyond one for each tally."""
    sealed = {
        branch.name: sum(report["what"] == "sealed" for report in branch.reports) for branch in lab.branches
    }
    leaves = lab.leaves()
    logged = Counter(branch for branch, _ in set(leaves))
    lost = sum(max(0, number - logged[name]) for name, number in sealed.items())
    extra = sum(max(0, logged[name] - number) for name, number in sealed.items())
    return lost, extra + len(leaves) - len(set(leaves))


def main() -> None:
    """Measure everything; exit code 1 where a goal is missed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--runs", type=int, default=RUNS, metavar="N", help="of (a), (a1) and (b) each")
    parser.add_argument("--rivals", type=int, default=RIVALS, metavar="N", help="branches of (e) in parallel")
    parser.add_argument("--quick", action="store_true", help="deliveries of (a) to (d) alone")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(EX_TERMINATED))  # the laboratory is undone then, too
    with tempfile.TemporaryDirectory(prefix="branch-kit-bench-") as folder:
        outcome = measure(Path(folder), arguments)
    goals = outcome.goals()
    for goal in goals:
        print(goal.as_json() if arguments.json else goal.line())
    summary = outcome.summary()
    if not arguments.json:
        for kind in KINDS:
            p50, p99, runs = (summary[key][kind] for key in ("p50_s", "p99_s", "runs"))
            print(f"({kind:<2}) p50 {p50} s, p99 {p99} s, {runs} runs")
    else:
        print(json.dumps(summary))
    sys.exit(any(goal.ratio > 1 for goal in goals))


if __name__ == "__main__":
    main()
