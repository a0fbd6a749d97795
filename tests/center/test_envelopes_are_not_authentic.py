"""Not authentic, or not of this election: refused with a reason, remembered within bounds, never logged."""

import json
from pathlib import Path

import pytest

import center.log.ledger
from center.intake.admission import REASON_MAX
from crypto.codec import sha256_hex
from crypto.wire import ENVELOPE_MAX, topic_envelope, topic_refusal
from tests.center.branch import Center, Device, two_branches
from tests.crypto.election_fixture import ELECTION, make_election


@pytest.fixture
def centre(tmp_path: Path) -> Center:
    election, _, _ = two_branches()
    return Center(election, str(tmp_path / "ledger.db"))


def refusal(centre: Center, topic: str, data: bytes) -> str:
    """Hand one message in that must be refused; returns the reason that the branch is told."""
    outcome = centre.take((topic, data))
    assert not outcome.admitted
    assert len(outcome.refused) == len(outcome.replies) == 1
    assert centre.ledger.size() == centre.log.size == 0
    hint = json.loads(outcome.replies[0].payload)
    assert hint["envelope_sha256"] == sha256_hex(data)
    return str(hint["reason"])


def test_envelope_on_another_branchs_topic_is_refused(centre: Center) -> None:
    device = Device(centre.election, "branch-1")
    reason = refusal(centre, topic_envelope(ELECTION, "branch-2"), device.account())
    assert "branch-1" in reason
    assert "branch-2" in reason


def test_known_bytes_on_another_branchs_topic_get_no_receipt(centre: Center) -> None:
    device = Device(centre.election, "branch-1")
    data = device.account()
    centre.take((device, data))
    outcome = centre.take((topic_envelope(ELECTION, "branch-2"), data))
    assert [reply.topic for reply in outcome.replies] == [topic_refusal(ELECTION, "branch-2")]
    # The rightful branch still gets its receipt.
    assert centre.take((device, data)).duplicates == 1


def test_envelope_of_another_manifest_is_refused(centre: Center) -> None:
    foreign = Device(make_election(2, version=2), "branch-1")
    assert "manifest_sha256" in refusal(centre, foreign.topic, foreign.account())


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff\xfe", b"[" * 200, b"x" * (ENVELOPE_MAX + 1)])
def test_garbage_is_refused(centre: Center, data: bytes) -> None:
    assert refusal(centre, topic_envelope(ELECTION, "branch-1"), data)


def test_one_flipped_bit_anywhere_is_refused(centre: Center) -> None:
    device = Device(centre.election, "branch-1")
    data = bytearray(device.tally())
    for position in range(0, len(data), len(data) // 40):
        data[position] ^= 1
        outcome = centre.take((device, bytes(data)))
        data[position] ^= 1
        assert len(outcome.refused) == 1
    assert len(centre.take((device, bytes(data))).admitted) == 1


def test_unknown_branch_is_remembered_but_never_answered(centre: Center) -> None:
    outcome = centre.take((topic_envelope(ELECTION, "nowhere"), b"junk"), ("else/where", b"junk"))
    assert len(outcome.refused) == 2
    assert not outcome.replies
    assert centre.ledger.counts().rejected == 2


def test_refusals_of_a_batch_do_not_hold_back_its_good_envelopes(centre: Center) -> None:
    device = Device(centre.election, "branch-1")
    outcome = centre.take((device, b"junk"), (device, device.account()), (device, b"junk"))
    assert (len(outcome.admitted), len(outcome.refused), len(outcome.replies)) == (1, 1, 2)


def test_rejected_messages_are_counted_once_and_bounded(
    centre: Center, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(center.log.ledger, "REJECTED_MAX", 5)
    device = Device(centre.election, "branch-1")
    for _ in range(3):
        centre.take((device, b"again"))
    assert centre.ledger.counts().rejected == 1
    centre.take(*[(device, b"flood %d" % number) for number in range(20)])
    assert centre.ledger.counts().rejected == 5


def test_reason_and_topic_are_bounded(centre: Center) -> None:
    topic = "kit/v1/" + "x" * 5_000 + "/branch-1/envelope"
    refused = centre.take((topic, b"junk")).refused[0]
    assert len(refused.topic) <= REASON_MAX
    assert len(refused.reason) <= REASON_MAX
