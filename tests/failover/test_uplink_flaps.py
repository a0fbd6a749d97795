import pytest

from failover.events import UplinkLost
from failover.policy import GRADE, Ranking
from failover.sensed import SCORE_MAX
from tests.failover.net import Net

HOLD_DOWN_MS = 30_000
LADDER = ("fibre", "4g-a", "4g-b")


def _ranking(now: int = 0, **scores: int) -> Ranking:
    ranking = Ranking(LADDER, HOLD_DOWN_MS)
    ranking.update({name.replace("_", "-"): score for name, score in scores.items()}, now)
    return ranking


def test_equal_uplinks_stand_in_the_order_of_the_ladder() -> None:
    assert _ranking(**{"4g_b": 950, "fibre": 901, "4g_a": 999}).order == LADDER


def test_uplink_that_fails_is_left_at_once() -> None:
    ranking = _ranking(**{"fibre": 950, "4g_a": 950})
    ranking.update({"4g-a": 950}, 1)
    assert ranking.order == ("4g-a",)


def test_uplink_that_returns_waits_behind_the_one_that_held() -> None:
    ranking = _ranking(**{"fibre": 950, "4g_a": 950})
    ranking.update({"4g-a": 950}, 1)
    ranking.update({"fibre": 950, "4g-a": 950}, 1_000)
    assert ranking.order == ("4g-a", "fibre")
    assert ranking.wake_at() == 1_000 + HOLD_DOWN_MS
    ranking.update({"fibre": 950, "4g-a": 950}, 1_000 + HOLD_DOWN_MS - 1)
    assert ranking.order == ("4g-a", "fibre")
    ranking.update({"fibre": 950, "4g-a": 950}, 1_000 + HOLD_DOWN_MS)
    assert ranking.order == ("fibre", "4g-a")
    assert ranking.wake_at() is None


def test_better_uplink_is_not_preferred_before_it_has_been_steadily_better() -> None:
    ranking = _ranking(**{"fibre": 950, "4g_a": 850})
    for now in range(0, 10 * HOLD_DOWN_MS, HOLD_DOWN_MS // 2):
        fibre = 650 if now % HOLD_DOWN_MS else 950  # worse only half of the time
        ranking.update({"fibre": fibre, "4g-a": 850}, now)
        assert ranking.order == ("fibre", "4g-a"), now


def test_steadily_better_uplink_is_preferred_after_the_hold_down() -> None:
    ranking = _ranking(**{"fibre": 650, "4g_a": 850})
    assert ranking.order == ("4g-a", "fibre")  # nobody had been preferred yet
    ranking = _ranking(**{"fibre": 950, "4g_a": 850})
    ranking.update({"fibre": 650, "4g-a": 850}, 100)
    ranking.update({"fibre": 650, "4g-a": 850}, 100 + HOLD_DOWN_MS)
    assert ranking.order == ("4g-a", "fibre")


@pytest.mark.parametrize("score", range(800, 900, 20))
def test_noise_within_a_grade_never_moves_anyone(score: int) -> None:
    ranking = _ranking(fibre=800, **{"4g_a": score})
    for now in range(0, 5 * HOLD_DOWN_MS, 1_000):
        ranking.update({"fibre": 800, "4g-a": score}, now)
        assert ranking.order == ("fibre", "4g-a")
    assert SCORE_MAX // GRADE == 10


def test_uplinks_that_swap_merit_faster_than_the_hold_down_never_change_places() -> None:
    ranking = _ranking(**{"4g_a": 950, "4g_b": 950})
    for now in range(0, 600_000, 29_000):
        swapped = (now // 29_000) % 2 == 0
        ranking.update({"4g-a": 600 if swapped else 950, "4g-b": 950 if swapped else 600}, now)
        assert ranking.order == ("4g-a", "4g-b"), now


def test_flapping_fibre_moves_the_preference_at_most_twice_a_hold_down() -> None:
    net = Net()
    net.run(60_000)
    net.preferences.clear()
    for _ in range(20):
        net.links["fibre"].session = 0
        net.tell(UplinkLost("fibre", "loss of signal"))
        net.run(6_000)
    assert [name for _, name in net.preferences] == ["4g-a"]
    net.run(300_000)
    assert [name for _, name in net.preferences] == ["4g-a", "fibre"]


def test_flapping_uplink_is_reconnected_less_and_less_often_though_each_session_echoes_once() -> None:
    net = Net()
    net.run(60_000)
    waits = []
    for _ in range(8):
        net.links["fibre"].session = 0
        net.tell(UplinkLost("fibre", "loss of signal"))
        lost_at = net.now
        net.links["fibre"].connects.clear()
        while net.core.states()["fibre"] != "up":
            net.run(200)
        net.run(200)
        waits.append(net.links["fibre"].connects[0] - lost_at)
    assert max(waits[4:]) > 3_000
    assert max(waits) <= 60_000


def test_lossy_fibre_loses_its_place_to_a_clean_4g() -> None:
    net = Net()
    net.run(120_000)
    assert net.core.preferred() == "fibre"
    for _ in range(2):
        net.cut("fibre")
        net.run(9_000)
        net.mend("fibre")
        net.run(120_000)
    assert net.core.health("fibre").loss_permille > 0
    assert net.core.preferred() == "4g-a"
    net.run(20 * 60_000)
    assert net.core.preferred() == "fibre"
