"""The evening, from the first order to the audit: whatever arrives late, twice or not at all is accounted for."""

import json
from pathlib import Path

import pytest

from center.publication import layout as publication
from tests.center.branch import Device
from tests.center.evening import Evening, trustees_election
from tests.crypto.election_fixture import COUNCIL, Election


@pytest.fixture(scope="module")
def election() -> Election:
    return trustees_election(3)


@pytest.fixture
def evening(tmp_path: Path, election: Election) -> Evening:
    return Evening(tmp_path, election)


def totals(evening: Evening) -> publication.Totals:
    return publication.decode_totals((evening.public / "totals.json").read_bytes())


def unit(evening: Evening, branch: str, terminal: str | None = None) -> dict[str, object]:
    units = json.loads(evening.result.read_bytes())["units"]
    (found,) = [
        one for one in units if one["branch"] == branch and one["terminal"] == (terminal or one["terminal"])
    ]
    return dict(found)


def test_nothing_goes_wrong(evening: Evening) -> None:
    evening.day("branch-1", "branch-2", "branch-3")
    evening.whole(1, 3)
    ran = evening.audit()
    assert (ran.code, ran.err) == (0, ""), ran.out
    assert "opened by trustees" in ran.out
    assert "opening orders 1" in ran.out
    assert "trustees' answers 6" in ran.out
    assert "cannot be recomputed" not in ran.out
    assert totals(evening).contests[COUNCIL].votes == {"2": 360, "5": 600, "41": 1440}
    names = {str(path.relative_to(evening.public)) for path in evening.public.rglob("*") if path.is_file()}
    assert {
        "opening/1/order.dsse.json",
        "opening/1/listing.json",
        "opening/1/answers-trustee-1.json",
        "opening/1/answers-trustee-3.json",
    } <= names
    (order,) = totals(evening).orders
    assert order.trustees == ("trustee-1", "trustee-3")
    assert not totals(evening).plan_b


def test_other_trustees_give_other_results(evening: Evening) -> None:
    evening.day("branch-1", "branch-2")
    evening.order()
    evening.witness(1)
    evening.publish()
    for number in (1, 2, 3):
        assert evening.answer(number).code == 0
    files = [evening.answers(number) for number in (1, 2, 3)]
    results = []
    for chosen in (files[:2], files[1:], [files[2], files[0]], files):
        assert evening.open_by(*chosen).code == 1  # branch-3 is absent
        facts = json.loads(evening.result.read_bytes())
        assert len(facts.pop("orders")[0]["trustees"]) == len(chosen)
        results.append(facts)
    assert all(facts == results[0] for facts in results)
    evening.open_by(*files)
    once = evening.result.read_bytes()
    evening.open_by(*reversed(files), files[0])
    assert evening.result.read_bytes() == once


def test_courier_comes_after_the_first_order(evening: Evening) -> None:
    evening.day("branch-1")
    late = evening.devices["branch-2"]
    account, tally = late.account(), late.tally()
    evening.whole()
    assert totals(evening).units == {"absent": 2, "counted": 1, "set-aside": 0}
    first = (evening.public / "opening" / "3.json").read_bytes()
    evening.center.take((late, account), (late, tally))
    ran = evening.draft()
    assert "it opens 1 envelopes" in ran.out
    answers_1 = [evening.answers(n).rename(evening.folder / f"first-{n}") for n in (1, 2)]
    evening.order()
    evening.witness(2)
    evening.publish()
    for number in (2, 3):
        assert evening.answer(number).code == 0
        assert len(json.loads(evening.answers(number).read_bytes())["answers"]) == 1
    new = [evening.answers(number) for number in (2, 3)]
    ran = evening.open_by(*new)
    assert ran.code == 69
    assert "order 1: 2 trustees have to answer, right are those of nobody" in ran.err
    assert evening.open_by(*answers_1, *new).code == 1
    both = evening.result.read_bytes()
    assert evening.open_by(*new, options=("--publication", evening.public)).code == 1
    assert evening.result.read_bytes() == both
    evening.publish("--opening", evening.result, "--answers", *new)
    assert totals(evening).units == {"absent": 1, "counted": 2, "set-aside": 0}
    assert totals(evening).contests[COUNCIL].ballots == 2 * 814
    assert [one.number for one in totals(evening).orders] == [1, 2]
    assert unit(evening, "branch-1", "terminal-1-1")["order"] == 1
    assert unit(evening, "branch-2", "terminal-2-1")["order"] == 2
    assert (evening.public / "opening" / "3.json").read_bytes() == first
    ran = evening.audit()
    assert ran.code == 1, ran.out
    assert "openings 2" in ran.out
    # Published answers are all that anybody needs.
    before = evening.result.read_bytes()
    assert evening.open_published().code == 1
    assert evening.result.read_bytes() == before


def test_envelope_that_no_order_covers_is_forgotten(evening: Evening) -> None:
    evening.day("branch-1")
    evening.order()
    evening.day("branch-2")
    evening.witness(1)
    evening.publish()
    for number in (1, 2):
        assert evening.answer(number).code == 0
    assert evening.open_by(evening.answers(1), evening.answers(2)).code == 1
    found = [one["code"] for one in json.loads(evening.result.read_bytes())["findings"]]
    assert found == ["in-no-order-yet"]
    assert unit(evening, "branch-2", "terminal-2-1")["status"] == "absent"


def test_centre_keeps_to_its_first_result(evening: Evening) -> None:
    """The late branch is logged and ordered open, and the centre goes on showing the result without it."""
    evening.day("branch-1", "branch-2")
    evening.whole()
    assert "are in no opening" not in evening.audit().out
    evening.day("branch-3")
    evening.witness(1, 2)
    evening.publish("--opening", evening.result)
    ran = evening.audit()
    assert ran.code == 1
    assert (
        "counts the first 5 leaves: 1 sealed tallies that were logged after them (from leaf 6 on)" in ran.out
    )
    evening.order()
    evening.witness(1, 2)
    evening.publish("--opening", evening.result)
    ran = evening.audit()
    assert ran.code == 1
    assert (
        "opens 1 more envelopes, but opening/5.json ends with order 1: they are in no totals yet" in ran.out
    )
    for number in (1, 2):
        assert evening.answer(number).code == 0
    evening.publish("--answers", evening.answers(1), evening.answers(2))
    assert evening.open_published().code == 0
    evening.publish("--opening", evening.result)
    assert (evening.audit().code, evening.audit().err) == (0, "")


def test_second_order_is_logged_before_the_first_is_answered(evening: Evening) -> None:
    """Each set of orders has an opening of its own, under its own name: nothing published changes."""
    evening.day("branch-1")
    evening.order()
    evening.day("branch-2")
    evening.order()
    evening.witness(1)
    evening.publish()
    for order in (1, 2):
        for number in (1, 2):
            assert evening.answer(number, "--order", order).code == 0
        evening.publish("--answers", evening.answers(1), evening.answers(2))
        ran = evening.open_by(evening.answers(1), options=("--order", order, "--publication", evening.public))
        assert ran.code == 1, ran.err
        evening.publish("--opening", evening.result)
        assert totals(evening).units == {"absent": 3 - order, "counted": order, "set-aside": 0}
    assert {path.name for path in (evening.public / "opening").glob("*.json")} == {"5.json", "6.json"}
    ran = evening.audit()
    assert (ran.code, "openings 2" in ran.out) == (1, True), ran.out


def test_two_kits_for_one_branch_until_officials_settle_it(evening: Evening) -> None:
    evening.day("branch-1")
    second, kit = evening.standby(1), evening.devices["branch-1"]
    good = second.tally("terminal-1-1", cause="replacement-kit")
    evening.center.take((second, good))
    evening.whole()
    found = unit(evening, "branch-1", "terminal-1-1")
    assert (found["status"], found["code"]) == ("set-aside", "several-devices")
    assert "device-1, standby-device-1-1" in str(found["reason"])
    assert found["contests"] == {}
    assert totals(evening).contests[COUNCIL].ballots == 0
    act = evening.commission.adjudication(
        "branch-1", "count", good, cause="two-kits", reason="the second kit"
    )
    assert not evening.commission.hand_in(act).refused
    evening.whole()
    found = unit(evening, "branch-1", "terminal-1-1")
    assert (found["status"], found["code"], found["order"]) == ("counted", "adjudicated", 2)
    assert totals(evening).contests[COUNCIL].ballots == 814
    assert kit.seq == 2
    assert evening.audit().code == 1


def test_terminal_is_destroyed_and_its_standby_takes_over(evening: Evening) -> None:
    kit = evening.devices["branch-1"]
    standby = "standby-terminal-1-1"
    evening.center.take((kit, kit.account(standby)), (kit, kit.tally(standby)))
    act = evening.commission.adjudication(
        "branch-1", "absent", cause="terminal-destroyed", reason="fire at noon"
    )
    evening.commission.hand_in(act)
    evening.day("branch-2", "branch-3")
    evening.whole()
    gone = unit(evening, "branch-1", "terminal-1-1")
    assert (gone["status"], gone["code"]) == ("absent", "adjudicated")
    assert gone["reason"] == "adjudication 1, terminal-destroyed: fire at noon"
    assert unit(evening, "branch-1", standby)["status"] == "counted"
    assert totals(evening).units == {"absent": 1, "counted": 3, "set-aside": 0}
    # Its poll book is the branch's: nothing is missing in it.
    assert json.loads(evening.result.read_bytes())["findings"] == []


def test_kit_is_destroyed_and_the_terminal_gives_its_tally_to_a_standby(evening: Evening) -> None:
    evening.day("branch-2", "branch-3")
    standby: Device = evening.standby(1)
    evening.center.take((standby, standby.account()), (standby, standby.tally(cause="reissued")))
    evening.whole()
    found = unit(evening, "branch-1", "terminal-1-1")
    assert (found["status"], found["code"]) == ("counted", "only-one")
    assert evening.audit().code == 0


def test_same_poll_is_held_again(evening: Evening) -> None:
    """Two closes of one terminal: only the one that officials name is ever opened."""
    evening.day("branch-2", "branch-3")
    kit = evening.devices["branch-1"]
    first = kit.tally()
    second = kit.tally(close_no=2, cause="re-vote")
    evening.center.take((kit, first), (kit, second))
    assert "several-closes" in evening.draft().out
    act = evening.commission.adjudication(
        "branch-1", "count", second, cause="re-vote", reason="poll held again"
    )
    evening.commission.hand_in(act)
    evening.whole()
    found = unit(evening, "branch-1", "terminal-1-1")
    assert (found["close_no"], found["status"]) == (2, "counted")
    disclosed = [one["envelope_sha256"] for one in found["disclosures"]]  # type: ignore[attr-defined]
    assert len(disclosed) == 1
    assert len(json.loads(evening.answers(1).read_bytes())["answers"]) == 3


def test_merged_branch_is_missed(evening: Evening) -> None:
    evening.day("branch-1", "branch-2")
    act = evening.commission.adjudication(
        "branch-3", "absent", cause="merged-branch", reason="its voters voted at branch-2"
    )
    evening.commission.hand_in(act)
    evening.whole()
    assert unit(evening, "branch-3", "terminal-3-1")["reason"] == (
        "adjudication 1, merged-branch: its voters voted at branch-2"
    )


def test_opened_unit_is_judged_anew(evening: Evening) -> None:
    """What was opened stays: a second count of one terminal would tell what a few voted."""
    evening.day("branch-1", "branch-2", "branch-3")
    kit = evening.devices["branch-1"]
    evening.whole()
    other = kit.tally(entropy="again", close_no=2)
    evening.center.take((kit, other))
    act = evening.commission.adjudication("branch-1", "count", other, cause="re-vote", reason="too late")
    evening.commission.hand_in(act)
    ran = evening.draft()
    assert "it opens 0 envelopes" in ran.out
    assert "adjudication-void" in ran.out
    evening.order()
    evening.witness(1)
    evening.publish()
    ran = evening.answer(1)
    assert (ran.code, "nothing to answer" in ran.out) == (0, True)
    assert evening.open_by(evening.answers(1), evening.answers(2)).code == 2
    assert unit(evening, "branch-1", "terminal-1-1")["close_no"] == 1
