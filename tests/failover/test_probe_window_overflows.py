import pytest

from failover.health import WINDOW_MAX, Health
from failover.sensed import SCORE_MAX


def test_uplink_nobody_has_probed_yet_has_no_score_to_boast_of() -> None:
    assert Health().score == 0
    assert Health().rtt_ms is None
    assert Health().loss_permille == 0


def test_old_sins_are_forgotten_when_the_window_has_passed_them() -> None:
    health = Health()
    for _ in range(10 * WINDOW_MAX):
        health.lost()
    assert health.score == 0
    for _ in range(WINDOW_MAX):
        health.echoed(20, 0, late=False)
    assert health.loss_permille == 0
    assert health.score == SCORE_MAX - 10
    assert len(health._window) == WINDOW_MAX


def test_one_echo_that_took_for_ever_does_not_spoil_the_median() -> None:
    health = Health()
    for rtt_ms in (20, 22, 4_900, 21, 23):
        health.echoed(rtt_ms, 0, late=False)
    assert health.rtt_ms == 22


@pytest.mark.parametrize("rtt_ms", [0, 40, 400, 4_000, 400_000])
def test_loss_weighs_more_than_slowness(rtt_ms: int) -> None:
    slow, lossy = Health(), Health()
    for probe in range(WINDOW_MAX):
        slow.echoed(rtt_ms, 0, late=False)
        if probe % 4:
            lossy.echoed(1, 0, late=False)
        else:
            lossy.lost()
    assert slow.score > lossy.score
    assert 0 <= lossy.score <= SCORE_MAX


def test_all_lost_scores_nothing_whatever_came_back_before() -> None:
    health = Health()
    health.echoed(1, 0, late=False)
    for _ in range(WINDOW_MAX):
        health.lost()
    assert health.score == 0
    assert health.loss_permille == 1_000
