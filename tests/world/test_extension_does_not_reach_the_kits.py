"""A longer poll, signed at the centre: over MQTT to real kits, near and far, late and out of order; and the opening."""

from base64 import b64encode
from pathlib import Path

import pytest

from center.errors import TooEarlyError
from center.opening.refusals import WitnessedTooEarlyError
from center.opening.types import Opening
from crypto import rfc3339
from crypto.statements import Schedule
from kit.facts import EnvelopeSealed, PhaseEntered, ScheduleExtended
from simulators.world.branch import Branch
from simulators.world.world import DAY_BEGINS_MS, Hours
from tests.world.story import HOURS, Story, rows_of, votes_in

REPEATED_S = 60.0  # twice as long as centerd waits between two rounds


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path, branches=2)


def later(story: Story, by_s: int) -> Schedule:
    """The manifest's schedule, with all but the opening of the polls so much later."""
    times = story.election.trusted.manifest.schedule

    def moved(time: str) -> str:
        return rfc3339.to_text(rfc3339.to_ms(time) + 1_000 * by_s)

    return Schedule(
        open_not_before=times.open_not_before,
        close_not_before=moved(times.close_not_before),
        tally_not_before=moved(times.tally_not_before),
        opening_not_before=moved(times.opening_not_before),
    )


async def hears(story: Story, kit: Branch, schedule: Schedule) -> None:
    """The kit goes by this schedule within a minute."""
    wanted = {name: getattr(schedule, name) for name in Schedule.__struct_fields__}
    begin = story.loop.time()
    await kit.officials.until("the schedule", lambda status: status["schedule"] == wanted)
    assert story.loop.time() - begin <= REPEATED_S


async def stand_open(story: Story) -> tuple[Branch, Branch]:
    """Two branches have opened and voted; the second has lost its ways to the centre."""
    near, far = story.branches
    for kit in (near, far):
        await story.until_open(kit)
        await story.vote(kit)
    for link in far.links.values():
        link.down()
    return near, far


def heal(kit: Branch) -> None:
    for link in kit.links.values():
        link.up()


def test_extension_does_not_reach_who_was_away(story: Story) -> None:
    new = later(story, 900)

    async def script() -> Opening:
        near, far = await stand_open(story)
        await story.commission.extend(new)
        await hears(story, near, new)
        await story.sleep_until(HOURS.close_s - 120)
        heal(far)
        await hears(story, far, new)

        await story.sleep_until(HOURS.close_s + 60)
        for official in story.election.orders(near.name, "close", 3):
            answer = await near.ask({"op": "order", "envelope": b64encode(official).decode()})
            assert "not before" in str(answer["error"])
        story.hours = Hours(close_s=HOURS.close_s + 900, deadline_s=HOURS.deadline_s + 900)
        for kit in (near, far):
            await story.finish(kit)

        await story.sleep_until(HOURS.deadline_s + 60)
        await story.commission.order()
        with pytest.raises((WitnessedTooEarlyError, TooEarlyError)):
            await story.commission.opening()
        return await story.open_all()

    opening = story.play(script)
    assert votes_in(opening) == rows_of(*(kit.station for kit in story.branches))
    closed_ms = rfc3339.to_ms(new.close_not_before)
    for kit in story.branches:
        facts, _ = kit.read_journal()
        (extended,) = [fact for fact in facts if isinstance(fact, ScheduleExtended)]
        assert (extended.source, extended.number, extended.branch) == ("act", 1, None)
        assert len(extended.signers) == 2
        assert rfc3339.to_ms(extended.at) < DAY_BEGINS_MS + 1_000 * HOURS.close_s
        done = [fact.at for fact in facts if isinstance(fact, PhaseEntered) and fact.phase == "closed"]
        done += [fact.at for fact in facts if isinstance(fact, EnvelopeSealed) and fact.kind == "tally"]
        assert len(done) == 2
        assert min(map(rfc3339.to_ms, done)) >= closed_ms


def test_change_of_one_branch_is_lost_behind_the_one_for_all(story: Story) -> None:
    """The far branch is handed the second change by a courier, and hears its own, the first, afterwards."""
    own, for_all = later(story, 900), later(story, 300)

    async def script() -> None:
        near, far = await stand_open(story)
        await story.commission.extend(own, far.name)
        logged = await story.commission.extend(for_all)
        await hears(story, near, for_all)
        with story.centre.reader() as ledger:
            (act,) = [entry.data for entry in ledger.entries() if entry.leaf == logged.leaf]
        answer = await far.ask({"op": "schedule", "envelope": b64encode(act).decode()})
        assert answer == {"ok": True, "followed": True}
        await hears(story, far, for_all)
        heal(far)
        await hears(story, far, own)
        await story.sleep_until(HOURS.close_s)
        await hears(story, far, own)
        await hears(story, near, for_all)

    story.play(script)
    assert [len(status["incidents"]) for status in story.statuses.values()] == [0, 0]


def test_extension_by_the_branch_itself_is_taken_back_by_a_shorter_one(story: Story) -> None:
    """Out of reach, the officials of the far branch give more time than the centre does for all afterwards."""
    ordered, for_all = later(story, 900), later(story, 300)

    async def script() -> None:
        near, far = await stand_open(story)
        await far.officials.order_besides(
            "extend",
            lambda status: status["schedule"]["close_not_before"] == ordered.close_not_before,
            schedule=ordered,
            reason="voters are waiting",
        )
        await story.commission.extend(for_all)
        heal(far)
        await hears(story, near, for_all)
        await story.sleep_until(HOURS.close_s + 310)
        await near.officials.order("close")
        await hears(story, far, ordered)
        story.hours = Hours(close_s=HOURS.close_s + 900)
        await story.close_and_account(far)

    story.play(script)
    facts, _ = story.branches[1].read_journal()
    extended = [fact.source for fact in facts if isinstance(fact, ScheduleExtended)]
    assert extended == ["order"]
    assert [len(status["incidents"]) for status in story.statuses.values()] == [0, 0]
