"""What is dead is left in time, in every pace, whichever way packets are lost; what loses a third of them goes on."""

import pytest

from failover.events import PollsChanged
from failover.timing import POLLS_SWITCH_MAX_MS, QUIET_SWITCH_MAX_MS, SWITCH_MAX_MS, Timing
from tests.failover.net import Net

WITHIN_MS = {"quiet": QUIET_SWITCH_MAX_MS, "polls": POLLS_SWITCH_MAX_MS, "critical": SWITCH_MAX_MS}
RUN_MS = 600_000


def _net(pace: str, uplinks: tuple[str, ...] = ("fibre", "4g-a")) -> Net:
    net = Net(uplinks, Timing())
    net.run(130_000)
    net.tell(PollsChanged(open=pace != "quiet"))
    if pace == "critical":
        net.open_window()
    net.run(30_000)
    assert net.core.usable() == uplinks
    net.core.take_switches()
    return net


@pytest.mark.parametrize("pace", WITHIN_MS)
@pytest.mark.parametrize("share", [0.0, 0.13, 0.37, 0.5, 0.71, 0.99])
@pytest.mark.parametrize("way", ["both", "back", "echo"])
def test_silence_is_noticed_too_late(pace: str, share: float, way: str) -> None:
    """``way``: what is lost: everything, everything that should come back, or echoes alone."""
    net = _net(pace)
    net.run(int(share * net.core.uplink("fibre").probe_ms(net.now)))
    link = net.links["fibre"]
    if way == "both":
        net.cut("fibre")
    link.one_way, link.mute = way == "back", way == "echo"
    net.run(WITHIN_MS[pace])
    assert net.core.usable() == ("4g-a",)
    for _ in range(100):  # sessions may stand again, and answer nothing
        net.run(WITHIN_MS[pace] // 50)
        assert net.core.usable() == ("4g-a",)
    net.mend("fibre")
    link.one_way = link.mute = False
    net.run(70_000)
    assert "fibre" in net.core.usable()


@pytest.mark.parametrize("pace", WITHIN_MS)
@pytest.mark.parametrize("rtt_ms", [40, 80])
def test_link_that_loses_a_third_is_useless_or_flaps(pace: str, rtt_ms: int) -> None:
    """TCP repeats what is lost, later and later: echoes are late, and come."""
    net = _net(pace, ("4g-a",))
    link = net.links["4g-a"]
    link.loss, link.rtt_ms = 0.3, rtt_ms
    usable = connected = steps = 0
    while steps < RUN_MS // 100:
        net.run(100)
        steps += 1
        usable += bool(net.core.usable())
        connected += bool(net.core.connected())
    assert connected >= 0.95 * steps, "its session is there, for what must go out"
    assert usable >= (0.45 if pace == "critical" else 0.99) * steps
    assert len(link.disconnects) <= (25 if pace == "critical" else 1), "torn down again and again"


@pytest.mark.parametrize("pace", WITHIN_MS)
def test_link_that_loses_a_third_is_preferred_to_a_clean_one_again_and_again(pace: str) -> None:
    net = _net(pace)
    net.links["fibre"].loss = 0.3
    net.run(RUN_MS)
    switches = net.core.take_switches()
    assert len(switches) <= 4
    assert not any(switch.left == "4g-a" and switch.cause == "failed" for switch in switches)


@pytest.mark.parametrize("loss", [0.3, 0.5])
def test_dead_link_is_offered_for_long_because_it_lost_much_before(loss: float) -> None:
    net = _net("critical")
    net.links["fibre"].loss = loss
    net.run(60_000)
    net.cut("fibre")
    net.run(SWITCH_MAX_MS)
    assert net.core.usable() == ("4g-a",)
    net.run(2 * Timing().echo_ms)
    assert net.core.states()["fibre"] in ("down", "connecting"), "and it is torn down in the end"
