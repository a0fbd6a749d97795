"""Kits and terminals break, burn and multiply: real kits' envelopes through the real intake, listing and opening."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from center.opening.listing import ListedUnit
from crypto.codec import unb64
from crypto.notes import Cosigner
from kit.events import MediaAsked
from tests.center.branch import Center as Intake
from tests.center.commission import Commission
from tests.center.units import Round, opened
from tests.crypto.election_fixture import COUNCIL, Election, make_election
from tests.kit.center_stand_in import Center as StandIn
from tests.kit.harness import SCHEDULE, STANDBY_DEVICE, STANDBY_TERMINAL, TRUTH, Branch
from tests.kit.staff import order, work_until

T1, T2 = "terminal-1-1", "terminal-1-2"
VOTES = TRUTH[COUNCIL].votes["41"]  # of each terminal on which everybody voted


@cache
def election(terminals: int) -> Election:
    return make_election(2, schedule=SCHEDULE, opening="trustees", standbys=2, terminals_per_branch=terminals)


class Evening(Round):
    """A round over an election whose branches are real kits."""

    def __init__(self, folder: Path, terminals: int) -> None:
        self.election = election(terminals)
        self.center = Intake(self.election, str(folder / "ledger.db"))
        self.commission = Commission(self.center)
        self.files = []
        cosigner = Cosigner("witness-1.example", self.election.witnesses[0])
        self.receipts = StandIn(self.election, (cosigner,))
        self.logged: set[bytes] = set()

    def kit(self, **how: Any) -> Branch:
        kit = Branch(self.election, center=self.receipts, **how)
        kit.settle()
        return kit

    def hear(self, kit: Branch) -> list[tuple[str, ...]]:
        """Whatever the kit has sealed reaches the centre; returns the flags of what is new there."""
        flags = []
        for fact in kit.envelopes():
            data = unb64(fact.envelope)
            if data not in self.logged:
                self.logged.add(data)
                flags.append(self.courier(data))
        return flags

    def votes(self) -> int:
        return self.open().contests[COUNCIL].votes["41"]

    def units(self) -> dict[str, str]:
        """Status of each unit of branch 1."""
        return {unit.terminal: unit.status for unit in self.listing().units if unit.branch == "branch-1"}

    def tally_of(self, kit: Branch, terminal: str) -> bytes:
        (fact,) = [fact for fact in kit.envelopes() if (fact.kind, fact.terminal) == ("tally", terminal)]
        return unb64(fact.envelope)


@pytest.fixture
def evening(tmp_path: Path) -> Iterator[Evening]:
    made = Evening(tmp_path, 1)
    yield made
    made.center.close()


@pytest.fixture
def evening_of_two(tmp_path: Path) -> Iterator[Evening]:
    made = Evening(tmp_path, 2)
    yield made
    made.center.close()


def taken_over(evening: Evening, lost: Branch) -> Branch:
    kit = evening.kit(device=STANDBY_DEVICE, lines_of=lost)
    order(kit, "reissue")
    kit.statuses()
    return kit


def test_replacement_kit_at_noon_counts_twice_or_never(evening: Evening) -> None:
    lost = work_until(evening.kit(), "open")
    lost.lines[T1].model.cast_all()
    kit = work_until(taken_over(evening, lost), "delivered")
    assert evening.hear(lost) == []
    assert evening.hear(kit) == [(), ()]
    evening.order()
    assert evening.votes() == VOTES


def test_kit_destroyed_before_sending_takes_the_votes_with_it(evening: Evening) -> None:
    lost = evening.kit()
    lost.center_answers = False
    work_until(lost, "sending")
    kit = work_until(taken_over(evening, lost), "delivered")
    assert evening.hear(kit) == [(), ()]
    evening.order()
    assert evening.votes() == VOTES
    # The lost kit's disk is found in the ashes, after the opening.
    assert evening.hear(lost) == [("clash",), ("clash",)]
    evening.order()
    assert evening.votes() == VOTES


def test_two_kits_of_one_branch_are_both_counted(evening: Evening) -> None:
    first = evening.kit()
    first.center_answers = False
    work_until(first, "sending")
    kit = work_until(taken_over(evening, first), "delivered")
    evening.hear(first)
    assert evening.hear(kit) == [("clash",), ("clash",)]
    assert evening.units() == {T1: "set-aside"}
    act = evening.commission.adjudication("branch-1", "count", evening.tally_of(kit, T1), cause="two-kits")
    evening.act(act)
    evening.order()
    assert evening.votes() == VOTES


def test_terminals_that_two_kits_share_out_are_lost(evening_of_two: Evening) -> None:
    evening = evening_of_two
    first = work_until(evening.kit(), "open")
    kit = evening.kit(device=STANDBY_DEVICE, lines_of=first)
    order(first, "replace-terminal", terminal=T2, standby=None, reason="to the other kit")
    order(kit, "replace-terminal", terminal=T1, standby=None, reason="at the other kit")
    first.unplug(T2)
    kit.unplug(T1)
    order(kit, "reissue")
    kit.statuses()
    for one in (first, kit):
        work_until(one, "delivered")
        assert evening.hear(one) == [(), ()]
    evening.order()
    assert evening.votes() == 2 * VOTES


def test_destroyed_terminal_takes_the_others_votes_with_it(evening_of_two: Evening) -> None:
    evening = evening_of_two
    kit = work_until(evening.kit(), "open")
    kit.unplug(T1)
    kit.plug(STANDBY_TERMINAL)
    order(kit, "replace-terminal")
    work_until(kit, "delivered")
    assert set(evening.hear(kit)) == {()}
    assert evening.units() == {T1: "absent", T2: "counted", STANDBY_TERMINAL: "counted"}
    act = evening.commission.adjudication(
        "branch-1", "absent", terminal=T1, cause="terminal-destroyed", reason="water came in"
    )
    evening.act(act)
    evening.order()
    opening = evening.open()
    assert opening.contests[COUNCIL].votes["41"] == 2 * VOTES
    assert opened(opening, T1).status == "absent"


def test_terminal_destroyed_after_its_account_is_no_longer_asked_after(evening_of_two: Evening) -> None:
    evening = evening_of_two
    kit = work_until(evening.kit(), "accounted")
    kit.unplug(T1)
    order(kit, "replace-terminal", standby=None)
    work_until(kit, "delivered")
    evening.hear(kit)
    units: dict[str, ListedUnit] = {unit.terminal: unit for unit in evening.listing().units}
    assert (units[T1].status, units[T1].code) == ("absent", "account-only")
    assert units[T2].status == "counted"


def test_re_vote_is_added_to_the_annulled_poll(evening: Evening) -> None:
    """A standby terminal is a unit of its own: commissioners say what becomes of both."""
    first = work_until(evening.kit(), "delivered")
    evening.hear(first)
    kit = evening.kit(device=STANDBY_DEVICE, poll="re-vote")
    kit.unplug(T1)
    kit.plug(STANDBY_TERMINAL)
    order(kit, "replace-terminal", reason="re-vote")
    work_until(kit, "delivered")
    assert evening.hear(kit) == [(), ("re-vote",)]
    assert evening.units() == {T1: "counted", STANDBY_TERMINAL: "set-aside"}
    evening.act(evening.commission.adjudication("branch-1", "set-aside", terminal=T1, cause="re-vote"))
    again = evening.tally_of(kit, STANDBY_TERMINAL)
    evening.act(
        evening.commission.adjudication(
            "branch-1", "count", again, terminal=STANDBY_TERMINAL, cause="re-vote"
        )
    )
    assert evening.units() == {T1: "set-aside", STANDBY_TERMINAL: "counted"}
    evening.order()
    assert evening.votes() == VOTES


def test_late_courier_is_turned_away(evening: Evening) -> None:
    """No uplink all evening: a stick arrives after the first opening, and is opened by the second order."""
    kit = evening.kit()
    work_until(kit, "accounted")
    for name in kit.links:
        kit.set_link(name, "refused")
    work_until(kit, "sealed")
    order(kit, "release-media")
    media = kit.ask(MediaAsked)["media"]
    other = evening.device(2)
    evening.send(other, other.account(), other.tally())
    evening.order()
    before = evening.votes()
    for item in media["envelopes"]:
        assert evening.courier(unb64(item["envelope"])) == ()
    evening.order()
    assert evening.votes() == before + VOTES


def test_reopened_poll_is_two_units(evening: Evening) -> None:
    kit = work_until(evening.kit(), "closed")
    order(kit, "reopen")
    work_until(kit, "delivered")
    assert evening.hear(kit) == [(), ()]
    assert evening.units() == {T1: "counted"}
    evening.order()
    assert evening.votes() == VOTES
