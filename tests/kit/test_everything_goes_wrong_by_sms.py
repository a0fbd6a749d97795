"""Losses, refusals, dead modems, restarts and wrong clocks for a while; then it heals, and nothing is lost."""

import random

import pytest

from kit.facts import ReceiptStored, RungReached
from simulators.virtual.loop import VirtualLoop
from tests.kit.sms_bench import NUMBERS, PLAN, Bench

STEP_S = 10
BAD_STEPS = 80
HEALING_S = 4_000  # each restart may have cost an SMS: the limit of the hour may stand against it
HURTS = ("lose", "double", "reorder", "refuse", "plug", "restart", "clock", "modem", *["nothing"] * 16)


def hurt(bench: Bench, chance: random.Random) -> None:
    network, modem = bench.network, chance.choice("ab")
    match chance.choice(HURTS):
        case "lose":
            network.lose += chance.randrange(3)
        case "double":
            network.double += 1
        case "reorder":
            network.reorder += 1
        case "refuse":
            network.refuse, network.refuse_code = network.refuse + 1, chance.choice([8, 29, 38, 42])
        case "plug" if bench.ports[modem].plugged:
            bench.ports[modem].unplug()
        case "plug":
            bench.ports[modem].plugged = True
        case "restart":
            bench.restart(chance.randrange(30))
        case "clock":
            bench.wall_ms_offset += chance.randrange(-3_600_000, 3_600_000)
            bench.restart(1)
        case "modem":
            bench.obey(modem, chance.choice(["network lost", "network back", "reboot", "urc storm", "hang"]))


def heal(bench: Bench) -> None:
    bench.network.lose = bench.network.refuse = 0
    for modem in "ab":
        bench.ports[modem].plugged = True
        bench.obey(modem, "network back")
        bench.obey(modem, "reboot")


@pytest.mark.parametrize("seed", [7, 19, 36, 57, 59])
def test_evening_ends_without_an_acknowledgement(seed: int) -> None:
    chance = random.Random(seed)
    with VirtualLoop(seed=seed) as loop:
        bench = Bench(loop)
        for step in range(BAD_STEPS):
            bench.gateway.answers = step > BAD_STEPS // 2
            hurt(bench, chance)
            bench.run(STEP_S)
        heal(bench)
        bench.run_until(lambda: len(bench.facts(ReceiptStored)) == 2, HEALING_S)
    assert {one.number for one in bench.sent} == {NUMBERS["centre"]}
    assert len(bench.taken()) <= PLAN.max_per_hour
    reached = [(fact.seq, fact.rung) for fact in bench.facts(RungReached)]
    assert len(reached) == len(set(reached)), "a rung was reached twice"
    assert {(1, "sms"), (2, "sms")} <= set(reached)
