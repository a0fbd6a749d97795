"""A centre falls over and 70,000 branches lose their sessions in the same instant."""

from collections import Counter

import pytest

from failover.backoff import backoff_ms
from failover.events import UplinkLost
from failover.timing import Timing
from tests.failover.net import Net

TIMING = Timing()


@pytest.mark.parametrize(
    ("failures", "ceiling_ms"), [(1, 2_000), (2, 4_000), (6, 60_000), (1_000_000, 60_000)]
)
def test_branches_come_back_spread_over_the_whole_wait(failures: int, ceiling_ms: int) -> None:
    waits = [
        backoff_ms(f"device-{number}", "fibre", failures, TIMING, critical=False) for number in range(7_000)
    ]
    assert TIMING.backoff_min_ms <= min(waits)
    assert max(waits) <= ceiling_ms
    tenths = Counter((wait - 50) * 10 // (ceiling_ms - 50) for wait in waits)
    assert all(550 <= tenths[tenth] <= 850 for tenth in range(10)), tenths


def test_two_uplinks_of_one_device_and_two_attempts_of_one_uplink_wait_differently() -> None:
    waits = {
        backoff_ms(device, uplink, failures, TIMING, critical=False)
        for device in ("device-1", "device-2")
        for uplink in ("fibre", "4g-a")
        for failures in (6, 7, 8)
    }
    assert len(waits) == 12


def test_names_that_run_together_are_still_different_names() -> None:
    one = backoff_ms("device-1", "1-fibre", 7, TIMING, critical=False)
    other = backoff_ms("device-11", "-fibre", 7, TIMING, critical=False)
    assert one != other


def test_wait_is_the_same_after_a_restart() -> None:
    assert backoff_ms("device-1", "fibre", 3, TIMING, critical=False) == backoff_ms(
        "device-1", "fibre", 3, Timing(), critical=False
    )


@pytest.mark.parametrize("failures", range(9))
def test_critical_window_waits_at_most_300_ms_for_its_first_tries(failures: int) -> None:
    assert 50 <= backoff_ms("device-1", "fibre", failures, TIMING, critical=True) <= 300


def test_critical_window_stops_hammering_a_centre_that_refuses_every_try() -> None:
    net = Net()
    net.run(2_000)
    net.open_window()
    for name, link in net.links.items():
        link.refuses = True
        link.session = 0
        net.tell(UplinkLost(name, "reset by peer"))
        link.connects.clear()
    net.run(600_000)
    for link in net.links.values():
        assert len([at for at in link.connects if at < 10_000]) >= 8
        last_minute = [at for at in link.connects if at > net.now - 60_000]
        assert 4 <= len(last_minute) <= 20
