"""An uplink that flaps while tallies are sealed: each is receipted, and the kit does not follow every turn."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.netlab.branch import Branch
from tests.netlab.lab import FIBRE

SOON_S = 15.0
TURN_S = 0.3
TALLIES = 6
SWITCHES_MAX = (
    4  # two turns of the fibre: whoever fell joins at the end, and is not preferred before the hold-down
)


@contextmanager
def flapping(branch: Branch, *, carrier: bool) -> Iterator[None]:
    ended, cable = threading.Event(), branch.cable(FIBRE)

    def flap() -> None:
        while not ended.wait(TURN_S):
            (cable.unplug if carrier else cable.cut)()
            ended.wait(TURN_S)
            cable.heal()

    thread = threading.Thread(target=flap)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def seal_meanwhile(branch: Branch, *, carrier: bool) -> None:
    branch.tell("unpin")
    since = branch.mark()
    with flapping(branch, carrier=carrier):
        for _ in range(TALLIES):
            branch.seal().receipt(SOON_S)
            threading.Event().wait(TURN_S)
    switches = [report for report in branch.reports[since:] if report["what"] == "switch"]
    assert len(switches) <= SWITCHES_MAX, switches


def test_carrier_comes_and_goes(branch: Branch) -> None:
    seal_meanwhile(branch, carrier=True)


def test_packets_are_swallowed_now_and_then(branch: Branch) -> None:
    seal_meanwhile(branch, carrier=False)
