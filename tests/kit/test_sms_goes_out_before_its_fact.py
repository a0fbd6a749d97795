"""Power goes after every single thing that becomes durable, while an envelope goes out by SMS."""

from typing import Literal

import pytest

from crypto import acknowledgement, sms
from crypto.carrier import from_compact
from drivers.ports import SmsSubmitted
from failover.ladder import RungClock
from kit.effects import Effect, SendSms
from kit.events import ModemHeard, ReceiptHeard
from kit.facts import ReceiptStored, RungReached, SmsGiven, SmsPartTaken
from kit.ladder.ladder import LadderSetup
from tests.kit.harness import Branch, PowerCut
from tests.kit.sms_bench import PLAN
from tests.kit.staff import work_until

LIVES = 40
CLOCK = RungClock(sms_after_ms=300_000, courier_after_ms=86_400_000)


class SmsBranch(Branch):
    """Its mobile network takes every part; the centre acknowledges what came whole, once it may."""

    def _release(self, effect: Effect) -> None:
        super()._release(effect)
        if isinstance(effect, SendSms):
            self.on_air.append(effect.user_data)
            self.post(ModemHeard(effect.modem, SmsSubmitted(effect.token, 0)))
            try:
                data = self.box.add(effect.modem, effect.user_data, now_ms=self.now)
            except sms.ConflictingPartError:
                self.clashes += 1
                return
            if data is not None:
                envelope = from_compact(data, self.election.loaded)
                self.post(ReceiptHeard("sms", acknowledgement.make(envelope, self.election.log)))

    def boot(self) -> None:
        if not self.lives:
            self.on_air: list[bytes] = []
            self.clashes = 0
            self.box = sms.Reassembler()
        super().boot()


@pytest.mark.parametrize("when", ["before", "after"])
def test_power_goes_with_every_fact(when: Literal["before", "after"]) -> None:
    branch = SmsBranch(ladder=LadderSetup({"account": CLOCK, "tally": CLOCK}, PLAN), modems=("a", "b"))
    work_until(branch, "closed")
    for name in branch.links:
        branch.set_link(name, "refused")
    work_until(branch, "sealed")
    for cut in range(1, 200):
        if branch.lives < LIVES:
            branch.journal.cut = (when, branch.journal.appends + 1 + cut % 3)
        try:
            branch.advance(20_000)
        except PowerCut:
            branch.boot()
            branch.journal.cut = None
        if len(branch.facts(ReceiptStored)) == 2:
            break
    assert {fact.seq for fact in branch.facts(ReceiptStored)} == {1, 2}
    assert branch.lives >= LIVES // 3
    assert sorted(fact.seq for fact in branch.facts(RungReached)) == [1, 2]
    assert len(branch.on_air) <= len(branch.facts(SmsPartTaken)) + branch.lives, (
        "more than one a life was lost"
    )
    assert len(branch.on_air) <= sum(fact.count for fact in branch.facts(SmsGiven)), (
        "a crash hid what it cost"
    )
    assert branch.clashes == 0, "two envelopes went under one reference"
