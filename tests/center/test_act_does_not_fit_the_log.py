"""An act that is not the next of its kind, or speaks of what is not logged, is refused with a reason, never logged."""

from collections.abc import Iterator
from pathlib import Path

import aiomqtt
import apsw
import pytest
from msgspec import structs

from center.intake.admission import SPOOL, Duplicate
from center.log.leaves import check_leaf, holds_act
from center.log.ledger import Ledger
from crypto.act_statements import LogPosition
from crypto.acts import CheckedAct, read_act
from crypto.codec import sha256_hex
from crypto.statements import Schedule
from crypto.submissions import CheckedSubmission
from crypto.wire import NARROW, topic_envelope
from tests.center.branch import Center, Device, receipts
from tests.center.commission import LATER, Commission
from tests.crypto.election_fixture import ELECTION, SCHEDULE, make_election


@pytest.fixture
def center(tmp_path: Path) -> Iterator[Center]:
    center = Center(make_election(2, standbys=1), str(tmp_path / "ledger.db"))
    yield center
    center.close()


@pytest.fixture
def commission(center: Center) -> Commission:
    return Commission(center)


@pytest.fixture
def tally(center: Center) -> bytes:
    device = Device(center.election, "branch-1")
    data = device.tally()
    center.take((device, data))
    return data


def test_acts_become_leaves_beside_envelopes(center: Center, commission: Commission, tally: bytes) -> None:
    acts = [commission.adjudication("branch-1", "count", tally), commission.change(), commission.order()]
    outcome = commission.hand_in(*acts)
    assert [act.kind for act in outcome.acts] == ["adjudication", "schedule-change", "opening-order"]
    assert not outcome.admitted
    assert not outcome.refused
    assert not receipts(outcome), "nobody waits for the receipt of an act"
    two = Device(center.election, "branch-2")
    center.take((two, two.account()))
    entries = list(center.ledger.entries())
    assert [(entry.leaf, entry.kind) for entry in entries] == list(
        enumerate(["sealed-tally", "adjudication", "schedule-change", "opening-order", "account-submission"])
    )
    assert [entry.data for entry in entries[1:4]] == acts
    assert {entry.branch + entry.unit for entry in entries[1:4]} == {""}
    assert center.ledger.size() == center.log.size == 5
    assert [center.ledger.leaf_of(sha256_hex(act)) for act in acts] == [1, 2, 3]
    assert [entry.data for entry in center.ledger.entries_from(3)] == [acts[2], entries[4].data]
    assert [entry.leaf for entry in center.ledger.acts("schedule-change")] == [2]
    assert center.ledger.counts().acts == {"adjudication": 1, "opening-order": 1, "schedule-change": 1}
    assert center.ledger.counts().verified == 2, "acts are no messages of branches"


def test_leaf_is_verified_by_what_it_says_it_is(center: Center, commission: Commission, tally: bytes) -> None:
    act = commission.change()
    assert (holds_act(act), holds_act(tally)) == (True, False)
    assert isinstance(check_leaf(act, center.election.loaded), CheckedAct)
    assert isinstance(check_leaf(tally, center.election.loaded), CheckedSubmission)


def test_sequencer_reads_a_log_with_acts_again(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    election = make_election(2)
    center = Center(election, path)
    commission = Commission(center)
    commission.hand_in(commission.change())
    device = Device(election, "branch-1")
    center.take((device, device.account()))
    root = center.log.root_at(2)
    center.close()
    again = Center(election, path)
    assert (again.log.size, again.log.root_at(2), again.log.root_at(3)) == (2, root, None)
    second = Commission(again).change()
    assert read_act(second).number == 2
    assert len(Commission(again).hand_in(second).acts) == 1
    again.close()


def test_same_act_again_is_held_already(center: Center, commission: Commission) -> None:
    act = commission.change()
    first = commission.hand_in(act, act)
    assert [type(one) for one in first.judged][1] is Duplicate
    assert commission.hand_in(act).judged == (Duplicate(sha256_hex(act), None, act),)
    assert center.log.size == 1


def test_same_act_signed_by_others_is_not_the_next(commission: Commission) -> None:
    commission.hand_in(commission.change())
    again = commission.change(number=1, prev=None, reason="the same, in other words")
    assert "is number 1, but 2 is the next" in commission.refusal(again)


def test_act_that_leaves_a_number_out_is_refused(commission: Commission) -> None:
    assert "but 1 is the next" in commission.refusal(commission.change(number=2, prev="ab" * 32))


def test_act_that_follows_another_than_the_logged_one_is_refused(commission: Commission) -> None:
    commission.hand_in(commission.change())
    assert "does not follow the logged number 1" in commission.refusal(commission.change(prev="ab" * 32))


def test_two_acts_of_one_number_in_a_batch_are_not_both_logged(
    center: Center, commission: Commission
) -> None:
    outcome = commission.hand_in(commission.change(), commission.change(reason="another"))
    assert (len(outcome.acts), len(outcome.refused), center.log.size) == (1, 1, 1)


def test_each_kind_of_act_counts_for_itself(commission: Commission) -> None:
    for act in (commission.change(), commission.adjudication()):
        assert read_act(act).number == 1
        assert len(commission.hand_in(act).acts) == 1


def test_act_on_a_branchs_topic_is_refused(center: Center, commission: Commission) -> None:
    (refused,) = center.take((topic_envelope(ELECTION, "branch-1"), commission.change())).refused
    assert "no type of submission" in refused.reason


def test_broker_passes_a_message_off_as_a_file(center: Center, commission: Commission) -> None:
    """It holds a signed act that commissioners kept back. Only the centre's own people hand acts in."""
    for topic in (SPOOL, SPOOL + NARROW):
        with pytest.raises(ValueError, match="Invalid topic"):
            aiomqtt.Topic(topic)
    for topic in ("spool", "spool" + NARROW, NARROW, "files"):
        assert center.take((topic, commission.change())).refused
    assert center.log.size == 0


def test_act_of_one_body_is_refused(center: Center) -> None:
    alone = Commission(center, ["commissioner-executive"])
    assert "of another body must sign" in alone.refusal(alone.change())


@pytest.mark.usefixtures("tally")
def test_adjudication_of_an_envelope_that_is_not_logged_is_refused(
    center: Center, commission: Commission
) -> None:
    later = Device(center.election, "branch-1").tally(entropy="second")
    assert "submit that envelope first" in commission.refusal(
        commission.adjudication("branch-1", "count", later)
    )


def test_adjudication_of_another_units_envelope_is_refused(commission: Commission, tally: bytes) -> None:
    assert "name an envelope of the same terminal" in commission.refusal(
        commission.adjudication("branch-2", "count", tally)
    )
    assert "name an envelope of the same terminal" in commission.refusal(
        commission.adjudication("branch-1", "count", tally, terminal="standby-terminal-1-1")
    )


def test_ballot_account_cannot_be_made_to_count(center: Center, commission: Commission) -> None:
    device = Device(center.election, "branch-1")
    account = device.account()
    center.take((device, account))
    assert "no sealed tally" in commission.refusal(commission.adjudication("branch-1", "count", account))


def test_envelope_and_its_adjudication_may_come_in_one_batch(center: Center, commission: Commission) -> None:
    device = Device(center.election, "branch-1")
    tally = device.tally()
    outcome = center.take((device, tally), (SPOOL, commission.adjudication("branch-1", "count", tally)))
    assert (len(outcome.admitted), len(outcome.acts)) == (1, 1)


@pytest.mark.usefixtures("tally")
def test_order_of_another_log_is_refused(commission: Commission) -> None:
    assert "this order is of another log" in commission.refusal(
        commission.order(log=LogPosition(size=1, root="ab" * 32))
    )
    assert "fewer are logged" in commission.refusal(commission.order(2))


@pytest.mark.usefixtures("tally")
def test_order_that_covers_no_more_than_the_last_is_refused(commission: Commission) -> None:
    commission.hand_in(commission.order())
    assert "not the order before it (number 1)" in commission.refusal(commission.order(1))
    assert len(commission.hand_in(commission.order(2)).acts) == 1


def test_schedule_that_moves_earlier_is_refused(commission: Commission) -> None:
    earlier = Schedule(
        open_not_before=SCHEDULE.open_not_before,
        close_not_before="2027-06-18T14:00:00.000Z",
        tally_not_before=SCHEDULE.tally_not_before,
        opening_not_before=SCHEDULE.opening_not_before,
    )
    assert "of the manifest: a schedule only moves later" in commission.refusal(commission.change(earlier))
    commission.hand_in(commission.change())
    assert "of the schedule change number 1" in commission.refusal(commission.change(SCHEDULE))
    assert "of the schedule change number 1" in commission.refusal(commission.change(SCHEDULE, "branch-2"))


def test_schedule_of_one_branch_does_not_bind_another(commission: Commission) -> None:
    assert len(commission.hand_in(commission.change(LATER, "branch-1")).acts) == 1
    assert len(commission.hand_in(commission.change(SCHEDULE, "branch-2")).acts) == 1
    assert "of the schedule change number 1" in commission.refusal(commission.change(SCHEDULE, "branch-1"))


@pytest.mark.parametrize("time", ["2027-06-18T18:30:00.001Z", "2027-13-18T18:30:00.000Z"])
def test_schedule_that_runs_backwards_or_nowhere_is_refused(commission: Commission, time: str) -> None:
    wrong = Schedule(
        open_not_before=SCHEDULE.open_not_before,
        close_not_before=LATER.close_not_before,
        tally_not_before=time,
        opening_not_before=LATER.opening_not_before,
    )
    assert any(word in commission.refusal(commission.change(wrong)) for word in ("backwards", "no moment"))


@pytest.mark.parametrize("statement", ["UPDATE acts SET bytes = x'00'", "DELETE FROM acts"])
def test_logged_acts_can_neither_be_changed_nor_removed(
    center: Center, commission: Commission, statement: str
) -> None:
    commission.hand_in(commission.change())
    with pytest.raises(apsw.ConstraintError, match="append-only"):
        center.ledger._db.execute(statement)


@pytest.mark.usefixtures("tally")
def test_act_and_envelope_never_share_a_leaf(center: Center, commission: Commission) -> None:
    commission.hand_in(commission.change())
    db = center.ledger._db
    with pytest.raises(apsw.ConstraintError, match="leaf is taken"):
        db.execute("INSERT INTO acts VALUES (0, 'x', 'adjudication', 1, '', 'at', x'00')")
    with pytest.raises(apsw.ConstraintError, match="leaf is taken"):
        db.execute(
            "INSERT INTO envelopes VALUES (1, 'x', 'b', 'd', 'u', 'sealed-tally', 1, NULL, 'at', '', x'00')"
        )


def test_ledger_from_before_acts_is_read_and_brought_up_to_date(tmp_path: Path) -> None:
    path = str(tmp_path / "ledger.db")
    election = make_election(2)
    center = Center(election, path)
    device = Device(election, "branch-1")
    center.take((device, device.account()))
    center.ledger._db.execute("DROP TRIGGER envelopes_take_no_leaf; DROP TABLE acts; PRAGMA user_version = 2")
    center.close()
    reader = Ledger.open_to_read(path)
    assert (reader.size(), reader.counts().acts, list(reader.acts("adjudication"))) == (1, {}, [])
    assert reader.last_act("adjudication") is None
    assert [entry.kind for entry in reader.entries()] == ["account-submission"]
    assert reader.leaf_of("00" * 32) is None
    assert not reader.has_act("00" * 32)
    again = Center(election, path)
    commission = Commission(again)
    commission.hand_in(commission.change())
    assert [entry.kind for entry in reader.entries()] == ["account-submission", "schedule-change"]
    assert reader.counts().acts == {"schedule-change": 1}
    reader.close()
    again.close()


def test_wrong_year_keeps_every_poll_open_for_ever(commission: Commission) -> None:
    """Schedules only move later: what is signed by a slip of the pen could never be taken back."""
    slip = structs.replace(LATER, opening_not_before=LATER.opening_not_before.replace("2027", "2028"))
    (refused,) = commission.hand_in(commission.change(slip)).refused
    assert "more than 14 days" in refused.reason
    assert len(commission.hand_in(commission.change()).acts) == 1
