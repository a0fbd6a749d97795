"""When smaller segments are used, and when the path is to blame rather than their size."""

import pytest

from failover.path import Path
from kit.uplinks.segments import PASSED_MAX_MS, Segments, hangs
from kit.uplinks.tcp_info import TcpInfo

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


def test_other_path_pays_for_the_one_before() -> None:
    it = segments()
    it.stalled(100)
    it.stood()
    it.on_path(OTHER)
    assert (it.mss, it.words) == (1_200, "")


@pytest.mark.parametrize(
    ("unacked", "retransmits", "out_of_order", "waited_ms", "hung"),
    [
        (1, 1, 0, 10, True),  # our hello was sent again in vain
        (1, 0, 0, 5_000, False),  # it is still on its way
        (0, 0, 1, 10, True),  # the end of the certificate came, and not its beginning
        (0, 0, 0, 1_000, True),
        (0, 0, 0, 999, False),  # a broker that everybody comes back to is slow
    ],
)
def test_handshake_that_is_slow_is_blamed_on_segments(
    unacked: int, retransmits: int, out_of_order: int, waited_ms: int, hung: bool
) -> None:
    info = TcpInfo(retransmits, 0, 1_200, unacked, 5, 75, retransmits, out_of_order)
    assert hangs(info, waited_ms) is hung


def test_satellite_is_blamed_on_its_segments() -> None:
    slow = TcpInfo(0, 0, 1_200, 0, 5, 600, 0)
    assert not hangs(slow, 2_399)
    assert hangs(slow, 2_400)
    assert not hangs(None, 10_000)
