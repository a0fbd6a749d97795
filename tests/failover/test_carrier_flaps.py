"""A carrier that flaps: bad news at once, good news only when it stands, and never a flood."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from failover.path import Path
from failover.routing.paths import Standing
from failover.routing.teller import FREE_MAX, FREE_MS, SETTLE_MS, Teller

GOOD = Standing(Path("a", 1, ("10.0.0.2",), 1_500, 7_101), "a: fine")
OTHER = Standing(Path("b", 2, ("10.0.0.2",), 1_500, 7_101), "b: fine")
BAD = Standing(None, "a: no carrier")
WORSE = Standing(None, "a: no address yet")


def test_first_change_of_all_is_told_and_the_same_again_is_not() -> None:
    teller = Teller("u")
    assert teller.hear(BAD, 0) is not None
    assert teller.hear(BAD, 1) is None
    told = teller.hear(WORSE, 2)
    assert told is not None
    assert told.reason == WORSE.reason


def test_good_news_has_to_stand_when_there_is_much_of_it() -> None:
    teller = Teller("u")
    for at in range(FREE_MAX):
        assert teller.hear(GOOD if at % 2 == 0 else BAD, at) is not None
    assert teller.hear(GOOD, 100) is None
    assert teller.wake_at() == 100 + SETTLE_MS
    assert teller.hear(BAD, 200) is None  # as was told last
    assert teller.hear(GOOD, 300) is None
    assert teller.hear(GOOD, 299 + SETTLE_MS) is None
    told = teller.hear(GOOD, 300 + SETTLE_MS)
    assert told is not None
    assert told.path == GOOD.path
    assert teller.wake_at() is None


def test_path_that_keeps_changing_is_called_unusable_until_it_stands() -> None:
    teller = Teller("u")
    for at in range(FREE_MAX):
        teller.hear(GOOD if at % 2 == 0 else OTHER, at)
    told = teller.hear(GOOD, 50)
    assert told is not None
    assert told.path is None
    assert told.reason == "a changes all the time; it has to stand for 2 s first"
    again = teller.tick(50 + SETTLE_MS)
    assert again is not None
    assert again.path == GOOD.path


def test_other_gateway_is_kept_from_an_uplink_that_waits_for_one() -> None:
    teller = Teller("u")
    teller.hear(GOOD, 0)
    other = replace(GOOD, hops=("10.0.0.254",))
    told = teller.hear(other, 1)
    assert told is not None
    assert told.path == GOOD.path
    assert teller.hear(other, 2) is None


def test_gateway_that_changes_all_the_time_takes_the_path_away() -> None:
    teller = Teller("u")
    words = [teller.hear(replace(GOOD, hops=(f"10.0.0.{at % 2 + 1}",)), at) for at in range(10 * FREE_MAX)]
    told = [word for word in words if word is not None]
    assert len(told) == FREE_MAX
    assert all(word.path == GOOD.path for word in told)


@given(
    st.lists(
        st.tuples(st.integers(0, 400), st.sampled_from((GOOD, OTHER, BAD, WORSE))), min_size=1, max_size=300
    )
)
def test_whatever_it_does_few_changes_are_told_and_the_last_word_is_true(
    story: list[tuple[int, Standing]],
) -> None:
    teller, now, told = Teller("u"), 0, []
    for pause, standing in story:
        now += pause
        change = teller.hear(standing, now)
        if change is not None:
            told.append((now, change))
            assert change.path in (None, standing.path)
        believed = told[-1][1].path
        assert believed in (None, standing.path), "a path that is gone still counts"
    most = FREE_MAX + 2 * (now // SETTLE_MS + 1) + FREE_MAX * (now // FREE_MS + 1)
    assert len(told) <= most
    last = teller.hear(story[-1][1], now + SETTLE_MS)
    assert (last or told[-1][1]).path == story[-1][1].path
