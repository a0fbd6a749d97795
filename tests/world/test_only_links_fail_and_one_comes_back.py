"""200 short days on which nothing but links breaks: once a rung of a branch lives, what is sealed gets through."""

from collections import Counter

import pytest

from simulators.world.rungs.bounds import RECEIPTED_MAX_S
from simulators.world.rungs.watch import NOTICE_MAX_S
from tests.world.links_day import live_links

SEEDS = 200
CHUNK = 25


@pytest.mark.parametrize("first", range(1, SEEDS + 1, CHUNK))
def test_links_fail_around_sealing_until_one_lives(first: int) -> None:
    waits, noticed, struck = [], Counter[str](), Counter[str]()
    for seed in range(first, first + CHUNK):
        outcome = live_links(seed)
        assert outcome.broken == [], f"kit-sim world --links-only --branches 2 --seed {seed}"
        waits += outcome.waits.receipted_s
        noticed.update(outcome.noticed)
        struck.update(outcome.faults)
    # The days were bad enough for this to mean something.
    assert RECEIPTED_MAX_S / 20 < max(waits) <= RECEIPTED_MAX_S
    assert all(noticed[pace] for pace in NOTICE_MAX_S), noticed
    assert {"branch-ambushed", "branch-cut-off", "branch-stormy", "broker-gone", "link-deaf"} <= set(struck)


def test_day_of_a_seed_is_the_same_day_again() -> None:
    assert live_links(3).trace == live_links(3).trace != live_links(4).trace
