"""All data links die for good while a branch seals: SMS is left, or nothing but couriers are. Whole worlds."""

from pathlib import Path
from typing import Any

import pytest

from crypto import rfc3339
from kit.facts import EnvelopeSealed, ReceiptStored, RungReached, SmsPartsWanted, SmsPartTaken
from tests.world.ladder_story import COURIER_AFTER_S, SMS_AFTER_S, LadderStory, acknowledged_within_s

HEALED_S = 600


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_sms_lives_and_loses_parts(seed: int, tmp_path: Path) -> None:
    lost = (0, 1, 2)[seed - 1]

    async def script(story: LadderStory) -> dict[str, Any]:
        await story.until_sealed()
        story.air.lose, story.air.double, story.air.reorder = lost, 1, 1
        await story.branch.officials.until(
            "both are acknowledged", lambda status: not status["ladder"]["envelopes"]
        )
        acknowledged = await story.status()
        story.branch.links["fibre"].up()
        await story.branch.officials.until_phase("delivered", patience_s=HEALED_S)
        return acknowledged

    facts, acknowledged = LadderStory(seed, tmp_path).play(script)
    sealed = {fact.seq: rfc3339.to_ms(fact.at) for fact in facts if isinstance(fact, EnvelopeSealed)}
    receipts = [fact for fact in facts if isinstance(fact, ReceiptStored)]
    by_sms = {fact.seq: fact for fact in receipts if fact.grade == "acknowledged"}
    assert set(by_sms) == set(sealed)
    taken = [fact for fact in facts if isinstance(fact, SmsPartTaken)]
    asked = [part for fact in facts if isinstance(fact, SmsPartsWanted) for part in fact.parts]
    assert len(asked) == lost, "the log signs a request for each part that is lost, and none else"
    for seq, receipt in by_sms.items():
        waited_s = (rfc3339.to_ms(receipt.at) - sealed[seq]) / 1_000
        assert SMS_AFTER_S <= waited_s <= acknowledged_within_s(len(taken), lost)
    # An acknowledgement ends the climb, and leaves the envelope in the outbox until witnesses have vouched.
    assert {fact.rung for fact in facts if isinstance(fact, RungReached)} == {"sms"}
    assert acknowledged["phase"] != "delivered"
    assert {fact.seq for fact in receipts if fact.delivered} == set(sealed)


def test_nothing_but_couriers_is_left(tmp_path: Path) -> None:
    async def script(story: LadderStory) -> dict[str, Any]:
        await story.until_sealed()
        await story.branch.officials.until(
            "couriers are called",
            lambda status: {one["rung"] for one in status["ladder"]["envelopes"]} == {"courier"},
        )
        return await story.status()

    facts, status = LadderStory(4, tmp_path, modem=False).play(script)
    assert status["ladder"]["sms"] is None
    for envelope in status["ladder"]["envelopes"]:
        assert envelope["waited_s"] >= COURIER_AFTER_S
        assert "to be carried by hand" in envelope["reasons"]["courier"]
        assert all(name in envelope["reasons"]["courier"] for name in ("fibre", "4g"))
    assert [fact.rung for fact in facts if isinstance(fact, RungReached)] == ["courier", "courier"]
    assert not any(isinstance(fact, ReceiptStored) for fact in facts)
