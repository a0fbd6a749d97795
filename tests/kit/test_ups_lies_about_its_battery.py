"""The battery holds less than the UPS says: our own reckoning calls it low while there is time for a safe end."""

from dataclasses import dataclass, replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.ports import UpsCommandEnded, UpsReading
from drivers.ups.megatec import MEGATEC
from kit.events import Booted, UpsHeard
from kit.facts import PowerChanged
from kit.power.discharge import RECENT_STEPS, Fall
from kit.power.endurance import RESERVE_S, Endurance, EnduranceEstimator, Ratings
from kit.power.power import Power, state_of
from simulators.devices.ups import UpsModel, make_ups
from tests.kit.harness import BATTERY, MAINS, Branch

RATED_W = 360
SHORTEST_S = (
    1.3 * RESERVE_S
)  # a battery that holds no longer is low almost at once, and nothing can be promised
POLL_MS = 5_000


@dataclass
class Outage:
    """What came of one outage, seconds from its begin. ``low_s``: when our reckoning called the battery low."""

    empty_s: float
    low_s: float | None
    said_s: float | None
    changes: int
    last: Endurance


def drained(ups: UpsModel, ratings: Ratings | None, *, poll_ms: int = POLL_MS) -> Outage:
    """Cut the mains and read the UPS as the kit does, until it falls silent."""
    estimator, at = EnduranceEstimator(ratings), 0
    for _ in range(3):
        estimator.heard(read(ups, at), at)
        at += poll_ms
    ups.set_mains(False, at)
    begin = at
    empty_at = ups.empty_at_ms(at)
    assert empty_at is not None
    low_s = said_s = None
    changes, was_low = 0, False
    endurance = None
    while at < empty_at:
        reading = read(ups, at)
        endurance = estimator.heard(reading, at)
        changes += endurance.low != was_low
        was_low = endurance.low
        if endurance.low and low_s is None:
            low_s = (at - begin) / 1000
        if reading.battery_low and said_s is None:
            said_s = (at - begin) / 1000
        at += poll_ms
    assert endurance is not None
    return Outage((empty_at - begin) / 1000, low_s, said_s, changes, endurance)


def read(ups: UpsModel, at: int) -> UpsReading:
    return MEGATEC.parse(ups.feed(b"Q1\r", at).removesuffix(b"\r"))


worlds = st.fixed_dictionaries(
    {
        "capacity_wh": st.integers(10, 300),
        "load_w": st.integers(8, RATED_W),
        "standby": st.booleans(),
    }
)


@given(worlds, st.integers(3, 100), st.booleans())
def test_worn_battery_gives_out_before_it_is_called_low(
    world: dict[str, Any], worn_percent: int, rated: bool
) -> None:
    ups = make_ups("megatec", now_ms=0, rated_w=RATED_W, **world)
    ups.command(["battery", "worn", str(worn_percent), "%"], 0)
    ratings = Ratings(battery_wh=world["capacity_wh"], rated_w=RATED_W) if rated else None
    outage = drained(ups, ratings)
    assert outage.low_s is not None or outage.empty_s < 60
    if outage.empty_s >= SHORTEST_S:
        assert outage.low_s is not None
        assert outage.empty_s - outage.low_s >= RESERVE_S
        assert outage.changes == 1, "once low it stays low: no flapping"


@given(worlds, st.integers(75, 100))
def test_battery_that_is_always_full_gives_out_before_it_is_called_low(
    world: dict[str, Any], worn_percent: int
) -> None:
    ups = make_ups("megatec", now_ms=0, rated_w=RATED_W, **world)
    ups.command(["battery", "lies"], 0)
    ups.command(["battery", "worn", str(worn_percent), "%"], 0)
    outage = drained(ups, Ratings(battery_wh=world["capacity_wh"], rated_w=RATED_W))
    assert outage.said_s is None, "the UPS never says so"
    if outage.empty_s >= SHORTEST_S:
        assert outage.low_s is not None
        assert outage.empty_s - outage.low_s >= RESERVE_S
        assert outage.changes == 1


def test_liar_is_found_out() -> None:
    ups = make_ups("megatec", now_ms=0, load_w=60)
    ups.command(["battery", "lies"], 0)
    outage = drained(ups, Ratings(battery_wh=84, rated_w=RATED_W))
    assert outage.last.lies
    assert "claims more than can be" in outage.last.why
    ups = make_ups("megatec", now_ms=0, load_w=60)
    assert not drained(ups, Ratings(battery_wh=84, rated_w=RATED_W)).last.lies


def test_liar_of_whom_nothing_is_known_is_not_called_fine() -> None:
    ups = make_ups("megatec", now_ms=0, load_w=60)
    ups.command(["battery", "lies"], 0)
    outage = drained(ups, None)
    assert outage.last.runtime_s is None
    assert "does not say capacity_wh and rated_w" in outage.last.why


def test_healthy_battery_is_called_low_much_too_early() -> None:
    for load_w in (20, 60, 200):
        ups = make_ups("megatec", now_ms=0, load_w=load_w, capacity_wh=200)
        outage = drained(ups, Ratings(battery_wh=200, rated_w=RATED_W))
        assert outage.low_s is not None
        assert outage.low_s > 0.6 * outage.empty_s - RESERVE_S


READING = UpsReading(
    on_battery=True,
    battery_low=False,
    input_voltage_v=0.0,
    load_percent=50.0,
    battery_voltage_v=None,
    flags=frozenset({"OB"}),
)


def test_claims_of_charge_and_run_time_are_upper_bounds() -> None:
    estimator = EnduranceEstimator(Ratings(battery_wh=100, rated_w=100))
    claims = replace(READING, battery_charge_percent=100.0, battery_runtime_s=90_000.0)
    first = estimator.heard(claims, 0)
    assert first.runtime_s == pytest.approx(0.7 * 100 / 50 * 3600)
    low = estimator.heard(replace(claims, battery_runtime_s=299.0), 1_000)
    assert (low.runtime_s, low.low, low.why) == (299.0, True, "the UPS itself says no more")
    half = EnduranceEstimator(Ratings(battery_wh=100, rated_w=100)).heard(
        replace(claims, battery_charge_percent=50.0), 0
    )
    assert half.runtime_s == pytest.approx(0.35 * 100 / 50 * 3600)


def test_charge_that_falls_fast_overrules_the_capacity() -> None:
    estimator = EnduranceEstimator(Ratings(battery_wh=1_000, rated_w=100))
    for second in range(0, 500, 5):
        charge = 100.0 - second // 10  # 1 % in ten seconds
        endurance = estimator.heard(replace(READING, battery_charge_percent=charge), second * 1_000)
    assert endurance.why == "the battery's charge falls so fast"
    assert endurance.runtime_s == pytest.approx(510, rel=0.15)


def test_full_charge_over_an_empty_voltage_is_a_lie() -> None:
    estimator = EnduranceEstimator()
    estimator.heard(replace(READING, on_battery=False, battery_voltage_v=13.6, flags=frozenset({"OL"})), 0)
    for second in range(5, 1_000, 5):
        volts = round(12.6 - second / 500, 1)
        endurance = estimator.heard(
            replace(READING, battery_voltage_v=volts, battery_charge_percent=100.0), second * 1_000
        )
    assert endurance.lies
    assert endurance.low


def test_one_wild_reading_is_believed() -> None:
    estimator = EnduranceEstimator()
    volts = [2.10 - 0.0001 * second for second in range(0, 2_000, 5)]
    volts[100] = 0.0
    volts[200] = 9.9
    lows = set()
    for step, volt in enumerate(volts):
        lows.add(estimator.heard(replace(READING, battery_voltage_v=round(volt, 2)), step * 5_000).low)
    assert lows == {False}


def test_load_that_doubles_halves_the_run_time() -> None:
    estimator = EnduranceEstimator()
    at, volt = 0, 2.10
    for _ in range(200):
        at, volt = at + 5_000, volt - 0.0005
        before = estimator.heard(replace(READING, battery_voltage_v=round(volt, 2), load_percent=20.0), at)
    for _ in range(3):
        at, volt = at + 5_000, volt - 0.0010
        after = estimator.heard(replace(READING, battery_voltage_v=round(volt, 2), load_percent=40.0), at)
    assert before.runtime_s is not None
    assert after.runtime_s is not None
    assert after.runtime_s == pytest.approx(before.runtime_s / 2, rel=0.15)


def test_second_outage_forgets_what_the_first_taught() -> None:
    estimator = EnduranceEstimator()
    mains = replace(READING, on_battery=False, battery_voltage_v=2.27, flags=frozenset({"OL"}))
    at = 0
    estimator.heard(mains, at)
    for step in range(100):
        at += 5_000
        estimator.heard(replace(READING, battery_voltage_v=round(2.10 - 0.001 * step, 3)), at)
    for _ in range(10):
        at += 5_000
        assert estimator.heard(mains, at).why == "on mains"
    for _ in range(5):
        at += 5_000
        endurance = estimator.heard(replace(READING, battery_voltage_v=2.05), at)
    assert endurance.runtime_s == pytest.approx((2.05 - 1.77) / 0.001 * 5, rel=0.05)


def test_battery_drained_in_one_outage_counts_as_full_in_the_next() -> None:
    estimator = EnduranceEstimator(Ratings(battery_wh=100, rated_w=100))
    estimator.heard(READING, 0)
    hour = 3_600_000
    mains = replace(READING, on_battery=False, flags=frozenset({"OL"}))
    drained_wh = estimator.heard(READING, hour)
    assert drained_wh.runtime_s == pytest.approx(20 / 50 * 3600)
    estimator.heard(mains, hour + 1_000)
    after_an_hour = estimator.heard(mains, 2 * hour)
    assert after_an_hour.runtime_s == pytest.approx(30 / 50 * 3600, rel=0.01), "ten hours from empty to full"
    assert after_an_hour.why.startswith("on mains")


@given(st.lists(st.floats(0, 100, allow_nan=False), max_size=300), st.floats(0, 50))
def test_any_curve_gives_a_forecast_that_is_not_negative(values: list[float], empty: float) -> None:
    fall = Fall()
    for use, value in enumerate(values):
        fall.fed(value, float(use), empty)
        left = fall.use_left(float(use), empty)
        assert left is None or left >= 0
        assert len(fall._points) <= RECENT_STEPS + 1
    fall.rest()
    assert fall.used_share(empty) is None


percent = st.none() | st.floats(0, 200, allow_nan=False)


@given(
    st.lists(
        st.tuples(st.integers(0, 10_000_000), st.booleans(), st.booleans(), percent, percent, percent),
        max_size=60,
    ),
    st.booleans(),
)
def test_any_readings_give_an_estimate(
    readings: list[tuple[int, bool, bool, float | None, float | None, float | None]], rated: bool
) -> None:
    ratings = (
        Ratings(battery_wh=10, rated_w=100, battery_empty_v=10.5, battery_full_v=12.6) if rated else None
    )
    estimator, at = EnduranceEstimator(ratings), 0
    for wait, on_battery, low, load, volts, charge in readings:
        at += wait
        reading = UpsReading(on_battery, low, None, load, volts, charge, charge)
        endurance = estimator.heard(reading, at)
        assert endurance.runtime_s is None or endurance.runtime_s >= 0
        assert endurance.why
        if on_battery and low:
            assert endurance.low


def test_forced_shutdown_on_mains_is_low() -> None:
    fsd = replace(READING, on_battery=False, flags=frozenset({"OL", "FSD"}))
    assert state_of(fsd) == "low"
    assert EnduranceEstimator().heard(fsd, 0).low


def test_outcome_of_a_command_is_taken_for_silence() -> None:
    power = Power()
    power.handle(Booted("00", 0), 0)
    power.handle(UpsHeard(MAINS), 0)
    ended = UpsCommandEnded("beeper.toggle", "forwarded", "")
    assert power.handle(UpsHeard(ended), 0).facts == []
    assert power.reading == MAINS


def test_kit_does_not_call_low_what_the_ups_calls_fine() -> None:
    branch = Branch()
    ups = make_ups("megatec", now_ms=0, load_w=60)
    ups.command(["battery", "worn", "15", "%"], 0)
    branch.power(MAINS)
    ups.set_mains(False, 0)
    for at in range(0, 600_000, POLL_MS):
        reading = read(ups, at)
        assert not reading.battery_low
        branch.power(reading)
        branch.advance(POLL_MS)
        if branch.station.power.state == "low":
            break
    assert [fact.state for fact in branch.facts(PowerChanged)] == ["mains", "battery", "low"]
    assert branch.station.power.endurance.runtime_s is not None
    branch.power(BATTERY)
    branch.settle()
    assert branch.station.power.state == "low", "one better reading is not enough"
