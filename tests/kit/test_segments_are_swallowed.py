"""When smaller segments are used, and when the path is to blame rather than their size."""

from failover.path import Path
from kit.uplinks.segments import PASSED_MAX_MS, STALLS_MAX, Segments

ONE, OTHER = (Path(name, 3, ("192.0.2.1",), 1_500, None) for name in ("wwan0", "wwan1"))


def segments(configured: int = 1_200) -> Segments:
    made = Segments(configured)
    made.on_path(ONE)
    return made


def test_stall_goes_on_for_ever() -> None:
    it = segments(1_400)
    for smaller in (1_200, 536):
        it.stalled(100)
        assert it.mss == smaller
        it.stood()
        assert f"{smaller} bytes are used" in it.words
        it.on_path(ONE)
        assert it.mss == smaller


def test_smallest_segments_are_blamed_too() -> None:
    it = segments()
    for _ in range(2):
        it.stalled(100)
        it.stood()
    assert (it.mss, it.words) == (1_200, "")


def test_dead_path_is_blamed_on_its_segments() -> None:
    it = segments()
    it.stalled(100)
    it.fell()
    assert (it.mss, it.words) == (1_200, "")
    it.stalled(PASSED_MAX_MS + 1)  # nobody knows whether anything passed then
    assert it.mss == 1_200


def test_segments_that_pass_are_blamed_at_once() -> None:
    it = segments()
    it.passed()
    for _ in range(STALLS_MAX - 1):
        it.stalled(100)
        assert it.mss == 1_200
    it.passed()
    for _ in range(STALLS_MAX):
        it.stalled(100)
    assert it.mss == 536


def test_other_path_pays_for_the_one_before() -> None:
    it = segments()
    it.stalled(100)
    it.stood()
    it.on_path(OTHER)
    assert (it.mss, it.words) == (1_200, "")
