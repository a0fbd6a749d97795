from dataclasses import fields

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from failover.events import PollsChanged
from failover.timing import (
    BOUNDS,
    POLLS_SWITCH_MAX_MS,
    QUIET_SWITCH_MAX_MS,
    SWITCH_MAX_MS,
    Timing,
)
from tests.failover.net import Net


@pytest.mark.parametrize("name", [field.name for field in fields(Timing)])
@pytest.mark.parametrize("value", [0, -1, 0.5, "400"])
def test_duration_that_is_no_positive_whole_number_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=rf"Timing\.{name} is "):
        Timing(**{name: value})  # type: ignore[arg-type]


def test_path_that_is_back_in_the_window_and_tried_after_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match=r"tried within 1000 ms"):
        Timing(critical_path_ms=SWITCH_MAX_MS)


def test_modem_that_may_call_for_ten_probes_a_second_is_refused() -> None:
    with pytest.raises(ValueError, match=r"give at least 1000 ms"):
        Timing(sensed_probe_ms=100)


def test_critical_probes_too_slow_to_change_uplink_within_a_second_are_refused() -> None:
    with pytest.raises(ValueError, match=r"within 1000 ms"):
        Timing(critical_probe_ms=600, critical_echo_ms=SWITCH_MAX_MS - 599)


RATES = ("switches_per_hour",)
"""What is no duration: ever so often is no promise broken."""


@pytest.mark.parametrize("name", [field.name for field in fields(Timing) if field.name not in RATES])
def test_duration_of_weeks_is_allowed(name: str) -> None:
    """With ``backoff_max_ms`` an uplink would be tried again in weeks, with ``backoff_min_ms`` one that was moved."""
    with pytest.raises(ValueError, match=rf"Timing\.{name} "):
        Timing(**{name: 10**9})


@pytest.mark.parametrize("name", ["echo_ms", "connect_ms", "critical_probe_ms", "critical_echo_ms"])
def test_session_by_satellite_can_never_stand_or_probes_fill_the_line(name: str) -> None:
    with pytest.raises(ValueError, match=rf"Timing\.{name} is 5: give"):
        Timing(**{name: 5})


@st.composite
def timings(draw: st.DrawFn) -> Timing:
    """All that is allowed, thick around the bounds."""
    values = {
        name: draw(st.one_of(st.sampled_from(bounds), st.integers(*bounds)))
        for name, bounds in BOUNDS.items()
        if name not in ("echo_ms", "critical_echo_ms", "sensed_probe_ms")
    }
    echo_ms = draw(st.one_of(st.just(350), st.integers(350, POLLS_SWITCH_MAX_MS - 1)))
    probe_ms = QUIET_SWITCH_MAX_MS - echo_ms
    values["critical_probe_ms"] = draw(st.integers(50, SWITCH_MAX_MS - 100))
    values["critical_echo_ms"] = SWITCH_MAX_MS - values["critical_probe_ms"]
    polls_ms = POLLS_SWITCH_MAX_MS - echo_ms
    return Timing(echo_ms=echo_ms, probe_ms=probe_ms, polls_probe_ms=polls_ms, **values)


@settings(deadline=None, max_examples=40)
@given(timings(), st.integers(0, QUIET_SWITCH_MAX_MS), st.sampled_from(["quiet", "polls", "critical"]))
def test_allowed_configuration_notices_death_too_late(timing: Timing, after_ms: int, pace: str) -> None:
    net = Net(timing=timing)
    net.run(QUIET_SWITCH_MAX_MS)
    most_ms = {"quiet": QUIET_SWITCH_MAX_MS, "polls": POLLS_SWITCH_MAX_MS, "critical": SWITCH_MAX_MS}[pace]
    if pace == "polls":
        net.tell(PollsChanged(open=True))
    elif pace == "critical":
        net.open_window()
    net.run(after_ms)
    net.cut("fibre")
    net.run(most_ms)
    assert "fibre" not in net.core.usable()


@settings(deadline=None, max_examples=40)
@given(timings(), st.integers(0, 200_000))
def test_allowed_configuration_never_comes_back(timing: Timing, dead_ms: int) -> None:
    """Within the critical window, and whatever failed before."""
    net = Net(("fibre",), timing=timing)
    net.cut("fibre")
    net.run(dead_ms)
    net.open_window()
    net.run(dead_ms)
    net.mend("fibre")
    net.run(2 * (timing.connect_ms + timing.connect_grace_ms + timing.critical_backoff_max_ms))
    assert net.core.connected() == ("fibre",)
