"""Links-only days of two branches, as ``kit-sim world --links-only --branches 2 --seed N`` lives them."""

from functools import cache

from simulators.election import Election
from simulators.world.rungs.day import LinksDay, LinksOutcome, links_election
from tests.world.short_day import sample

BRANCHES = 2


@cache
def _election() -> Election:
    return links_election(*sample(BRANCHES, 1))


def live_links(seed: int) -> LinksOutcome:
    return LinksDay(*sample(BRANCHES, 1), str(seed), _election()).run()
