from dataclasses import fields

import pytest

from failover.timing import SWITCH_MAX_MS, Timing


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
