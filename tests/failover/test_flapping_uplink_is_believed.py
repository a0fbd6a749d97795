"""An uplink that comes and goes: how often it is preferred again, what it costs, and what is said of it."""

import pytest

from failover.events import UplinkLost, UplinkPinned
from failover.health import FALL_POINTS_MAX, Health
from failover.machine import MachineError
from failover.policy import GRADE, HYSTERESIS, Ranking
from failover.sensed import SCORE_MAX
from failover.switch import Switch
from failover.timing import Timing
from tests.failover.net import Net

HOUR_MS = 3_600_000
RATE = Timing().switches_per_hour


def _flapping(timing: Timing, *, every_ms: int, for_ms: int = 3 * HOUR_MS) -> list[Switch]:
    """The fibre is lost again and again, each time just when it may have been believed."""
    net = Net(timing=timing)
    switches: list[Switch] = []
    while net.now < for_ms:
        net.run(every_ms)
        switches += net.core.take_switches()
        if net.core.states()["fibre"] == "up":
            net.links["fibre"].session = 0
            net.tell(UplinkLost("fibre", "loss of signal"))
            switches += net.core.take_switches()
    return switches


def _most_in_an_hour(switches: list[Switch]) -> int:
    at = [switch.at for switch in switches if switch.cause == "better"]
    return max((sum(0 <= other - one < HOUR_MS for other in at) for one in at), default=0)


@pytest.mark.parametrize("every_ms", [5_000, 45_000, 120_000, 240_000, 400_000])
def test_no_flapping_above_the_configured_rate(every_ms: int) -> None:
    assert _most_in_an_hour(_flapping(Timing(), every_ms=every_ms)) <= RATE


def test_rate_is_what_holds_it() -> None:
    loose = Timing(switches_per_hour=10_000, hold_down_ms=1, flap_half_life_ms=1)
    assert _most_in_an_hour(_flapping(loose, every_ms=45_000)) > 5 * RATE


def test_flaps_alone_cost_so_much_that_the_rate_is_seldom_needed() -> None:
    damped = Timing(switches_per_hour=10_000)
    free = Timing(switches_per_hour=10_000, flap_half_life_ms=1)
    assert _most_in_an_hour(_flapping(damped, every_ms=60_000)) < _most_in_an_hour(
        _flapping(free, every_ms=60_000)
    )


def test_dead_preferred_uplink_is_left_whatever_the_rate_says() -> None:
    ranking = Ranking(("fibre", "4g"), 10, switches_per_hour=1)
    now = 0
    for best in ("fibre", "4g", "fibre"):
        scores = {name: 950 if name == best else 400 for name in ("fibre", "4g")}
        ranking.update(scores, now)
        now += 10
        ranking.update(scores, now)
    assert ranking.order[0] == "4g"
    assert ranking.wake_at() == 20 + HOUR_MS
    ranking.update({"fibre": 400}, now)
    assert ranking.order == ("fibre",)


def test_score_that_sways_over_the_border_of_a_grade_moves_nobody() -> None:
    ranking = Ranking(("fibre", "4g"), 100)
    ranking.update({"fibre": 8 * GRADE, "4g": 8 * GRADE}, 0)
    for now in range(0, 10_000, 50):
        ranking.update({"fibre": 8 * GRADE - HYSTERESIS, "4g": 8 * GRADE}, now)
        assert ranking.order == ("fibre", "4g")
    ranking.update({"fibre": 8 * GRADE - HYSTERESIS - 1, "4g": 8 * GRADE}, 20_000)
    ranking.update({"fibre": 8 * GRADE - HYSTERESIS - 1, "4g": 8 * GRADE}, 20_100)
    assert ranking.order == ("4g", "fibre")


def test_falls_cost_points_for_a_while_and_are_forgotten() -> None:
    health = Health(half_life_ms=1_000)
    health.echoed(0, 0, late=False)
    for _ in range(20):
        health.fell(5_000)
    assert health.score_at(5_000) == SCORE_MAX - FALL_POINTS_MAX
    assert health.score_at(6_000) == SCORE_MAX - FALL_POINTS_MAX // 2
    assert SCORE_MAX - 10 < health.score_at(12_000) <= SCORE_MAX
    assert health.score_at(10**12) == SCORE_MAX
    assert health.score == SCORE_MAX


def test_penalty_only_ever_shrinks_between_falls() -> None:
    health = Health(half_life_ms=997)
    health.fell(0)
    health.fell(0)
    points = [health.penalty(now) for now in range(0, 20_000, 13)]
    assert points == sorted(points, reverse=True)
    assert points[-1] == 0


def test_silence_in_the_window_is_told_in_probes_and_seconds() -> None:
    net = Net()
    net.run(60_000)
    net.open_window()
    net.run(3_000)
    net.core.take_switches()
    net.links["4g-a"].rtt_ms = 61
    net.run(3_000)
    net.cut("fibre")
    net.run(1_000)
    (switch,) = net.core.take_switches()
    assert (switch.left, switch.to, switch.cause) == ("fibre", "4g-a", "failed")
    assert switch.reason.startswith(
        "fibre: 2 of 2 probes unanswered, silent for 0.6 s; 4g-a healthy, RTT 61 ms"
    )


def test_switch_back_tells_how_both_are() -> None:
    net = Net()
    net.run(60_000)
    net.core.take_switches()
    net.links["fibre"].session = 0
    net.tell(UplinkLost("fibre", "loss of signal"))
    net.run(300_000)
    gone, back = net.core.take_switches()
    assert gone.reason.startswith("fibre: loss of signal; 4g-a healthy, RTT 40 ms")
    assert back.cause == "better"
    assert back.reason.startswith("fibre healthy, RTT 40 ms")
    assert "; 4g-a healthy, RTT 40 ms" in back.reason


def test_reason_of_a_talkative_shell_is_cut() -> None:
    net = Net(("fibre",))
    net.run(60_000)
    net.core.take_switches()
    net.links["fibre"].session = 0
    net.tell(UplinkLost("fibre", "x" * 10_000))
    (switch,) = net.core.take_switches()
    assert len(switch.reason) < 500


def test_switches_that_nobody_takes_are_bounded() -> None:
    net = Net(("fibre",))
    net.run(1_000)
    for _ in range(200):
        net.links["fibre"].session = 0
        net.tell(UplinkLost("fibre", "reset"))
        net.run(70_000)
    assert 0 < len(net.core.take_switches()) <= 64
    assert net.core.take_switches() == ()


def test_pin_of_an_unknown_uplink_changes_nothing() -> None:
    net = Net()
    net.run(1_000)
    with pytest.raises(MachineError, match=r"no uplink 'pigeon'"):
        net.core.handle(UplinkPinned("pigeon", 1_000), net.now)
    assert net.core.pinned is None


def test_pin_silences_nobody_in_the_critical_window_and_wakes_to_end() -> None:
    net = Net(("fibre", "4g-a", "4g-b"))
    net.run(60_000)
    net.tell(UplinkPinned("4g-b", 5_000))
    net.open_window()
    net.run(2_000)
    assert net.core.usable() == ("4g-b", "fibre", "4g-a")
    net.cut("4g-b")
    net.run(1_000)
    assert net.core.usable() == ("fibre", "4g-a")
    net.run(2_001)
    assert net.core.pinned is None
