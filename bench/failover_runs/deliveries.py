"""(a) to (d): from the order to seal to the verified receipt."""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from random import Random
from typing import Final

from failover_runs.faults import progress, struck
from tests.netlab.branch import Branch
from tests.netlab.lab import FIBRE, MOBILE

SELDOM: Final = 3  # one run of (c) and (d) for so many of the others
CALM_S: Final = 0.3  # between runs: the slower uplink's copy of the last tally has gone by then
FLAP_S: Final = (0.1, 0.6)
KINDS: Final = ("a", "a1", "b", "c", "d", "e")


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
