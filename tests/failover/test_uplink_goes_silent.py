import pytest

from failover.machine import UPLINKS_MAX
from failover.timing import SWITCH_MAX_MS
from tests.failover.net import Net


def test_all_uplinks_get_a_session_at_the_first_look_at_the_clock() -> None:
    net = Net()
    assert net.core.wake_at() == 0
    net.run(1_000)
    assert net.core.states() == {"fibre": "up", "4g-a": "up"}
    assert net.core.usable() == ("fibre", "4g-a")
    assert net.core.preferred() == "fibre"


@pytest.mark.parametrize("cut_after_ms", range(0, 260, 13))
def test_blackhole_in_the_critical_window_is_left_within_a_second_of_its_last_echo(cut_after_ms: int) -> None:
    net = Net()
    net.run(40_000)
    net.open_window()
    net.run(3_000 + cut_after_ms)
    assert net.core.usable() == ("fibre", "4g-a")
    net.cut("fibre")
    last_echo_at = net.links["fibre"].last_echo_at
    net.run(last_echo_at + SWITCH_MAX_MS - net.now)
    assert net.core.usable() == ("4g-a",)
    assert net.core.preferred() == "4g-a"


def test_blackhole_in_the_critical_window_is_torn_down_and_reconnected_at_once() -> None:
    net = Net()
    net.run(2_000)
    net.open_window()
    net.run(3_000)
    net.cut("fibre")
    silent_at = net.now
    net.links["fibre"].connects.clear()
    net.run(2_000)
    link = net.links["fibre"]
    assert silent_at + 400 <= link.disconnects[0] + 250 <= silent_at + 900
    assert 0 < link.connects[0] - link.disconnects[0] <= 300
    assert len(link.connects) >= 2


def test_uplink_that_comes_back_in_the_critical_window_is_usable_again_soon() -> None:
    net = Net()
    net.run(2_000)
    net.open_window()
    net.cut("fibre")
    net.run(1_500)
    assert net.core.usable() == ("4g-a",)
    net.mend("fibre")
    net.run(3_000)
    assert set(net.core.usable()) == {"fibre", "4g-a"}


def test_blackhole_in_slow_times_costs_two_misses_before_the_session_is_torn_down() -> None:
    net = Net()
    net.run(14_000)
    net.cut("fibre")
    cut_at = net.now
    net.run(5_000)
    assert net.core.states()["fibre"] == "up"
    net.run(2_500)  # probe at 16 s, overdue at 21 s
    assert net.core.states()["fibre"] == "suspect"
    assert net.core.usable() == ("4g-a",)
    assert not net.links["fibre"].disconnects
    net.run(5_000)
    assert net.core.states()["fibre"] in ("down", "connecting")
    assert len(net.links["fibre"].disconnects) == 1
    assert net.links["fibre"].disconnects[0] - cut_at <= 15_000 + 5_000 + 5_000


def test_echo_later_than_its_deadline_makes_the_uplink_usable_again_and_is_counted() -> None:
    net = Net()
    net.run(14_000)
    net.links["fibre"].rtt_ms = 6_000
    net.run(7_000)
    assert net.core.usable() == ("4g-a",)
    net.run(1_000)
    net.links["fibre"].rtt_ms = 40
    assert set(net.core.usable()) == {"fibre", "4g-a"}
    assert net.core.health("fibre").late_echoes == 1
    assert not net.links["fibre"].disconnects


def test_opening_window_probes_every_session_at_once() -> None:
    net = Net()
    net.run(5_000)
    net.probes.clear()
    net.open_window()
    assert [name for _, name in net.probes] == ["fibre", "4g-a"]
    net.run(1_000)
    assert len(net.probes) == 2 + 2 * 4


def test_opening_window_said_twice_is_not_a_second_opening() -> None:
    net = Net()
    net.run(5_000)
    net.open_window()
    net.probes.clear()
    net.open_window()
    assert net.probes == []
    assert net.core.critical is True


def test_opening_window_unmasks_an_uplink_that_has_been_silent_for_seconds() -> None:
    net = Net()
    net.run(14_000)
    net.cut("fibre")
    net.run(5_000)  # probed 3 s ago: patience for 2 s more in slow times
    assert net.core.usable() == ("fibre", "4g-a")
    net.open_window()
    assert net.core.usable() == ("4g-a",)


def test_opening_window_does_not_wait_for_a_slow_reconnect() -> None:
    net = Net()
    net.links["4g-a"].carries = False
    net.run(200_000)
    link = net.links["4g-a"]
    link.carries = True
    link.connects.clear()
    net.open_window()
    net.run(2_000)
    assert set(net.core.usable()) == {"fibre", "4g-a"}


def test_opening_window_cuts_a_hopeless_attempt_short() -> None:
    net = Net(("fibre",))
    net.links["fibre"].carries = False
    net.run(1_000)
    assert net.core.states() == {"fibre": "connecting"}
    net.mend("fibre")
    net.open_window()
    net.run(500 + 250 + 300 + 120)
    assert net.core.usable() == ("fibre",)


def test_opening_window_shortens_the_patience_with_a_suspect() -> None:
    net = Net(("fibre",))
    net.run(14_000)
    net.cut("fibre")
    net.run(7_500)
    assert net.core.states() == {"fibre": "suspect"}
    net.open_window()
    net.run(400)
    assert len(net.links["fibre"].disconnects) == 1


def test_closing_window_returns_to_cheap_probes() -> None:
    net = Net()
    net.run(5_000)
    net.open_window()
    net.run(2_000)
    net.close_window()
    net.probes.clear()
    net.run(60_000)
    assert len(net.probes) == 2 * 4


def test_closing_window_probes_a_suspect_that_will_hear_nothing_of_its_old_probes() -> None:
    net = Net(("fibre",))
    net.links["fibre"].rtt_ms = 900
    net.run(60_000)
    net.open_window()
    net.run(450)
    net.cut("fibre")  # all its probes are lost
    net.mend("fibre")
    net.close_window()
    net.run(1_000)
    assert net.core.states()["fibre"] == "up"
    assert net.core.health("fibre").loss_permille > 0


def test_closing_window_settles_a_suspect_without_waiting_for_the_next_slow_probe() -> None:
    net = Net()
    net.links["fibre"].rtt_ms = 900
    net.run(60_000)
    net.open_window()
    net.run(450)
    assert net.core.states()["fibre"] == "suspect"
    net.close_window()
    net.run(1_000)
    assert net.core.states()["fibre"] == "up"


def test_suspect_is_named_last_among_the_connected_and_never_among_the_usable() -> None:
    net = Net()
    net.run(14_000)
    net.cut("fibre")
    net.run(8_000)
    assert net.core.usable() == ("4g-a",)
    assert net.core.connected() == ("4g-a", "fibre")


def test_all_uplinks_silent_leaves_nothing_usable_and_never_gives_up() -> None:
    net = Net(tuple(f"uplink-{number}" for number in range(UPLINKS_MAX)))
    net.run(2_000)
    net.open_window()
    for name in net.links:
        net.cut(name)
    net.run(600_000)
    assert net.core.usable() == ()
    assert net.core.preferred() is None
    for name, link in net.links.items():
        assert link.connects[-1] >= net.now - 15_000 - 10_250, f"{name} was given up"
        net.mend(name)
    net.run(15_000 + 10_250)
    assert len(net.core.usable()) == UPLINKS_MAX
