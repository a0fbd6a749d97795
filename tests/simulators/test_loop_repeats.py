"""A run that cannot be repeated is worth nothing: the same seed gives the same trace, everywhere."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import BrokerFaults
from simulators.virtual.trace import Trace
from tests.simulators.net_world import collect, persistent, world

ROOT = Path(__file__).parents[2]


def polling_day(seed: int) -> str:
    """Two kits, a subscriber, a bad broker, bad links, a power cut; returns the trace's hash."""
    with world(seed) as w:
        got: list[bytes] = []
        w.link("center", latency_s=(0.001, 0.002))
        w.broker.faults = BrokerFaults(lose_puback=0.1, duplicate=0.1, delay=0.1)
        links = [w.link(f"kit-{n}") for n in range(2)]
        links[0].flap(up_s=(20, 60), out_s=(5, 30), fault="blackhole")
        links[1].flap(up_s=(20, 60), out_s=(5, 30))

        async def node(n: int) -> None:
            await persistent(f"kit-{n}", "t", [b"%d-%d" % (n, i) for i in range(60)])

        w.loop.spawn("center", collect("center", "t", got))
        for n in range(2):
            w.loop.spawn(f"kit-{n}", node(n))
        w.loop.run_for(100)
        w.loop.kill("kit-0")
        w.loop.run_for(7)
        w.loop.spawn("kit-0", node(0))
        w.loop.run_for(900)
        w.loop.trace.event(w.loop.time(), "world", "got", b",".join(got))
        assert w.broker.statistics["lose_puback"] > 0
        return w.loop.trace.hexdigest()


def test_one_seed_gives_one_trace_under_any_hash_seed() -> None:
    here = polling_day(7)
    assert polling_day(7) == here
    for hash_seed in ("0", "4242"):
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHONHASHSEED": hash_seed}
        there = subprocess.run(
            [sys.executable, "-m", __name__, "7"],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        assert there.stdout.strip() == here


def test_another_seed_gives_another_trace() -> None:
    assert len({polling_day(seed) for seed in range(3)}) == 3


def test_timers_due_together_fire_in_an_order_that_the_seed_decides() -> None:
    def order(seed: int) -> tuple[int, ...]:
        fired: list[int] = []
        with VirtualLoop(seed=seed) as loop:
            for n in range(5):
                loop.call_later(1, fired.append, n)
            loop.run_for(2)
        return tuple(fired)

    assert order(1) == order(1)
    assert len({order(seed) for seed in range(10)}) > 5


def test_without_jitter_timers_due_together_fire_in_order() -> None:
    fired: list[int] = []
    with VirtualLoop(jitter_s=0.0) as loop:
        for n in range(50):
            loop.call_later(1, fired.append, n)
        loop.run_for(2)
    assert fired == list(range(50))


def test_a_set_of_tasks_is_walked_in_the_same_order_in_every_run() -> None:
    def order() -> list[int]:
        ended: list[int] = []

        async def member(n: int) -> None:
            try:
                await asyncio.sleep(100)
            finally:
                ended.append(n)

        async def group() -> None:
            async with asyncio.TaskGroup() as tasks:
                for n in range(40):
                    tasks.create_task(member(n))
                await asyncio.sleep(1)
                raise ZeroDivisionError

        with VirtualLoop() as loop, pytest.raises(ExceptionGroup):
            loop.run_until_complete(group())
        return ended

    kept = [object() for _ in range(1_000)]  # what lies where in memory differs between the two
    first = order()
    del kept[::2]
    assert order() == first
    assert sorted(first) == list(range(40))


def test_a_trace_tells_events_apart_that_look_alike_when_joined() -> None:
    def digest(*events: tuple[float, str, str, bytes]) -> str:
        trace = Trace()
        for event in events:
            trace.event(*event)
        return trace.hexdigest()

    same = digest((1.0, "ab", "c", b"d"))
    assert digest((1.0, "ab", "c", b"d")) == same
    others = [
        digest((1.0, "a", "bc", b"d")),
        digest((1.0, "ab", "", b"cd")),
        digest((1.0 + 2**-40, "ab", "c", b"d")),
        digest((1.0, "ab", "c", b""), (1.0, "", "", b"d")),
    ]
    assert len({same, *others}) == 5


def test_a_trace_shows_its_tail_and_ends_when_closed() -> None:
    trace = Trace(tail=2)
    for n in range(3):
        trace.event(float(n), "kit", "up", bytes([n]) * 200)
    assert [line.split()[0] for line in trace.tail()] == ["1.000000", "2.000000"]
    assert trace.tail()[1].endswith("(200 bytes)")
    before = trace.hexdigest()
    trace.close()
    trace.event(9.0, "kit", "up")
    assert (trace.hexdigest(), trace.count) == (before, 3)
    with pytest.raises(ValueError, match="tail"):
        Trace(tail=-1)


if __name__ == "__main__":
    print(polling_day(int(sys.argv[1])))  # noqa: T201
