"""A village with one far mast: deadlines made for a quick change of uplink must not keep it from ever delivering."""

import pytest

from failover.under_way import PROBES_MAX
from tests.failover.net import Net


@pytest.mark.parametrize("rtt_ms", [150, 390, 600, 1_500, 4_000])
def test_slow_uplink_keeps_its_session_through_the_critical_window(rtt_ms: int) -> None:
    net = Net(("4g-a",))
    net.links["4g-a"].rtt_ms = rtt_ms
    net.links["4g-a"].connect_ms = 4 * rtt_ms if rtt_ms < 2_000 else 2 * rtt_ms
    net.run(60_000)
    net.open_window()
    net.run(60_000)
    assert net.links["4g-a"].disconnects == []
    assert net.core.connected() == ("4g-a",)


@pytest.mark.parametrize("rtt_ms", [600, 1_500])
def test_uplink_that_turns_slow_in_the_critical_window_is_not_torn_down_for_ever(rtt_ms: int) -> None:
    net = Net(("4g-a",))
    net.run(60_000)
    net.open_window()
    net.run(1_000)
    net.links["4g-a"].rtt_ms = rtt_ms
    net.links["4g-a"].connect_ms = 4 * rtt_ms
    net.run(60_000)
    net.links["4g-a"].disconnects.clear()
    net.run(60_000)
    assert net.links["4g-a"].disconnects == []
    assert net.core.connected() == ("4g-a",)


def test_probes_never_pile_up_on_a_slow_uplink_without_bound() -> None:
    net = Net(("4g-a",))
    net.links["4g-a"].rtt_ms = 4_900
    net.run(60_000)
    net.open_window()
    net.run(4_000)
    net.cut("4g-a")
    most = 0

    def look() -> None:
        nonlocal most
        most = max(most, len(net.core._find("4g-a")._under_way))

    net.after_step = look
    net.run(9_000)
    assert most == PROBES_MAX


def test_handshake_longer_than_the_first_critical_deadline_succeeds_in_the_end() -> None:
    net = Net(("4g-a",))
    net.links["4g-a"].connect_ms = 3_000
    net.open_window()
    net.run(12_000)
    assert net.core.usable() == ("4g-a",)


def test_uplink_that_turns_slow_stops_being_usable_as_soon_as_a_quick_one_would() -> None:
    net = Net(("fibre", "4g-a"))
    net.run(60_000)
    net.open_window()
    net.run(1_000)
    net.links["fibre"].rtt_ms = 900
    net.run(900)
    assert net.core.usable() == ("4g-a",)
