"""Operators, SIMs, the modem, restarts, clocks and technicians for a while; then one SIM is served, and is found."""

import random
from itertools import pairwise

import pytest

from crypto import rfc3339
from kit.sims.state import REGISTER_MS
from simulators.virtual.loop import VirtualLoop
from tests.kit.sim_bench import SimBench

STEP_S = 15
BAD_STEPS = 60
HEALING_S = 900
SERVICES = ("served", "barred", "unheard")
MODEM_HURTS = ("network lost", "network back", "reboot", "urc storm", "hang")
HURTS = (
    "service",
    "service",
    "data",
    "modem",
    "plug",
    "restart",
    "clock",
    "order",
    "fibre",
    *["nothing"] * 9,
)


def hurt(bench: SimBench, chance: random.Random) -> None:
    match chance.choice(HURTS):
        case "service":
            bench.obey(f"sim {chance.choice('12')} {chance.choice(SERVICES)}")
        case "data":
            slot = chance.choice((1, 2))
            bench.data[slot] = not bench.data[slot]
        case "modem":
            bench.obey(chance.choice(MODEM_HURTS))
        case "plug" if bench.port.plugged:
            bench.port.unplug()
        case "plug":
            bench.port.plugged = True
        case "restart":
            bench.restart(chance.randrange(30))
        case "clock":
            bench.wall_ms_offset += chance.randrange(-3_600_000, 3_600_000)
            bench.restart(1)
        case "order":
            bench.order(chance.choice((1, 2)), anyway=chance.random() < 0.5)
        case "fibre":
            bench.works["fibre"] = not bench.works["fibre"]


@pytest.mark.parametrize("seed", range(3))
def test_sim_that_is_served_is_never_found(seed: int) -> None:
    chance = random.Random(seed)
    with VirtualLoop(seed=seed) as loop:
        bench = SimBench(loop, sms=True)
        for _ in range(BAD_STEPS):
            hurt(bench, chance)
            bench.run(STEP_S)
        served = chance.choice((1, 2))
        bench.port.plugged, bench.works["fibre"], bench.data = True, False, {1: True, 2: True}
        for slot in (1, 2):
            bench.obey(f"sim {slot} {'served' if slot == served else 'barred'}")
        bench.obey("network back")
        bench.obey("reboot")
        for _ in range(HEALING_S):
            bench.run(1)
            if bench.has_session:
                break
        assert bench.has_session, bench.picture()
        assert bench.slot == served
        bench.run(600)
        assert bench.slot == served
    for before, later in pairwise(bench.changes()):
        gap_ms = rfc3339.to_ms(later.at) - rfc3339.to_ms(before.at)
        if later.cause != "ordered" and 0 <= gap_ms < REGISTER_MS:
            assert bench.lives > 1, (before, later)
