"""(e): aiomqtt with its defaults behind the rule of mwan3."""

import contextlib
import time
from random import Random

from failover_runs.faults import PATIENCE_S, progress, struck
from tests.netlab.branch import Branch
from tests.netlab.lab import FIBRE
from tests.netlab.route_switch import RouteSwitch


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
