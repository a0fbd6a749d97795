"""The election of the laboratory: from fixed seeds, so that every process of a lab makes the same one by itself."""

from functools import cache
from typing import Final

from tests.crypto.election_fixture import Election, make_election

BRANCHES: Final = 24  # more than any laboratory has


@cache
def election() -> Election:
    """One terminal a branch; its close number counts the tallies that it seals in the laboratory."""
    return make_election(BRANCHES)
