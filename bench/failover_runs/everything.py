"""All runs, in one laboratory."""

import threading
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from failover_runs.deliveries import Deliveries
from failover_runs.faults import progress
from failover_runs.outcome import Outcome
from failover_runs.rivals import rival
from failover_runs.standing import Standing
from tests.netlab.lab import FIBRE, MOBILE, Lab, laboratory

ROUNDS: Final = 4  # runs of each branch of (e)
STANDING: Final = 2  # kits of each pace
STRIKES: Final = {"quiet": 2, "polls": 6}  # times that each of them is struck


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


def measure(folder: Path, runs: int, rivals: int, *, quick: bool) -> Outcome:
    """Everything, in one laboratory."""
    standing, rivals = (0, 0) if quick else (STANDING, rivals)
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
            outcome.traffic[kit.pace] += kit.traffic()
            outcome.left_s[kit.pace] += kit.strikes(STRIKES[kit.pace])

        for kit in kits:
            beside.begin(lambda kit=kit: stand(kit))  # type: ignore[misc]
        for seed, branch in enumerate(others[2 * standing :]):
            beside.begin(
                lambda branch=branch, seed=seed: outcome.took["e"].extend(rival(branch, seed, ROUNDS))  # type: ignore[misc]
            )
        try:
            deliveries.run(runs)
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
