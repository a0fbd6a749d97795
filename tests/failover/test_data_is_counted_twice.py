"""What we reckon and what the kernel counts are two words on the same bytes; the later one holds."""

from failover.budget import CONNECT_BYTES, MEGABYTE, MONTH_MS, PROBE_BYTES, DataBudget
from failover.events import Probe, SimUsed, TrafficCounted, UplinkLost, UplinkTested
from failover.machine import Failover
from failover.spending import Spending
from failover.timing import Timing
from tests.failover.net import Net

HOUR_MS = 3_600_000


def _net(*budgets: DataBudget) -> Net:
    net = Net(("4g",), Timing())
    net.core = Failover(("4g",), "device-1", Timing(), {"4g": budgets or (DataBudget(5 * MEGABYTE),)})
    return net


def _spending(net: Net) -> Spending:
    return net.core.uplink("4g").spending


def test_count_is_added_to_what_was_reckoned() -> None:
    net = _net()
    net.run(HOUR_MS)
    assert _spending(net).budget.spent == CONNECT_BYTES + PROBE_BYTES * len(net.probes)
    net.tell(TrafficCounted("4g", 31_000))
    assert _spending(net).budget.spent == 31_000
    net.tell(TrafficCounted("4g", 250))
    assert _spending(net).budget.spent == 31_250


def test_count_of_a_session_that_was_given_up_comes_late_and_is_added() -> None:
    net = _net()
    net.run(HOUR_MS)
    net.tell(TrafficCounted("4g", 31_000))
    net.links["4g"].mute = True
    disconnects = len(net.links["4g"].disconnects)
    while len(net.links["4g"].disconnects) == disconnects:
        net.run(1_000)
    net.tell(TrafficCounted("4g", 1_400))
    assert _spending(net).budget.spent in (32_400, 32_400 + CONNECT_BYTES)


def test_attempt_of_which_the_kernel_says_nothing_is_free() -> None:
    net = _net()
    net.links["4g"].refuses = True
    net.run(1)
    tries = len(net.links["4g"].connects)
    assert tries == 1
    net.links["4g"].refuses = False
    net.run(20_000)
    net.tell(TrafficCounted("4g", 3_000))
    assert _spending(net).budget.spent == CONNECT_BYTES * (len(net.links["4g"].connects) - 1) + 3_000


def test_dear_attempts_come_as_often_as_cheap_ones() -> None:
    """Where little is left the pause is what the last one really cost."""
    pauses = []
    for price in (0, CONNECT_BYTES // 10, 2 * CONNECT_BYTES):
        spending = Spending((DataBudget(5 * MEGABYTE),))
        spending.budget.reckon(850_000, HOUR_MS)
        spending.budget.settle()
        spending.try_session(HOUR_MS)
        spending.count(price, HOUR_MS)
        spending.end(HOUR_MS, told=True)
        assert spending.budget.state(HOUR_MS) == "low"
        pauses.append(spending.not_before - HOUR_MS)
    unknown, cheap, dear = pauses
    assert unknown >= 2 * CONNECT_BYTES * MONTH_MS // (3 * MEGABYTE)
    assert abs(10 * cheap - unknown) <= 10
    assert abs(dear - 2 * unknown) <= 1


def test_other_sim_waits_for_what_the_first_one_spent() -> None:
    net = _net(DataBudget(5 * MEGABYTE), DataBudget(5 * MEGABYTE))
    net.run(1_000)
    _spending(net).budget.reckon(5 * MEGABYTE, net.now)
    net.links["4g"].refuses = True
    net.tell(UplinkLost("4g", "reset"))
    assert _spending(net).not_before > net.now + HOUR_MS
    net.tell(SimUsed("4g", 2))
    tried = len(net.links["4g"].connects)
    net.run(60_000)
    assert len(net.links["4g"].connects) > tried
    net.tell(SimUsed("4g", 7))
    assert _spending(net).budget is _spending(net).budgets[1], (
        "a slot that nobody configured is the last one's"
    )


def test_debt_of_one_window_lasts_for_years() -> None:
    budget = DataBudget(5 * MEGABYTE)
    budget.count(1_000 * MEGABYTE, 0)
    assert budget.state(2 * MONTH_MS) != "used-up"


def test_technician_gets_no_answer_of_an_uplink_that_is_used_up() -> None:
    net = _net()
    net.run(60_000)
    _spending(net).budget.reckon(5 * MEGABYTE, net.now)
    net.run(HOUR_MS)
    net.probes.clear()
    net.run(HOUR_MS)
    assert net.probes == []
    (probe,) = net.tell(UplinkTested("4g"))
    assert isinstance(probe, Probe)
    net.run(1_000)
    assert net.links["4g"].last_echo_at > net.now - 1_000
    net.probes.clear()
    net.run(HOUR_MS)
    assert net.probes == []
