"""One link is dead, and the other one limps: the tally is receipted by it, and soon."""

from collections.abc import Callable

import pytest

from tests.netlab.branch import Branch
from tests.netlab.cable import Cable
from tests.netlab.lab import FIBRE, MOBILE

SOON_S = 20.0
LAME: dict[str, Callable[[Cable], None]] = {
    "30 % lost": lambda cable: cable.lose(30),
    "32 kbit/s": lambda cable: cable.slow(32_000),
    "packets of usual size swallowed": lambda cable: cable.swallow_larger(1_000),
    "other addresses": lambda cable: cable.renumber(),
}


@pytest.mark.parametrize("fault", LAME)
def test_other_link_is_dead(branch: Branch, fault: str) -> None:
    branch.air(MOBILE).cut()
    LAME[fault](branch.cable(FIBRE))
    for _ in range(2):
        assert branch.seal().receipt(SOON_S)["uplink"] == FIBRE


def test_link_swallows_what_it_let_through_until_then(branch: Branch) -> None:
    """As where a provider falls back to a tunnel."""
    cable = branch.cable(FIBRE)
    branch.namespace.ip(f"link set {cable.interface} mtu 1400")  # another path, of which nothing is known
    try:
        cable.renumber()
        branch.until_answers(FIBRE)
        branch.air(MOBILE).cut()
        branch.seal().receipt(SOON_S)
        cable.swallow_larger(1_000)
        assert branch.seal().receipt(SOON_S)["uplink"] == FIBRE
    finally:
        branch.namespace.ip(f"link set {cable.interface} mtu 1500")
