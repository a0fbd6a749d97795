"""The public counter is read every 15 minutes: read more often, it would tell how the next voter changed it."""

from drivers.ports import TerminalStatus
from kit.events import TerminalHeard
from kit.facts import CounterRead
from tests.kit.harness import Branch
from tests.kit.staff import standing_in

T1 = "terminal-1-1"
QUARTER_MS = 15 * 60 * 1000


def shows(branch: Branch, counter: int) -> None:
    branch.post(TerminalHeard(T1, TerminalStatus("open", 0, counter)))
    branch.settle()


def readings(branch: Branch) -> list[int]:
    return [fact.public_counter for fact in branch.facts(CounterRead)]


def test_every_voter_moves_the_counter_on_disk_and_in_the_status() -> None:
    branch = standing_in("open")
    branch.advance(QUARTER_MS)
    before = readings(branch)
    shows(branch, 100)
    for counter in range(101, 120):
        branch.advance(10_000)
        shows(branch, counter)
    assert len(readings(branch)) <= len(before) + 1
    assert branch.station.status(branch.now)["terminals"][0]["public_counter"] == readings(branch)[-1]


def test_restarts_read_the_counter_anew_each_time() -> None:
    branch = standing_in("open")
    branch.advance(QUARTER_MS)
    shows(branch, 100)
    before = readings(branch)
    for counter in range(101, 105):
        branch.boot()
        branch.advance(10_000)
        shows(branch, counter)
    assert readings(branch) == before
