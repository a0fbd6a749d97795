"""An uplink that is bound to an interface has a session where that can carry packets, and only there."""

import itertools
from dataclasses import replace

import pytest

from failover.events import Connect, Disconnect, PathChanged, PollsChanged, Tick, UplinkConnected, UplinkLost
from failover.machine import Failover, MachineError
from failover.timing import SWITCH_MAX_MS, Timing
from tests.failover.net import Net, path_of

PATH = path_of()
OTHER_PATHS = [
    replace(PATH, sources=("10.0.0.3",)),
    replace(PATH, interface="wwan1"),
    replace(PATH, index=4),
    replace(PATH, table=7_102),
]


def _net(timing: Timing | None = None) -> Net:
    """A bound 4G beside a fibre that is not."""
    return Net(("fibre", "4g-a"), timing, bound=frozenset({"4g-a"}))


def _standing() -> Net:
    net = _net()
    net.run(1_000)
    net.set_path("4g-a", PATH)
    net.run(60_000)
    assert net.core.states()["4g-a"] == "up"
    net.core.take_switches()
    return net


def test_session_is_tried_before_there_is_a_path() -> None:
    net = _net()
    net.run(600_000)
    net.open_window()
    net.run(600_000)
    net.close_window()
    assert net.core.states() == {"fibre": "up", "4g-a": "pathless"}
    assert net.links["4g-a"].connects == []


def test_kit_without_any_path_wakes_for_nothing() -> None:
    core = Failover(("4g-a",), "device-1", Timing(), bound=frozenset({"4g-a"}))
    core.handle(Tick(), 0)
    assert core.wake_at() is None
    assert core.usable() == ()


@pytest.mark.parametrize("critical", [False, True])
def test_path_that_is_found_waits_for_a_deadline(critical: bool) -> None:
    net = _net()
    if critical:
        net.open_window()
    net.run(30_000)
    (connect,) = net.set_path("4g-a", PATH)
    assert isinstance(connect, Connect)
    assert connect.path == PATH
    net.run(200)
    assert "4g-a" in net.core.usable()


@pytest.mark.parametrize("critical", [False, True])
def test_carrier_is_lost_and_probes_are_waited_for(critical: bool) -> None:
    net = _standing()
    if critical:
        net.open_window()
        net.run(3_000)
    (ended,) = net.set_path("4g-a", None)
    assert isinstance(ended, Disconnect)
    assert net.core.states()["4g-a"] == "pathless"
    assert net.core.usable() == ("fibre",)
    assert net.core.uplink("4g-a").trouble == "4g-a: no carrier"


def test_carrier_of_the_preferred_uplink_is_lost_without_a_reason() -> None:
    net = Net(("fibre", "4g-a"), bound=frozenset({"fibre"}))
    net.set_path("fibre", path_of("fib0"))
    net.run(60_000)
    net.core.take_switches()
    net.tell(PathChanged("fibre", None, "fib0: no carrier"))
    (switch,) = net.core.take_switches()
    assert (switch.left, switch.to, switch.cause) == ("fibre", "4g-a", "failed")
    assert switch.reason.startswith("fibre: fib0: no carrier; 4g-a healthy, RTT 40 ms")


def test_attempt_under_way_outlives_its_path() -> None:
    net = _net()
    net.set_path("4g-a", PATH)
    assert net.core.states()["4g-a"] == "connecting"
    (ended,) = net.set_path("4g-a", None)
    assert isinstance(ended, Disconnect)
    assert net.tell(UplinkLost("4g-a", "cancelled")) == ()
    assert isinstance(net.tell(UplinkConnected("4g-a"))[0], Disconnect), "said before it was torn down"
    assert net.core.states()["4g-a"] == "pathless"


@pytest.mark.parametrize("path", OTHER_PATHS)
@pytest.mark.parametrize("critical", [False, True])
def test_session_stays_on_a_path_that_is_no_more(path: object, critical: bool) -> None:
    net = _standing()
    if critical:
        net.open_window()
    (ended, *_) = net.set_path("4g-a", path)  # type: ignore[arg-type]
    assert isinstance(ended, Disconnect)
    assert "its path is now" in net.core.uplink("4g-a").trouble
    net.run(SWITCH_MAX_MS)
    assert net.links["4g-a"].taken[-1] == path
    assert "4g-a" in net.core.usable()


@pytest.mark.parametrize(
    "path", [PATH, replace(PATH, mtu=1_280), replace(PATH, sources=("10.0.0.2", "2001:db8::2"))]
)
def test_session_is_torn_down_though_its_path_still_serves(path: object) -> None:
    net = _standing()
    net.links["4g-a"].connects.clear()
    assert net.set_path("4g-a", path) == ()  # type: ignore[arg-type]
    net.run(60_000)
    assert net.links["4g-a"].disconnects == net.links["4g-a"].connects == []


def test_address_that_was_added_later_goes_and_takes_the_session_with_it() -> None:
    net = _standing()
    net.set_path("4g-a", replace(PATH, sources=("10.0.0.2", "2001:db8::2")))
    assert net.set_path("4g-a", PATH) == ()
    (ended,) = net.set_path("4g-a", replace(PATH, sources=("2001:db8::2",)))
    assert isinstance(ended, Disconnect)


def test_new_address_waits_for_the_retry_of_the_old_one() -> None:
    net = _net()
    net.links["4g-a"].refuses = True
    net.set_path("4g-a", PATH)
    net.run(600_000)
    net.links["4g-a"].refuses = False
    net.run(100)
    assert net.core.states()["4g-a"] == "down"
    path = replace(PATH, sources=("10.0.0.2", "2001:db8::2"))
    (connect,) = net.set_path("4g-a", path)
    assert isinstance(connect, Connect)


def _flap(net: Net, times: int, up_ms: int = 500, down_ms: int = 500) -> list[int]:
    """Carrier comes and goes; when was a session tried?"""
    net.links["4g-a"].connects.clear()
    for _ in range(times):
        net.set_path("4g-a", None)
        net.run(down_ms)
        net.set_path("4g-a", PATH)
        net.run(up_ms)
    return net.links["4g-a"].connects


def test_path_that_flaps_every_second_hammers_the_centre() -> None:
    net = _standing()
    tried = _flap(net, 600)
    assert 0 < len([at for at in tried if at > net.now - 300_000]) <= 30
    net.run(60_000 + 1_000)
    assert "4g-a" in net.core.usable(), "and it comes back when the flapping ends"


def test_path_that_flaps_is_preferred_again_and_again() -> None:
    net = Net(("4g-a", "fibre"), bound=frozenset({"4g-a"}))
    net.set_path("4g-a", PATH)
    net.run(60_000)
    net.core.take_switches()
    _flap(net, 300, up_ms=15_000, down_ms=500)
    switches = net.core.take_switches()
    assert len(switches) <= 2
    assert net.core.health("4g-a").penalty(net.now) > 0


@pytest.mark.parametrize("flaps", [1, 3, 30])
def test_path_that_flapped_is_not_tried_within_a_second_in_the_critical_window(flaps: int) -> None:
    net = _standing()
    net.open_window()
    tried = _flap(net, flaps, up_ms=300, down_ms=300)
    assert all(later - earlier >= Timing().critical_path_ms for earlier, later in itertools.pairwise(tried))
    net.set_path("4g-a", None)
    net.run(2_000)
    back_at = net.now
    net.set_path("4g-a", PATH)
    net.run(SWITCH_MAX_MS)
    assert "4g-a" in net.core.usable()
    assert next(at for at in tried if at >= back_at) - back_at <= Timing().critical_path_ms


@pytest.mark.parametrize("critical", [False, True])
def test_wait_goes_on_though_there_is_another_gateway(critical: bool) -> None:
    net = _standing()
    net.cut("4g-a")  # the gateway that DHCP told is gone
    net.links["4g-a"].refuses = True
    if critical:
        net.open_window()
    net.run(600_000)
    assert net.core.states()["4g-a"] == "down"
    net.mend("4g-a")
    net.links["4g-a"].refuses = False
    net.set_path("4g-a", PATH)  # told again, as there is another one
    net.run((Timing().critical_path_ms if critical else Timing().steady_ms) + 200)
    assert "4g-a" in net.core.usable()


@pytest.mark.parametrize("critical", [False, True])
def test_session_ends_as_its_path_is_told_again(critical: bool) -> None:
    net = _standing()
    if critical:
        net.open_window()
    assert net.set_path("4g-a", replace(PATH, mtu=1_400)) == ()
    assert net.set_path("4g-a", PATH) == ()
    assert "4g-a" in net.core.usable()


def test_window_opens_on_an_uplink_that_was_flapping() -> None:
    net = _standing()
    _flap(net, 60)
    net.open_window()
    net.run(1_500)
    assert "4g-a" in net.core.usable()


def test_lease_that_is_renewed_twice_costs_a_wait() -> None:
    net = _net()
    for last in (2, 3, 4):
        net.set_path("4g-a", path_of("wwan0", 3, f"10.0.0.{last}"))
        net.run(1_000)
        assert "4g-a" in net.core.usable()


def test_what_failed_on_another_path_delays_this_one() -> None:
    net = _net()
    net.links["4g-a"].carries = False
    net.set_path("4g-a", PATH)
    net.run(600_000)
    assert net.core.usable() == ("fibre",)
    net.set_path("4g-a", None)
    net.run(100)
    (connect,) = net.set_path("4g-a", path_of("wwan9", 9))
    assert isinstance(connect, Connect)


def test_paces_change_while_there_is_no_path() -> None:
    net = _net()
    net.tell(PollsChanged(open=True))
    net.open_window()
    net.set_path("4g-a", PATH)
    net.run(1_000)
    net.set_path("4g-a", None)
    net.close_window()
    net.tell(PollsChanged(open=False))
    net.run(10_000)
    net.set_path("4g-a", PATH)
    net.run(3_000)
    assert set(net.core.usable()) == {"fibre", "4g-a"}


def test_path_of_an_uplink_that_is_bound_to_nothing_is_believed() -> None:
    net = _net()
    net.run(1_000)
    for name in ("fibre", "pigeon"):
        with pytest.raises(MachineError, match=name):
            net.core.handle(PathChanged(name, PATH, ""), net.now)
    with pytest.raises(ValueError, match="pigeon"):
        Failover(("fibre",), "device-1", Timing(), bound=frozenset({"pigeon"}))
