"""Kits and terminals are destroyed, doubled and replaced, from the serial line to the published sum.

Real kitd, drivers, aiomqtt and centerd in virtual time; acts and couriers' files go through the spool; witnesses vouch
and trustees answer. Each story ends in sums that equal what the terminals counted, every unit once.
"""

from pathlib import Path
from typing import Any

import pytest

from center.opening.types import Opening
from kit.cli import media
from simulators.election import device_of, spare_of, terminal_of
from simulators.virtual.timed_loop import START_S
from simulators.world.swarm import Swarm
from tests.world.story import NOON_S, Story, rows_of, unit_of, units, votes_in

SEEDS = range(40, 42)


@pytest.fixture
def story(tmp_path: Path) -> Story:
    return Story(tmp_path)


@pytest.fixture
def story_of_two(tmp_path: Path) -> Story:
    return Story(tmp_path, branches=2)


def names(story: Story) -> tuple[str, str]:
    """The first terminal of the first branch, and its standby."""
    first = terminal_of(story.branch.name)
    return first, spare_of(first)


def test_replacement_kit_at_noon_loses_the_morning(story: Story) -> None:
    first = story.branch

    async def script() -> Opening:
        await story.until_open(first)
        await story.vote(first, 0.4)
        await story.sleep_until(NOON_S)
        first.destroy()
        kit = story.standby_of(first)
        await story.take_over(kit)
        assert kit.terminal.cast_progress[0] > 0
        await story.vote(kit)
        await story.finish(kit)
        return await story.open_all()

    opening = story.play(script)
    assert votes_in(opening) == rows_of(first.station)
    assert units(opening) == {terminal_of(first.name): ("counted", "only-one")}
    (tally,) = story.tallies()
    assert (tally["device"], tally["cause"], tally["flags"]) == (
        spare_of(first.device),
        "replacement-kit",
        (),
    )
    assert set(story.statuses) == {spare_of(first.device)}, "the first kit never came back"


@pytest.mark.usefixtures("thick_faults")
@pytest.mark.parametrize("seed", SEEDS)
def test_replacement_kit_meets_faults_of_its_own(seed: int, tmp_path: Path) -> None:
    """Power cuts, dead links and noise from the take-over on, at the standby and at the centre; then all is healed."""
    story = Story(tmp_path, seed=seed)
    first = story.branch

    async def script() -> Opening:
        await story.until_open(first)
        await story.vote(first, 0.2)
        first.destroy()
        kit = story.standby_of(first)
        swarm = Swarm(story.loop, [kit], story.centre, story.broker)
        swarm.start()
        await story.take_over(kit)
        await kit.vote(story.loop.time(), START_S + story.hours.close_s)
        await story.close_and_account(kit)
        swarm.heal()
        assert sum(swarm.struck.values()) > 3
        await kit.officials.until_phase("delivered")
        return await story.open_all()

    opening = story.play(script)
    assert votes_in(opening) == rows_of(first.station)
    assert [one["cause"] for one in story.tallies()] == ["replacement-kit"]


def test_kit_destroyed_before_sending_takes_the_votes_with_it(story: Story) -> None:
    """The terminal gives the standby the same tally again. Later the first kit's disk is found, and changes nothing."""
    first = story.branch

    async def script() -> tuple[Opening, Opening]:
        await story.until_open(first)
        await story.vote(first)
        for link in first.links.values():
            link.down()
        await story.close_and_account(first)
        await first.officials.until_phase("sealed")
        first.destroy()
        kit = story.standby_of(first)
        await story.take_over(kit)
        await story.finish(kit)
        one = await story.open_all()
        for envelope in story.sealed_in(first):
            assert not (await story.commission.submit(envelope)).held
        await story.commission.order()
        return one, await story.commission.opening()

    one, two = story.play(script)
    for opening in (one, two):
        assert votes_in(opening) == rows_of(first.station)
        unit = unit_of(opening, terminal_of(first.name))
        assert (unit.status, unit.order) == ("counted", 1)
    again, found = story.tallies()
    assert (again["device"], again["cause"], again["flags"]) == (spare_of(first.device), "reissued", ())
    assert (found["device"], found["cause"], found["flags"]) == (first.device, "first", ("clash",))


def test_two_kits_for_one_branch_are_both_counted(story: Story) -> None:
    """The first kit has no way to the centre; given up as lost, it finds one after the standby has sent."""
    first = story.branch

    async def script() -> Opening:
        await story.until_open(first)
        await story.vote(first)
        for link in first.links.values():
            link.down()
        await story.close_and_account(first)
        await first.officials.until_phase("sealed")
        first.unplug(terminal_of(first.name))
        kit = story.standby_of(first)
        await story.take_over(kit)
        await story.finish(kit)
        for link in first.links.values():
            link.up()
        await first.officials.until_phase("delivered")
        (unit,) = story.commission.listing().units
        assert (unit.status, len(unit.envelopes)) == ("set-aside", 2)
        chosen = story.tallies()[0]["sha256"]
        await story.commission.adjudicate(
            first.name, terminal_of(first.name), "count", "two-kits", envelope_sha256=chosen
        )
        return await story.open_all()

    opening = story.play(script)
    assert votes_in(opening) == rows_of(first.station)
    unit = unit_of(opening, terminal_of(first.name))
    assert (unit.status, unit.code, len(unit.envelopes)) == ("counted", "adjudicated", 2)
    assert [(one["device"], one["flags"]) for one in story.tallies()] == [
        (spare_of(first.device), ()),
        (first.device, ("clash",)),
    ]
    for status in story.statuses.values():
        assert (status["phase"], status["outbox"]["waiting"]) == ("delivered", [])
        assert set(status["outbox"]["receipts"]) == {"1", "2"}


def test_destroyed_terminal_is_counted_or_stops_the_poll(story: Story) -> None:
    kit, (lost, standby) = story.branch, names(story)

    async def script() -> Opening:
        await story.until_open(kit)
        await story.vote(kit, 0.3)
        await story.replace_terminal(kit, "water came in")
        await story.spare_is(kit, "open")
        await story.vote(kit, 0.6)
        await story.finish(kit)
        await story.commission.adjudicate(kit.name, lost, "absent", "terminal-destroyed")
        return await story.open_all()

    opening = story.play(script)
    counted = kit.terminals[standby].durable["counted"]
    assert votes_in(opening) == {
        contest: count["votes"] for contest, count in counted.items() if any(count["votes"].values())
    }
    assert kit.terminals[lost].durable["public_counter"] > 0
    assert units(opening) == {lost: ("absent", "adjudicated"), standby: ("counted", "only-one")}
    assert [one["terminal"] for one in story.tallies()] == [standby]


def test_re_vote_is_added_to_the_annulled_poll(story: Story) -> None:
    first, (annulled, again) = story.branch, names(story)

    async def script() -> Opening:
        await story.until_open(first)
        await story.vote(first)
        await story.finish(first)
        first.unplug(annulled)
        kit = story.standby_of(first, poll="re-vote")
        kit.plug(again)
        kit.start()
        await story.replace_terminal(kit, "re-vote, decree 9")
        await story.until_open(kit)
        await story.vote(kit, 0.7)
        await story.finish(kit)
        listed = {unit.terminal: unit.status for unit in story.commission.listing().units}
        assert listed == {annulled: "counted", again: "set-aside"}
        envelope = story.tallies()[1]["sha256"]
        await story.commission.adjudicate(first.name, annulled, "set-aside", "re-vote")
        await story.commission.adjudicate(first.name, again, "count", "re-vote", envelope_sha256=envelope)
        return await story.open_all()

    opening = story.play(script)
    counted = first.terminals[again].durable["counted"]
    assert votes_in(opening) == {
        contest: count["votes"] for contest, count in counted.items() if any(count["votes"].values())
    }
    assert units(opening) == {annulled: ("set-aside", "adjudicated"), again: ("counted", "adjudicated")}
    assert [one["cause"] for one in story.tallies()] == ["first", "re-vote"]


def test_merged_branch_stays_an_open_question(story_of_two: Story) -> None:
    story = story_of_two
    host, merged = story.branches

    async def script() -> Opening:
        await story.until_open(host)
        await story.vote(host)
        await story.finish(host)
        await story.commission.adjudicate(merged.name, terminal_of(merged.name), "absent", "merged-branch")
        return await story.open_all()

    opening = story.play(script)
    assert votes_in(opening) == rows_of(host.station)
    assert units(opening) == {
        terminal_of(host.name): ("counted", "only-one"),
        terminal_of(merged.name): ("absent", "adjudicated"),
    }
    assert "merged" in str(unit_of(opening, terminal_of(merged.name)).reason)


def carry(answers: dict[str, Any], stick: Path, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """``kitctl media export``, on what kitd answers; returns the envelopes on the stick."""
    stick.mkdir()
    monkeypatch.setattr(media, "ask", lambda _socket, request: answers[request["op"]])
    with pytest.raises(SystemExit) as end:
        media.main(["export", str(stick), "--lang", "en"])
    assert end.value.code == 0
    return [path.read_bytes() for path in sorted(stick.glob("*.dsse.json"))]


def test_late_courier_comes_after_the_first_opening(
    story_of_two: Story, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No uplink all evening. Order 1 opens the others, a stick brings the envelopes, order 2 opens them."""
    story = story_of_two
    near, far = story.branches

    async def script() -> tuple[Opening, Opening]:
        await story.until_open(near)
        far_day = story.loop.create_task(story.until_open(far))
        await far_day
        for link in far.links.values():
            link.down()
        for kit in (near, far):
            await story.vote(kit)
            await story.close_and_account(kit)
        await near.officials.until_phase("delivered")
        await far.officials.until_phase("sealed")
        one = await story.open_all()
        await far.officials.order_besides("release-media", lambda status: bool(status["released"]))
        answers = {op: await far.ask({"op": op}) for op in ("status", "media")}
        for data in carry(answers, tmp_path / "stick", monkeypatch):
            assert not (await story.commission.submit(data)).held
        for link in far.links.values():
            link.up()
        await far.officials.until_phase("delivered")
        await story.commission.order()
        return one, await story.commission.opening()

    one, two = story.play(script)
    assert votes_in(one) == rows_of(near.station)
    assert units(one)[terminal_of(far.name)][0] == "absent"
    assert votes_in(two) == rows_of(near.station, far.station)
    orders = {unit.terminal: unit.order for unit in two.units}
    assert orders == {terminal_of(near.name): 1, terminal_of(far.name): 2}
    assert sorted(one["device"] for one in story.tallies()) == sorted(
        device_of(kit.name) for kit in story.branches
    )
