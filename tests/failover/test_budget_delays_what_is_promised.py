"""A data budget that runs low may make probes rarer for a while; nothing sealed waits for it, and nothing longer."""

import pytest

from failover.budget import MEGABYTE, DataBudget
from failover.events import Instant, PollsChanged, Probe, SimUsed, TrafficCounted, WindowChanged
from failover.machine import Failover
from failover.spending import Spending
from failover.timing import POLLS_SWITCH_MAX_MS, SWITCH_MAX_MS, Timing
from tests.failover.net import Net

HOUR_MS = 3_600_000


def _net() -> Net:
    """Two uplinks, two SIMs each."""
    net = Net(timing=Timing())
    budgets = {name: (DataBudget(5 * MEGABYTE), DataBudget(5 * MEGABYTE)) for name in net.links}
    net.core = Failover(tuple(net.links), "device-1", Timing(), budgets)
    net.run(1_000)
    return net


def _spending(net: Net, name: str = "fibre") -> Spending:
    return net.core.uplink(name).spending


def _use_up(net: Net, name: str = "fibre") -> None:
    _spending(net, name).budget.count(2 * MEGABYTE, net.now)
    assert _spending(net, name).used_up(net.now)


def _noticed_after_ms(net: Net, name: str = "fibre") -> Instant:
    began = net.now
    while name in net.core.usable():
        net.run(50)
    return net.now - began


@pytest.mark.parametrize("lies_dead_ms", [0, 20_000, HOUR_MS])
def test_session_that_died_while_nothing_was_probed_is_trusted_when_something_is_sealed(
    lies_dead_ms: int,
) -> None:
    net = _net()
    for name in net.links:
        _use_up(net, name)
    net.run(2 * HOUR_MS)
    net.cut("fibre")
    net.run(lies_dead_ms)
    assert net.core.usable() == ("fibre", "4g-a"), "without probes nobody knows"
    effects = net.tell(WindowChanged(critical=True))
    assert {effect.uplink for effect in effects if isinstance(effect, Probe)} == {"fibre", "4g-a"}
    assert _noticed_after_ms(net) <= SWITCH_MAX_MS
    assert net.core.usable() == ("4g-a",)
    net.mend("fibre")
    net.run(3_000)
    assert net.core.usable() == ("4g-a", "fibre"), "a budget that is used up holds nothing back in the window"


def test_attempt_waits_for_data_while_something_is_sealed() -> None:
    net = _net()
    _use_up(net)
    net.links["fibre"].mute = True
    net.tell(WindowChanged(critical=True))
    net.run(2_000)
    net.tell(WindowChanged(critical=False))
    net.links["fibre"].mute = False
    net.run(30_000)
    tries = len(net.links["fibre"].connects)
    assert net.core.states()["fibre"] == "down"
    assert _spending(net).not_before > net.now + HOUR_MS // 2
    net.tell(WindowChanged(critical=True))
    net.run(SWITCH_MAX_MS)
    assert len(net.links["fibre"].connects) == tries + 1
    assert "fibre" in net.core.usable()


def test_sim_with_enough_is_probed_as_rarely_as_the_one_before_it() -> None:
    net = _net()
    _use_up(net)
    net.tell(PollsChanged(open=True))
    net.run(100_000)
    net.tell(SimUsed("fibre", 2))
    net.cut("fibre")
    assert _noticed_after_ms(net) <= POLLS_SWITCH_MAX_MS


def test_kernel_gives_back_what_was_reckoned_and_probes_stay_rare() -> None:
    net = _net()
    net.tell(PollsChanged(open=True))
    _spending(net).budget.reckon(2 * MEGABYTE, net.now)
    net.run(100_000)
    net.tell(TrafficCounted("fibre", 10_000))
    net.cut("fibre")
    assert _noticed_after_ms(net) <= POLLS_SWITCH_MAX_MS
