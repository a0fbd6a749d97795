"""A month of probes on a SIM that is paid by the megabyte, byte by byte, and how soon a dead uplink is noticed."""

import pytest

from failover.budget import BUDGET_DEFAULT, CONNECT_BYTES, MEGABYTE, MONTH_MS, PROBE_BYTES, DataBudget
from failover.events import PollsChanged, UplinkLost
from failover.machine import Failover
from failover.timing import POLLS_SWITCH_MAX_MS, QUIET_SWITCH_MAX_MS, SWITCH_MAX_MS, Timing
from tests.failover.net import Net

HOUR_MS = 3_600_000
DAY_MS = 24 * HOUR_MS


def _net(megabytes: int) -> Net:
    net = Net(("4g-a",), Timing())
    net.core = Failover(("4g-a",), "device-1", Timing(), {"4g-a": (DataBudget(megabytes * MEGABYTE),)})
    return net


def _bytes(net: Net, since_ms: int = 0) -> int:
    probes = PROBE_BYTES * sum(at >= since_ms for at, _ in net.probes)
    return probes + CONNECT_BYTES * sum(at >= since_ms for at in net.links["4g-a"].connects)


@pytest.mark.parametrize("megabytes", [5, 40])
def test_month_with_a_polling_day_stays_within_its_budget(megabytes: int) -> None:
    net = _net(megabytes)
    net.run(10 * DAY_MS)
    net.tell(PollsChanged(open=True))
    net.run(12 * HOUR_MS)
    net.open_window()
    net.run(10 * 60_000)
    net.close_window()
    net.tell(PollsChanged(open=False))
    net.run(MONTH_MS - net.now)
    assert 0 < _bytes(net) <= megabytes * MEGABYTE
    assert net.core.uplink("4g-a").spending.budget.spent == _bytes(net)


def test_default_budget_stretches_nothing_in_a_month_with_a_polling_day() -> None:
    net = _net(BUDGET_DEFAULT // MEGABYTE)
    net.run(DAY_MS)
    net.tell(PollsChanged(open=True))
    net.run(14 * HOUR_MS)
    assert net.core.uplink("4g-a").probe_ms(net.now) == Timing().polls_probe_ms
    net.tell(PollsChanged(open=False))
    net.run(DAY_MS)
    assert net.core.uplink("4g-a").probe_ms(net.now) == Timing().probe_ms


def test_short_budget_is_never_saved_on_in_the_critical_window_and_paid_back_after_it() -> None:
    net = _net(5)
    net.run(HOUR_MS)
    net.open_window()
    opened_at = net.now
    net.run(HOUR_MS)
    in_window = [at for at, _ in net.probes if at >= opened_at]
    assert len(in_window) >= HOUR_MS // Timing().critical_probe_ms
    assert net.core.uplink("4g-a").spending.used_up(net.now)
    net.cut("4g-a")
    net.run(SWITCH_MAX_MS)
    assert net.core.usable() == ()
    net.mend("4g-a")
    net.run(20_000)
    net.close_window()
    closed_at = net.now
    net.run(DAY_MS)
    assert _bytes(net, closed_at) <= 2 * PROBE_BYTES + CONNECT_BYTES, "no probe before it is paid back"
    net.run(2 * MONTH_MS)
    assert _bytes(net, closed_at + MONTH_MS) > 100 * PROBE_BYTES


def test_sessions_that_come_and_go_run_up_no_more_than_the_budget() -> None:
    net = _net(5)
    while net.now < 5 * DAY_MS:
        net.run(60_000)
        if net.core.states()["4g-a"] in ("up", "suspect"):
            net.links["4g-a"].session = 0
            net.tell(UplinkLost("4g-a", "reset by peer"))
    share = 5 * MEGABYTE // 4 + 5 * MEGABYTE * 5 // 30
    assert _bytes(net) <= share


def test_hole_with_sessions_costs_no_more_than_the_budget() -> None:
    net = _net(5)
    net.run(60_000)
    net.links["4g-a"].rtt_ms = 10**9  # sessions stand, and no probe ever comes back
    net.run(20 * DAY_MS)
    assert _bytes(net) <= 5 * MEGABYTE * 11 // 12


def test_budget_that_pays_for_no_probe_is_refused() -> None:
    with pytest.raises(ValueError, match=r"give more"):
        DataBudget(PROBE_BYTES)


def test_clock_that_steps_back_earns_nothing() -> None:
    budget = DataBudget(5 * MEGABYTE)
    for _ in range(1_000):
        budget.reckon(PROBE_BYTES, HOUR_MS)
    left = budget.left(HOUR_MS)
    assert budget.left(0) == left
    assert budget.left(HOUR_MS) == left


@pytest.mark.parametrize("cut_after_ms", range(0, 60_000, 4_321))
@pytest.mark.parametrize(
    ("polls_open", "within_ms"), [(False, QUIET_SWITCH_MAX_MS), (True, POLLS_SWITCH_MAX_MS)]
)
def test_dead_uplink_is_noticed_in_time_outside_the_window(
    polls_open: bool, within_ms: int, cut_after_ms: int
) -> None:
    net = Net(timing=Timing())
    net.run(130_000)
    net.tell(PollsChanged(open=polls_open))
    net.run(1_000 + cut_after_ms)
    net.cut("fibre")
    net.run(within_ms)
    assert net.core.usable() == ("4g-a",)


def test_polls_that_open_do_not_wait_for_the_next_slow_probe() -> None:
    net = Net(timing=Timing())
    net.run(121_000)
    net.cut("fibre")
    net.tell(PollsChanged(open=True))
    net.run(POLLS_SWITCH_MAX_MS)
    assert net.core.usable() == ("4g-a",)


def test_polls_that_close_make_probes_rare_again() -> None:
    net = Net(timing=Timing())
    net.tell(PollsChanged(open=True))
    net.run(60_000)
    net.tell(PollsChanged(open=False))
    net.run(60_000)
    net.probes.clear()
    net.run(600_000)
    assert len(net.probes) == 2 * 10
