"""The simulated UPS speaks Megatec/Q1 to the letter, and its battery neither gains nor loses energy by itself."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.ups import UpsModel, UpsRating

HOUR = 3_600_000  # ms
STATUS = re.compile(
    rb"\((\d{3}\.\d) (\d{3}\.\d) (\d{3}\.\d) (\d{3}) (\d\d\.\d) (\d\.\d\d|\d\d\.\d) (\d\d\.\d) ([01]{8})\r"
)


def make_ups(*, load_w: int = 84, rating: UpsRating | None = None) -> UpsModel:
    """At 84 W the default battery of 84 Wh lasts one hour."""
    return UpsModel(rating, load_w=load_w, now_ms=1_000)


def status(ups: UpsModel, now_ms: int) -> tuple[str, ...]:
    answer = ups.feed(b"Q1\r", now_ms)
    match = STATUS.fullmatch(answer)
    assert match is not None, answer
    return tuple(group.decode() for group in match.groups())


def test_on_mains_it_says_so() -> None:
    assert status(make_ups(), 1_000) == ("230.0", "230.0", "230.0", "023", "50.0", "2.27", "25.0", "00000000")


def test_outage_shows_at_once_and_low_battery_in_time() -> None:
    ups = make_ups()
    ups.set_mains(False, 1_000)
    assert status(ups, 1_000) == ("000.0", "000.0", "230.0", "023", "50.0", "2.10", "25.0", "10000001")
    at_80_percent_used = 1_000 + HOUR * 8 // 10
    assert status(ups, at_80_percent_used - 1)[-1] == "10000001"
    assert status(ups, at_80_percent_used)[-1] == "11000001"
    ups.set_mains(True, at_80_percent_used)
    assert status(ups, at_80_percent_used)[-1] == "00000000"


def test_empty_battery_ends_output_and_answers_until_mains_returns() -> None:
    ups = make_ups()
    ups.set_mains(False, 1_000)
    assert ups.empty_at_ms(1_000) == 1_000 + HOUR
    assert ups.output_on(HOUR + 999)
    assert not ups.output_on(HOUR + 1_000)
    assert ups.feed(b"Q1\r", HOUR + 1_000) == b""
    ups.set_mains(True, 2 * HOUR)
    assert ups.output_on(2 * HOUR)
    assert status(ups, 2 * HOUR)[-1] == "00000000"
    assert ups.charge_percent(2 * HOUR) == 0.0
    assert ups.charge_percent(2 * HOUR + HOUR * 7 // 2) == 50.0  # 84 Wh at 12 W: 7 h to full
    assert ups.charge_percent(10 * HOUR) == 100.0


def test_load_decides_how_long_it_lasts() -> None:
    ups = make_ups(load_w=0)
    ups.set_mains(False, 1_000)
    assert ups.empty_at_ms(1_000) is None
    ups.set_load(42, 1_000)
    assert ups.empty_at_ms(1_000) == 1_000 + 2 * HOUR
    ups.set_load(168, 1_000 + HOUR)
    assert ups.empty_at_ms(1_000 + HOUR) == 1_000 + HOUR + HOUR // 4
    assert status(ups, 1_000 + HOUR)[3] == "046"
    ups.set_charge(10, 1_000 + HOUR)
    assert status(ups, 1_000 + HOUR)[-1] == "11000001"


@given(
    st.lists(st.tuples(st.integers(0, HOUR), st.booleans()), max_size=8),
    st.lists(st.integers(0, 8 * HOUR), max_size=20),
)
def test_looking_at_it_does_not_change_the_battery(changes: list[tuple[int, bool]], looks: list[int]) -> None:
    watched, unwatched = make_ups(), make_ups()
    at = 1_000
    pending = sorted(looks)
    for wait, mains in changes:
        at += wait
        while pending and pending[0] < at:
            watched.feed(b"Q1\r", pending.pop(0))
        watched.set_mains(mains, at)
        unwatched.set_mains(mains, at)
    assert watched.charge_percent(at) == unwatched.charge_percent(at)


def test_standby_ups_tells_the_whole_battery() -> None:
    ups = make_ups(rating=UpsRating(standby=True))
    assert status(ups, 1_000)[5:] == ("13.6", "25.0", "00001000")


def test_failed_ups_says_so() -> None:
    ups = make_ups()
    ups.command(["fail"], 1_000)
    assert status(ups, 1_000)[-1] == "00010000"


@pytest.mark.parametrize("command", [b"", b"Q2", b"q1", b"S01R0003", b"Q1 "])
def test_unknown_command_is_echoed(command: bytes) -> None:
    assert make_ups().feed(command + b"\r", 1_000) == command + b"\r"


def test_commands_arrive_in_pieces_and_together() -> None:
    ups = make_ups()
    assert ups.feed(b"Q", 1_000) == b""
    assert ups.feed(b"1", 1_000) == b""
    assert ups.feed(b"\rQ1\rX", 1_000).count(b"(") == 2
    assert ups.feed(b"\r", 1_000) == b"X\r"


def test_endless_command_is_not_kept() -> None:
    ups = make_ups()
    assert ups.feed(b"A" * 100_000, 1_000) == b""
    assert ups.feed(b"\r", 1_000) == b"A" * 64 + b"\r"


def test_mute_ups_is_silent_and_a_noisy_one_repeats_itself() -> None:
    ups = make_ups()
    ups.faults.mute = True
    assert ups.feed(b"Q1\r", 1_000) == b""

    def noisy() -> list[bytes]:
        other = UpsModel(load_w=84, now_ms=0, noise_seed=4)
        other.noise.chance = 0.02
        return [other.feed(b"Q1\r", 1_000) for _ in range(50)]

    answers = noisy()
    assert answers == noisy()
    assert 0 < sum(STATUS.fullmatch(answer) is not None for answer in answers) < 50
