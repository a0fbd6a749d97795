"""Each SIM pays for what it carries, and for nothing else; uplinks over one modem pay from the same purse."""

from collections.abc import Iterator

import pytest

from failover.budget import CONNECT_BYTES, MEGABYTE, TLS_BYTES
from failover.events import TrafficCounted
from kit.links.budgets import DataPlan, make_budgets
from kit.tables.devices import AtModemLine
from kit.tables.sims import data_plans
from kit.tables.uplinks import Uplink, UplinkInterface, UplinkTls
from simulators.virtual.loop import VirtualLoop
from tests.kit.sim_bench import MOBILE, SimBench


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with VirtualLoop(seed=5) as made:
        yield made


def test_change_of_the_sim_in_a_kit_changes_nothing_in_its_budget(loop: VirtualLoop) -> None:
    bench = SimBench(loop, "quiet")
    bench.run(90)
    spending = bench.station.failover.uplink(MOBILE).spending
    first, second = spending.budgets
    bench.runner.post(TrafficCounted(MOBILE, 1_500_000))
    bench.run(1)
    assert (spending.sim, spending.budget) == (1, first)
    assert first.state(None) == "used-up"
    assert bench.order(2, anyway=True)["ok"] is True
    bench.run(120)
    assert bench.has_session
    assert spending.budget is second
    assert second.state(None) == "enough"
    assert 0 < second.spent < 20_000
    (shown,) = [
        link for link in bench.station.status(bench.now())["links"]["uplinks"] if link["name"] == MOBILE
    ]
    assert shown["data"]["sim"] == 2
    assert shown["data"]["month_budget"] == 7_000_000
    bench.restart()
    spending = bench.station.failover.uplink(MOBILE).spending
    assert spending.budgets[0].state(None) == "used-up", "remembered, though another SIM is in use"
    assert bench.station.links.traffic.used(spending.budgets[0], bench.now()) >= 1_500_000


def modem_line(name: str) -> AtModemLine:
    return AtModemLine(name=name, port="/dev/ttyUSB0", sim_slots=2)


def uplink(name: str, **more: object) -> Uplink:
    return Uplink(name=name, kind="4g", host="broker.example", port=8883, **more)  # type: ignore[arg-type]


def test_plan_of_the_second_sim_is_that_of_the_first() -> None:
    plans = data_plans(
        [
            uplink("fibre", data_budget_mb=1_000),
            uplink("4g", line="modem:m1", data_budget_mb=50, other_data_budgets_mb=(20,)),
            uplink("4g-b", interface=UplinkInterface(modem="m2"), tls=UplinkTls(pins=("x",))),
        ],
        [modem_line("m1"), modem_line("m2")],
    )
    megabytes = {name: [each // MEGABYTE for each in plan.by_sim] for name, plan in plans.items()}
    assert megabytes == {"fibre": [1_000], "4g": [50, 20, 50, 50], "4g-b": [40] * 4}
    assert [plan.modem for plan in plans.values()] == [None, "m1", "m2"]
    budgets = make_budgets(plans, len)
    assert [budget.per_month // MEGABYTE for budget in budgets["4g"]] == [50, 20, 50, 50]
    assert budgets["4g-b"][0].connect == CONNECT_BYTES + TLS_BYTES
    assert budgets["fibre"][0].connect == CONNECT_BYTES


def test_two_uplinks_over_one_sim_spend_twice_its_budget() -> None:
    plan = DataPlan((5 * MEGABYTE,), modem="m1")
    budgets = make_budgets({"a": plan, "b": plan, "c": DataPlan((5 * MEGABYTE,))}, len)
    assert budgets["a"] is budgets["b"]
    (shared,), (alone,) = budgets["a"], budgets["c"]
    for budget in (shared, alone):
        budget.reckon(850_000, 0)
        assert budget.state(0) == "low"
    assert abs(shared.interval_ms(1, 0) - 2 * alone.interval_ms(1, 0)) <= 1
    assert abs(shared.pause_ms(500, 0) - 2 * alone.pause_ms(500, 0)) <= 1
