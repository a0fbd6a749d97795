"""Whatever is authentic is logged and receipted, however odd: flags say what is odd, nothing is held back."""

from pathlib import Path

import pytest

from center.intake.admission import Admitted, BatchPast, Link, admit
from crypto import receipt
from crypto.wire import topic_receipt
from tests.center.branch import Center, Device, receipts, two_branches
from tests.crypto.election_fixture import ELECTION, Election


@pytest.fixture
def center(tmp_path: Path) -> Center:
    election, _, _ = two_branches()
    return Center(election, str(tmp_path / "ledger.db"))


def check_receipts(center: Center, envelopes: list[bytes], replies: list[str]) -> None:
    manifest = center.election.loaded
    for data, text in zip(envelopes, replies, strict=True):
        found = receipt.verify(text, data, log=manifest.log_verifier, policy=manifest.manifest.witness_policy)
        assert receipt.delivered(found, manifest.manifest.witness_policy)


def test_the_ordinary_case_has_no_flags_and_one_receipt_each(center: Center) -> None:
    one, two = Device(center.election, "branch-1"), Device(center.election, "branch-2")
    envelopes = [one.account(), one.tally(), two.account(), two.tally()]
    outcome = center.take(*zip([one, one, two, two], envelopes, strict=True))
    assert [a.flags for a in outcome.admitted] == [(), (), (), ()]
    assert not outcome.refused
    assert [r.topic for r in receipts(outcome)] == [
        topic_receipt(ELECTION, branch) for branch in ("branch-1", "branch-1", "branch-2", "branch-2")
    ]
    check_receipts(center, envelopes, [r.payload.decode() for r in receipts(outcome)])


def test_same_bytes_again_give_a_receipt_again_and_no_second_leaf(center: Center) -> None:
    device = Device(center.election, "branch-1")
    data = device.account()
    first = center.take((device, data), (device, data))
    assert (len(first.admitted), first.duplicates, len(receipts(first))) == (1, 1, 1)
    again = center.take((device, data))
    assert (len(again.admitted), again.duplicates, center.log.size) == (0, 1, 1)
    assert again.replies == first.replies


def test_a_later_duplicate_gets_a_proof_against_the_newest_checkpoint(center: Center) -> None:
    one, two = Device(center.election, "branch-1"), Device(center.election, "branch-2")
    data = one.account()
    center.take((one, data))
    center.take((two, two.account()), (two, two.tally()))
    reply = receipts(center.take((one, data)))[0].payload.decode()
    policy = center.election.manifest.witness_policy
    found = receipt.verify(reply, data, log=center.election.loaded.log_verifier, policy=policy)
    assert (found.index, found.size) == (0, 3)


def test_second_envelope_of_a_unit_is_logged_and_flagged(center: Center) -> None:
    device = Device(center.election, "branch-1")
    first, second = device.tally(seq=1, prev=None), device.tally(entropy="second")
    outcome = center.take((device, first), (device, second))
    assert [a.flags for a in outcome.admitted] == [(), ("clash",)]
    assert len(receipts(outcome)) == 2
    assert [entry.data for entry in center.ledger.entries()] == [first, second]
    # An account of the same unit is no clash: it is another type.
    assert center.take((device, device.account())).admitted[0].flags == ()


def test_clash_is_seen_across_batches_too(center: Center) -> None:
    device = Device(center.election, "branch-1")
    center.take((device, device.tally()))
    assert center.take((device, device.tally(entropy="second"))).admitted[0].flags == ("clash",)


def test_gap_in_the_sequence_is_flagged_and_the_late_one_is_welcome(center: Center) -> None:
    device = Device(center.election, "branch-1")
    first, second = device.account(), device.tally()
    assert center.take((device, second)).admitted[0].flags == ("gap",)
    assert center.ledger.counts().flags == {"gap": 1}
    assert center.take((device, first)).admitted[0].flags == ()
    assert center.log.size == 2
    # What arrived is on record for ever; what is still missing is what people have to know.
    assert [entry.flags for entry in center.ledger.entries()] == [("gap",), ()]
    assert (center.ledger.counts().flagged, center.ledger.counts().flags) == (0, {})


def test_broken_chain_is_flagged_from_whichever_side_it_shows(center: Center) -> None:
    device = Device(center.election, "branch-1")
    first, wrong = device.account(), device.tally(prev="00" * 32)
    assert [a.flags for a in center.take((device, first), (device, wrong)).admitted] == [
        (),
        ("prev-mismatch",),
    ]
    other = Device(center.election, "branch-2")
    first, wrong = other.account(), other.tally(prev="00" * 32)
    assert center.take((other, wrong)).admitted[0].flags == ("gap",)
    assert center.take((other, first)).admitted[0].flags == ("prev-mismatch",)


@pytest.mark.parametrize(("seq", "prev"), [(1, "11" * 32), (2, None)])
def test_first_has_no_predecessor_and_every_other_has_one(center: Center, seq: int, prev: str | None) -> None:
    device = Device(center.election, "branch-1")
    assert "prev-mismatch" in center.take((device, device.account(seq=seq, prev=prev))).admitted[0].flags


def test_sequence_number_used_twice_is_flagged(center: Center) -> None:
    device = Device(center.election, "branch-1")
    outcome = center.take((device, device.account()), (device, device.tally(seq=1, prev=None)))
    assert outcome.admitted[1].flags == ("seq-reused",)


def test_past_of_a_batch_holds_what_the_batch_admitted(tmp_path: Path) -> None:
    election, device, _ = two_branches()
    center = Center(election, str(tmp_path / "ledger.db"))
    past = BatchPast(center.ledger)
    admitted = admit(device.topic, device.account(), election.loaded, past)
    assert isinstance(admitted, Admitted)
    assert past.branch_of(admitted.sha256) is None
    past.add(admitted)
    assert past.branch_of(admitted.sha256) == "branch-1"
    assert past.has_unit(admitted.unit, "account-submission")
    assert not past.has_unit(admitted.unit, "sealed-tally")
    assert past.links_at("device-1", 1) == (Link(admitted.sha256, None),)
    assert center.log.size == 0


def test_unit_name_cannot_be_mistaken(center: Center) -> None:
    election: Election = center.election
    device = Device(election, "branch-1")
    outcome = center.take((device, device.account(close_no=2)))
    assert outcome.admitted[0].unit == f"{ELECTION}/1/branch-1/terminal-1-1/2"
