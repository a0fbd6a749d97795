"""When rungs are reached: by waits, by a time of the day, by a moment; never one before the one below it."""

from hypothesis import given
from hypothesis import strategies as st

from crypto.rfc3339 import to_ms
from failover.ladder import DAY_MS, RungClock, reaches

SEALED_MS = to_ms("2027-06-18T16:00:00Z")
WAITS = st.integers(0, DAY_MS)
CLOCKS = st.builds(
    RungClock,
    sms_after_ms=st.none() | WAITS,
    courier_after_ms=WAITS,
    courier_by_ms=st.none() | st.integers(SEALED_MS - DAY_MS, SEALED_MS + DAY_MS),
    courier_daily_ms=st.none() | st.integers(0, DAY_MS - 1),
)


def courier_in(clock: RungClock, waited_ms: int) -> tuple[int, str]:
    at = SEALED_MS + waited_ms
    reach = reaches(clock, waited_ms=waited_ms, sealed_at_ms=SEALED_MS, wall_ms=at)[-1]
    return reach.in_ms, reach.cause


@given(CLOCKS, WAITS, st.integers(-DAY_MS, DAY_MS))
def test_rungs_come_in_their_order_and_never_later_than_their_wait(
    clock: RungClock, waited_ms: int, wrong_ms: int
) -> None:
    found = reaches(
        clock, waited_ms=waited_ms, sealed_at_ms=SEALED_MS, wall_ms=SEALED_MS + waited_ms + wrong_ms
    )
    names = ["sms", "courier"] if clock.sms_after_ms is not None else ["courier"]
    assert [reach.rung for reach in found] == names
    ins = [reach.in_ms for reach in found]
    assert ins == sorted(ins)
    assert 0 <= ins[-1] <= max(0, clock.courier_after_ms - waited_ms)
    if clock.sms_after_ms is not None:
        assert 0 <= ins[0] <= max(0, clock.sms_after_ms - waited_ms)


@given(CLOCKS, WAITS, st.integers(0, 3_600_000))
def test_what_was_reached_is_not_ahead_again_while_time_passes(
    clock: RungClock, waited_ms: int, more_ms: int
) -> None:
    def at(waited: int) -> list[int]:
        found = reaches(clock, waited_ms=waited, sealed_at_ms=SEALED_MS, wall_ms=SEALED_MS + waited)
        return [reach.in_ms for reach in found]

    for before, after in zip(at(waited_ms), at(waited_ms + more_ms), strict=True):
        assert after == max(0, before - more_ms)


def test_car_leaves_before_the_wait_is_over() -> None:
    clock = RungClock(300_000, 7_200_000, courier_daily_ms=17 * 3_600_000)  # 17:00 UTC
    assert courier_in(clock, 0) == (3_600_000, "deadline")
    assert courier_in(clock, 3_600_000) == (0, "deadline")
    sms = reaches(
        clock, waited_ms=0, sealed_at_ms=to_ms("2027-06-18T16:58:00Z"), wall_ms=to_ms("2027-06-18T16:58:00Z")
    )
    assert [(reach.in_ms, reach.cause) for reach in sms] == [(120_000, "deadline")] * 2


def test_sealed_after_the_car_left_waits_for_its_time_and_not_for_tomorrow() -> None:
    clock = RungClock(300_000, 7_200_000, courier_daily_ms=15 * 3_600_000)
    assert courier_in(clock, 0) == (7_200_000, "wait")


def test_moment_is_past_already() -> None:
    clock = RungClock(300_000, 7_200_000, courier_by_ms=SEALED_MS - 60_000)
    assert courier_in(clock, 0) == (0, "deadline")


def test_midnight_lies_between() -> None:
    clock = RungClock(None, DAY_MS, courier_daily_ms=30 * 60_000)  # 00:30 UTC
    assert courier_in(clock, 0) == (8 * 3_600_000 + 30 * 60_000, "deadline")


def test_later_one_of_two_deadlines_counts() -> None:
    for by_min, in_min in ((10, 10), (90, 60)):
        by_ms = SEALED_MS + by_min * 60_000
        clock = RungClock(None, 7_200_000, courier_by_ms=by_ms, courier_daily_ms=17 * 3_600_000)
        assert courier_in(clock, 0) == (in_min * 60_000, "deadline")
