"""Whatever becomes of the preferred uplink just then: the tally is receipted soon, once, and the kit says why."""

import re
from collections.abc import Callable

import pytest

from tests.netlab.branch import Branch
from tests.netlab.cable import Cable
from tests.netlab.lab import FIBRE, MOBILE

SOON_S = 15.0  # generous: bench/failover.py measures
SILENT = r"unanswered|lost|silent"

DEADLY: dict[str, tuple[Callable[[Cable], None], str]] = {
    "swallowed both ways": (lambda cable: cable.cut(), SILENT),
    "swallowed on the way out": (lambda cable: cable.cut(down=False), SILENT),
    "swallowed on the way back": (lambda cable: cable.cut(up=False), SILENT),
    "rejected": (lambda cable: cable.reject(), rf"reset|refused|prohibited|{SILENT}"),
    "unplugged": (lambda cable: cable.unplug(), r"carrier"),
}
LAME: dict[str, Callable[[Cable], None]] = {
    "30 % lost": lambda cable: cable.lose(30),
    "32 kbit/s": lambda cable: cable.slow(32_000),
    "large packets swallowed": lambda cable: cable.swallow_larger(1_300),
    "packets of usual size swallowed": lambda cable: cable.swallow_larger(1_000),
    "down and up by hand": lambda cable: cable.bounce(),
    "other addresses": lambda cable: cable.renumber(),
}


@pytest.mark.parametrize("fault", DEADLY)
def test_deadly_fault(branch: Branch, fault: str) -> None:
    strike, words = DEADLY[fault]
    branch.tell(f"pin {FIBRE}")
    since = branch.mark()
    strike(branch.cable(FIBRE))
    delivery = branch.seal()
    receipt = delivery.receipt(SOON_S)
    # What went out by the other one is answered on all.
    assert receipt["uplink"] == MOBILE or fault == "swallowed on the way out"
    branch.tell(f"probe {FIBRE}")
    switch = branch.wait(lambda report: report["what"] == "switch" and report["left"] == FIBRE, since)
    assert switch["to"] == MOBILE
    assert re.search(words, switch["reason"]), switch
    assert switch["reason"].startswith(FIBRE)
    again = branch.seal()  # and now that it is known
    assert again.receipt(SOON_S)["uplink"] == MOBILE


@pytest.mark.parametrize("fault", LAME)
def test_lame_fault(branch: Branch, fault: str) -> None:
    LAME[fault](branch.cable(FIBRE))
    for _ in range(2):
        branch.seal().receipt(SOON_S)


def test_interface_gets_another_name(branch: Branch) -> None:
    branch.tell(f"pin {FIBRE}")
    cable = branch.cable(FIBRE)
    since = branch.mark()
    cable.rename("port7")
    try:
        branch.seal().receipt(SOON_S)
        branch.wait(lambda report: report["what"] == "switch" and report["left"] == FIBRE, since)
        branch.until_answers(FIBRE)  # under its new name
        branch.seal().receipt(SOON_S)
    finally:
        cable.rename(FIBRE)


@pytest.mark.parametrize("way", ["both", "up", "down", "slow", "lossy"])
def test_mobile_network_fails_instead(branch: Branch, way: str) -> None:
    air = branch.air(MOBILE)
    match way:
        case "slow":
            air.slow(32_000)
        case "lossy":
            air.lose(30)
        case _:
            air.cut(up=way != "down", down=way != "up")
    assert branch.seal().receipt(SOON_S)["uplink"] == FIBRE
