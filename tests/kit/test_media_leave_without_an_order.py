"""Evidence goes to removable media under an order of two officials, for what was sealed when they gave it."""

from typing import Any

import msgspec

from crypto.submissions import check_submission
from kit import exit_codes
from kit.events import MediaAsked, OrderReceived
from kit.facts import MediaHandedOut, ReceiptStored
from tests.kit.harness import TALLY_MS, TWO_TERMINALS, Branch
from tests.kit.staff import order, standing_in, work_until


def ask(branch: Branch) -> dict[str, Any]:
    return branch.ask(MediaAsked)


def seqs(answer: dict[str, Any]) -> list[int]:
    return [item["seq"] for item in answer["media"]["envelopes"]]


def test_media_are_handed_out_without_an_order() -> None:
    branch = standing_in("sealed")
    before = list(branch.journal.facts)
    answer = ask(branch)
    assert (answer["ok"], answer["code"]) == (False, exit_codes.FORBIDDEN)
    assert "release-media" in answer["error"]
    assert branch.journal.facts == before


def test_one_official_releases_alone() -> None:
    branch = standing_in("sealed")
    data = branch.election.order("branch-1", "release-media", 5, signers=["official-1-executive"])
    assert branch.ask(lambda token: OrderReceived(data, token))["accepted"] is False
    assert ask(branch)["ok"] is False


def test_order_of_an_hour_ago_releases_what_was_sealed_since() -> None:
    branch = work_until(Branch(TWO_TERMINALS), "accounted")
    order(branch, "release-media")
    assert seqs(ask(branch)) == [1, 2]
    branch.advance_to_wall(TALLY_MS)
    work_until(branch, "delivered")
    assert seqs(ask(branch)) == [1, 2]
    order(branch, "release-media")
    assert seqs(ask(branch)) == [1, 2, 3, 4]


def test_what_is_handed_out_is_not_what_was_sent() -> None:
    """Byte for byte the sealed envelopes, with the receipts there are; also after delivery and a restart."""
    branch = standing_in("delivered")
    order(branch, "release-media")
    branch.boot()
    media = ask(branch)["media"]
    envelopes = [msgspec.json.decode(f'"{item["envelope"]}"', type=bytes) for item in media["envelopes"]]
    assert envelopes == branch.center.taken
    for item, data in zip(media["envelopes"], envelopes, strict=True):
        assert check_submission(data, branch.election.loaded).sha256 == item["sha256"]
    stored = {fact.seq: fact.receipt for fact in branch.facts(ReceiptStored)}
    assert {item["seq"]: item["receipt"] for item in media["receipts"]} == stored


def test_asking_again_and_again_fills_the_flash() -> None:
    branch = standing_in("sealed")
    order(branch, "release-media")
    for _ in range(5):
        assert ask(branch)["ok"] is True
    branch.boot()
    ask(branch)
    (fact,) = branch.facts(MediaHandedOut)
    assert (fact.serial, fact.seqs) == (branch.station.day.state.serial, (1, 2))
    order(branch, "release-media")
    ask(branch)
    assert len(branch.facts(MediaHandedOut)) == 2


def test_release_stops_the_order_that_is_being_carried_out() -> None:
    branch = standing_in("accounted", TWO_TERMINALS)
    order(branch, "release-media")
    work_until(branch, "delivered")
