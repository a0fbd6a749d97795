"""Schedule changes are repeated to branches: the newest of each, whenever somebody may have missed them."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from msgspec import structs

from center.intake import schedule_desk
from center.intake.intake import Intake
from center.intake.schedule_desk import REPEAT_S, RETRY_S, ScheduleDesk
from center.intake.schedules import in_force
from crypto.act_statements import ScheduleChange
from crypto.acts import read_act
from crypto.statements import Schedule
from simulators.virtual.loop import VirtualLoop
from tests.center.branch import Center
from tests.center.commission import LATER, Commission
from tests.center.manifests import moved_to_another_port, newer
from tests.crypto.election_fixture import SCHEDULE, make_election

LATEST = structs.replace(LATER, opening_not_before="2027-06-18T20:30:00.000Z")


class Air:
    """What is said, and whether there is a session to say it in."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, bytes]] = []
        self.up = True

    async def say(self, data: bytes) -> bool:
        if self.up:
            self.heard.append((asyncio.get_running_loop().time(), data))
        return self.up

    def since(self, mark: int) -> list[bytes]:
        return [data for _, data in self.heard[mark:]]


@pytest.fixture
def commission(tmp_path: Path) -> Commission:
    return Commission(Center(make_election(3), str(tmp_path / "ledger.db")))


def log(commission: Commission, schedule: Schedule, branch: str | None) -> bytes:
    data = commission.change(schedule, branch)
    (act,) = commission.hand_in(data).acts
    return act.data


def run(desk: ScheduleDesk, day: Callable[[], Awaitable[None]]) -> None:
    """Run a desk through a ``day`` on virtual time."""

    async def both() -> None:
        task = asyncio.create_task(desk.run())
        await day()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    loop = VirtualLoop(seed=1)
    try:
        loop.run_until_complete(both())
    finally:
        loop.close()


def test_change_is_said_at_once_and_every_half_minute(commission: Commission) -> None:
    air = Air()
    desk = ScheduleDesk([], air.say)
    act = log(commission, LATER, None)

    async def day() -> None:
        await asyncio.sleep(100)
        assert not air.heard, "there is nothing to say yet"
        desk.logged(act)
        await asyncio.sleep(3 * REPEAT_S - 1)

    run(desk, day)
    assert [data for _, data in air.heard] == [act] * 3
    first = air.heard[0][0]
    assert [round(at - first) for at, _ in air.heard] == [0, 30, 60]


def test_change_in_the_log_is_said_from_the_start(commission: Commission) -> None:
    air = Air()
    first, second = log(commission, LATER, None), log(commission, LATEST, None)
    desk = ScheduleDesk([first, second], air.say)

    async def day() -> None:
        await asyncio.sleep(1)

    run(desk, day)
    assert air.since(0) == [second], "the older one says nothing more"


def test_without_a_broker_it_is_tried_again_soon(commission: Commission) -> None:
    air = Air()
    air.up = False
    act = log(commission, LATER, None)

    async def day() -> None:
        await asyncio.sleep(5)
        air.up = True
        await asyncio.sleep(2 * RETRY_S)

    run(ScheduleDesk([act], air.say), day)
    assert air.since(0) == [act]


def test_each_branch_keeps_what_is_its_own(commission: Commission) -> None:
    air = Air()
    one, all_, two = (
        log(commission, LATEST, "branch-1"),
        log(commission, LATER, None),
        log(commission, LATER, "branch-2"),
    )
    desk = ScheduleDesk([one, all_, two], air.say)

    async def day() -> None:
        await asyncio.sleep(1)

    run(desk, day)
    assert air.since(0) == [one, all_], "branch 2 gets no more than everybody, branch 1 stays later still"


def test_branches_under_an_earlier_manifest_are_told_nothing_any_more(commission: Commission) -> None:
    air = Air()
    center = commission.center
    old = center.election
    under_old = log(commission, LATER, None)
    center.election = newer(old, moved_to_another_port)
    center.intake = Intake(center.election.loaded, center.ledger, center.log)
    under_new = log(commission, LATER, None)
    again = {"manifest_sha256": old.loaded.sha256}
    (later,) = commission.hand_in(commission.change(LATEST, "branch-1", **again)).acts
    desk = ScheduleDesk([under_old, under_new, later.data], air.say)

    async def day() -> None:
        await asyncio.sleep(1)

    run(desk, day)
    assert air.since(0) == [under_old, under_new, later.data]


def test_many_changes_take_turns(commission: Commission, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule_desk, "MESSAGES_MAX", 2)
    air = Air()
    acts = [log(commission, LATER, f"branch-{n}") for n in (1, 2, 3)]

    async def day() -> None:
        await asyncio.sleep(2 * REPEAT_S + 1)

    run(ScheduleDesk(acts, air.say), day)
    assert air.since(0) == [acts[0], acts[1], acts[2], acts[0], acts[1]]


def test_newest_that_moves_nothing_earlier_is_in_force(commission: Commission) -> None:
    mixed = structs.replace(
        LATER, close_not_before="2027-06-18T16:00:00.000Z", opening_not_before="2027-06-19T00:00:00Z"
    )
    changes = [
        read_act(log(commission, schedule, branch))
        for schedule, branch in ((LATEST, "branch-1"), (mixed, None))
    ]
    known = [one for one in changes if isinstance(one, ScheduleChange)]
    assert in_force(SCHEDULE, [], "branch-1") == SCHEDULE
    assert in_force(SCHEDULE, known, "branch-1") == LATEST, "the one for all would move its close earlier"
    assert in_force(SCHEDULE, known, "branch-2") == mixed
    assert in_force(SCHEDULE, known, None) == mixed


def test_kit_that_hears_all_of_it_follows_what_the_centre_holds_to_be_in_force(
    commission: Commission,
) -> None:
    """Whatever was logged, and whenever a branch begins to listen."""
    acts = [log(commission, LATER, None), log(commission, LATEST, "branch-1")]
    evening = structs.replace(LATEST, opening_not_before="2027-06-18T22:00:00.000Z")
    acts += [log(commission, evening, None), log(commission, evening, "branch-2")]
    changes = [one for one in map(read_act, acts) if isinstance(one, ScheduleChange)]
    air = Air()

    async def day() -> None:
        await asyncio.sleep(1)

    run(ScheduleDesk(acts, air.say), day)
    heard = [one for one in map(read_act, air.since(0)) if isinstance(one, ScheduleChange)]
    for branch in ("branch-1", "branch-2", "branch-3"):
        assert in_force(SCHEDULE, heard, branch) == in_force(SCHEDULE, changes, branch) == evening
