"""The rung of SMS alone: limits, two SIMs and two gateways, modems that never say anything, envelopes of real size."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec
import pytest

from crypto import rfc3339, sms, sms_missing
from crypto.carrier import from_compact, to_compact
from crypto.codec import b64
from drivers.ports import (
    ModemEvent,
    ModemIdentity,
    ModemLost,
    ModemReading,
    Registration,
    Signal,
    SmsFailed,
    SmsReported,
    SmsSubmitted,
)
from kit.core import Step
from kit.effects import SendSms
from kit.events import Booted, Event, ModemHeard, SmsPartsAsked, Tick
from kit.facts import (
    EnvelopeSealed,
    Fact,
    IncidentRecorded,
    ReceiptStored,
    RungReached,
    SmsGiven,
    SmsPartTaken,
)
from kit.sms.hour import HOUR_MS
from kit.sms.letter import ASKED_MAX, ASKED_PAUSE_MS, GROUP_KEPT_MS
from kit.sms.modems import FINAL_PAUSE_MS, GRACE_MS, UNDER_WAY_MAX_MS
from kit.sms.plan import SmsPlan
from kit.sms.rung import SmsRung
from tests.crypto.carrier_world import HASH, outer, results_of, sealed, world
from tests.kit.harness import TALLY_MS

ELECTION = world(3, 40, 12, blank=True)
DATA = sealed(
    ELECTION, outer(ELECTION, prev=HASH), ELECTION.tally("branch-1", results=results_of(ELECTION, 7))
)
COMPACT = to_compact(DATA, ELECTION.loaded)
PARTS = len(sms.split(COMPACT, reference=0))
PATIENCE_MS = 120_000
NOWHERE = "2027-06-18T14:31:00.000Z"


def plan(**how: Any) -> SmsPlan:
    default: dict[str, Any] = {
        "numbers": ("+99900000201", "+99900000202"),
        "modems": ("a", "b"),
        "patience_ms": PATIENCE_MS,
        "max_per_hour": 1_000,
        "max_per_envelope": 1_000,
    }
    return SmsPlan(**{**default, **how})


class Rig:
    """The core with the runner's folding; modems answer as ``answer`` says: an event, or None for silence."""

    def __init__(self, the_plan: SmsPlan, facts: tuple[Fact, ...] = (), wall_ms: int = TALLY_MS) -> None:
        self.core = SmsRung(the_plan, ELECTION.loaded, "device-1", held=lambda _: self.held)
        self.now, self.held = 0, False
        self.facts: list[Fact] = []
        self.sent: list[tuple[int, SendSms]] = []
        self.answer: Callable[[SendSms], ModemEvent | None] = lambda one: SmsSubmitted(one.token, 1)
        for fact in facts:
            self.core.apply(fact)
        self.wall_ms = wall_ms
        self.hear(Booted("boot", wall_ms))

    def hear(self, event: Event) -> None:
        events = [event]
        while events:
            step: Step = self.core.handle(events.pop(0), self.now)
            for fact in step.facts:
                self.facts.append(fact)
                self.core.apply(fact)
                events.append(Tick())
            for effect in step.effects:
                assert isinstance(effect, SendSms)
                self.sent.append((self.now, effect))
                answer = self.answer(effect)
                if answer is not None:
                    events.append(ModemHeard(effect.modem, answer))

    def run(self, ms: int) -> None:
        until = self.now + ms
        for _ in range(20_000):
            wake = self.core.wake_at()
            if wake is None or wake > until:
                self.now = until
                return
            self.now = max(self.now, wake)
            before = self.core.wake_at(), len(self.sent), len(self.facts)
            self.hear(Tick())
            assert before != (self.core.wake_at(), len(self.sent), len(self.facts)) or wake > self.now
        raise AssertionError("it never comes to rest")

    def whole(self, modem: str = "a") -> bytes:
        return sms.join(one.user_data for _, one in self.sent if one.modem == modem)

    def references(self) -> list[int]:
        return list(dict.fromkeys(sms.parse(one.user_data).reference for _, one in self.sent))

    def incidents(self) -> list[str]:
        return [fact.detail for fact in self.facts if isinstance(fact, IncidentRecorded)]


def due(data: bytes = DATA) -> tuple[Fact, ...]:
    at = rfc3339.to_text(TALLY_MS)
    return (
        EnvelopeSealed(
            at=at, kind="tally", terminal="t", close_no=1, seq=2, sha256="0" * 64, envelope=b64(data)
        ),
        RungReached(at=at, seq=2, rung="sms", reason="no acknowledgement"),
    )


def reading(registration: Registration = "home", slot: int = 1) -> ModemReading:
    signal = Signal(None, None, None, None, "good")
    return ModemReading(
        ModemIdentity("m", "m", "1", ""),
        "ready",
        slot,
        2,
        None,
        None,
        None,
        registration,
        "lte",
        signal,
        True,
    )


def test_promised_size_needs_more_messages() -> None:
    rig = Rig(plan(), due())
    assert len(rig.sent) == PARTS == 5, "six were promised"
    assert from_compact(rig.whole(), ELECTION.loaded) == DATA
    assert all(len(one.user_data) <= 140 for _, one in rig.sent)


def test_day_without_an_answer_costs_without_end() -> None:
    rig = Rig(plan(max_per_hour=8, max_per_envelope=30), due())
    rig.run(24 * HOUR_MS)
    times = [at for at, _ in rig.sent]
    assert len(times) == 30
    assert all(later - at >= HOUR_MS for at, later in zip(times, times[8:], strict=False))
    assert [detail.split(",")[0] for detail in rig.incidents()] == [
        "8 SMS went out within an hour",
        "envelope 2: 30 SMS went out for it",
    ]


def test_limit_of_the_hour_is_forgotten_in_a_restart() -> None:
    rig = Rig(plan(max_per_hour=8), due())
    rig.run(2 * PATIENCE_MS)
    assert len(rig.sent) == 8
    for wall_ms in (rig.wall_ms + rig.now, TALLY_MS - 24 * HOUR_MS):
        again = Rig(plan(max_per_hour=8), (*due(), *rig.facts), wall_ms)
        again.run(HOUR_MS // 2)
        assert again.sent == []


def test_reports_say_which_part_to_repeat() -> None:
    rig = Rig(plan(), due())
    for _, one in rig.sent:
        if sms.parse(one.user_data).number != 3:
            rig.hear(ModemHeard(one.modem, SmsReported(one.token, "delivered", 0)))
    rig.run(2 * PATIENCE_MS)
    assert [sms.parse(one.user_data).number for _, one in rig.sent[PARTS:]] == [3]
    assert len(rig.references()) == 1
    rig.run(2 * PATIENCE_MS)
    assert len(rig.references()) == 2, "then all of it under a new reference"
    assert {one.number for _, one in rig.sent[PARTS + 1 :]} == {"+99900000202"}, "to the next gateway"


def test_nothing_goes_to_a_number_that_is_not_configured() -> None:
    old = Rig(plan(numbers=("+99900000201", "+99900000202", "+99900000203")), due())
    old.run(HOUR_MS)
    assert len({one.number for _, one in old.sent}) == 3
    new = Rig(plan(numbers=("+99900000203",)), (*due(), *old.facts))
    new.run(HOUR_MS)
    assert {one.number for _, one in new.sent} == {"+99900000203"}


def test_only_missing_parts_go_out_after_a_restart() -> None:
    rig = Rig(plan(), due())
    for taken in range(1, PARTS):
        facts = [fact for fact in rig.facts if isinstance(fact, SmsPartTaken)][:taken]
        again = Rig(plan(), (*due(), *facts), TALLY_MS + 30_000)
        assert [sms.parse(one.user_data).number for _, one in again.sent] == list(range(taken + 1, PARTS + 1))
        assert again.references() == rig.references()


def test_restart_comes_when_the_receiver_has_forgotten() -> None:
    rig = Rig(plan(), due())
    again = Rig(plan(), (*due(), *rig.facts[:6]), TALLY_MS + GROUP_KEPT_MS + 1_000)
    assert len(again.sent) == PARTS
    assert again.references() != rig.references()


def test_modem_says_nothing_at_all() -> None:
    rig = Rig(plan(), ())
    rig.answer = lambda one: None if one.modem == "a" else SmsSubmitted(one.token, 1)
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    rig.run(3 * UNDER_WAY_MAX_MS + HOUR_MS // 10)
    by = [one.modem for _, one in rig.sent]
    assert by[:3] == ["a"] * 3
    assert by[3 : 3 + PARTS] == ["b"] * PARTS


def test_modem_loses_its_network_for_a_moment() -> None:
    rig = Rig(plan(), ())
    rig.hear(ModemHeard("a", reading("searching")))
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    assert rig.sent == []
    rig.now += GRACE_MS // 2
    rig.hear(ModemHeard("a", reading()))
    assert {one.modem for _, one in rig.sent} == {"a"}


@pytest.mark.parametrize("gone", [ModemLost("unplugged"), reading("denied")])
def test_modem_stays_away(gone: ModemEvent) -> None:
    rig = Rig(plan(), ())
    rig.hear(ModemHeard("a", gone))
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    rig.run(GRACE_MS)
    assert {one.modem for _, one in rig.sent} == {"b"}
    assert len(rig.sent) == PARTS


def test_no_sim_has_credit_until_somebody_tops_one_up() -> None:
    rig = Rig(plan(), ())
    rig.answer = lambda one: SmsFailed(one.token, "+CMS ERROR: 29", final=True)
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    rig.run(1_000)
    assert [(one.modem, one.number[-1]) for _, one in rig.sent] == [
        ("a", "1"),
        ("b", "1"),
        ("a", "2"),
        ("b", "2"),
    ]
    assert len(rig.incidents()) == 4
    rig.answer = lambda one: SmsSubmitted(one.token, 1) if one.modem == "b" else None
    rig.sent.clear()
    rig.run(FINAL_PAUSE_MS + UNDER_WAY_MAX_MS * 4)
    by_b = [one.user_data for _, one in rig.sent if one.modem == "b"]
    assert sms.join(by_b[:PARTS]) == COMPACT


def test_messages_that_may_have_gone_cost_without_end() -> None:
    # A modem that dies in the middle of each message: the network may well have taken it, and billed it.
    for answer in (
        lambda one: SmsFailed(one.token, "no answer", final=False, may_have_gone=True),
        lambda _: None,
    ):
        rig = Rig(plan(max_per_hour=8, max_per_envelope=30), ())
        rig.answer = answer
        for fact in due():
            rig.core.apply(fact)
        rig.hear(Tick())
        rig.run(24 * HOUR_MS)
        times = [at for at, _ in rig.sent]
        assert len(times) == 30
        assert all(later - at >= HOUR_MS for at, later in zip(times, times[8:], strict=False))


def test_accounts_use_up_the_hour_of_tallies() -> None:
    tally, reached = due()
    assert isinstance(tally, EnvelopeSealed)
    assert isinstance(reached, RungReached)
    account = msgspec.structs.replace(tally, kind="account", seq=1)
    rig = Rig(plan(max_per_hour=20), (account, msgspec.structs.replace(reached, seq=1)))
    rig.run(HOUR_MS // 2)
    assert len(rig.sent) == 2 * PARTS
    for fact in (tally, reached):
        rig.core.apply(fact)
    rig.hear(Tick())
    assert len(rig.sent) == 3 * PARTS
    assert sms.join(one.user_data for _, one in rig.sent[2 * PARTS :]) == COMPACT
    rig.run(HOUR_MS)
    assert {fact.seq for fact in rig.facts if isinstance(fact, SmsPartTaken)} == {1, 2}


def test_failures_in_step_with_everybody_else() -> None:
    waits = set()
    for device in range(20):
        rig = Rig(plan(modems=("a",)), ())
        rig.core.modems._device = f"device-{device}"
        rig.answer = lambda one: SmsFailed(one.token, "congestion", final=False)
        for fact in due():
            rig.core.apply(fact)
        rig.hear(Tick())
        rig.run(3_000)
        waits.add(rig.sent[1][0])
    assert len(waits) > 15


def asked(reference: int, missing: tuple[int, ...], *, at_s: int, of: bytes = COMPACT) -> SmsPartsAsked:
    """As the inbox says it, where the log has signed it."""
    parts = sms.split(of, reference=reference)
    came = [part for number, part in enumerate(parts, 1) if number not in missing]
    return SmsPartsAsked(at_s, reference, len(parts), missing, sms_missing.hash_of(came))


def test_requests_for_parts_cost_without_end() -> None:
    rig = Rig(plan(patience_ms=10 * HOUR_MS), due())
    reference = rig.references()[0]
    for at_s in range(600):
        rig.hear(asked(reference, tuple(range(1, PARTS)), at_s=at_s))
        rig.now += 100
    assert len(rig.sent) == PARTS + (PARTS - 1), "more often than once a minute"
    for at_s in range(600, 1_200):
        rig.hear(asked(reference, (2,), at_s=at_s))
        rig.now += 10_000
    assert len(rig.sent) == PARTS + (PARTS - 1) + ASKED_MAX - 1


def test_request_is_of_another_message_or_comes_again() -> None:
    rig = Rig(plan(), due())
    reference = rig.references()[0]
    one = asked(reference, (1,), at_s=100)
    for wrong in (
        asked((reference + 1) % 256, (1,), at_s=100),
        asked(reference, (1,), at_s=100, of=COMPACT + bytes(134)),
        asked(reference, (1,), at_s=100, of=bytes(len(COMPACT))),
        replace(one, missing=(2,)),
    ):
        rig.hear(wrong)
    assert len(rig.sent) == PARTS
    rig.hear(one)
    assert len(rig.sent) == PARTS + 1
    rig.now += ASKED_PAUSE_MS
    rig.hear(one)
    rig.hear(replace(one, at_s=99))
    again = Rig(plan(), (*due(), *rig.facts), TALLY_MS + rig.now)
    again.hear(one)
    assert (len(rig.sent), again.sent) == (PARTS + 1, []), "a request was followed twice"
    again.hear(replace(one, at_s=101))
    assert len(again.sent) == 1


def test_request_that_was_followed_is_forgotten_in_a_restart() -> None:
    rig = Rig(plan(), due())
    rig.answer = lambda _: None
    rig.hear(asked(rig.references()[0], (2, 3), at_s=100))
    assert [sms.parse(one.user_data).number for _, one in rig.sent[PARTS:]] == [2]
    again = Rig(plan(), (*due(), *rig.facts), TALLY_MS + 30_000)
    assert [sms.parse(one.user_data).number for _, one in again.sent] == [2, 3]


def test_centre_asks_after_an_hour_and_all_goes_again() -> None:
    """It asks, so it still has the others, however long ago they went: one part is enough, under their reference."""
    rig = Rig(plan(patience_ms=10 * HOUR_MS), due())
    rig.now += HOUR_MS
    rig.hear(asked(rig.references()[0], (2,), at_s=100))
    assert [sms.parse(one.user_data).number for _, one in rig.sent[PARTS:]] == [2]
    assert len(rig.references()) == 1


def test_centre_asks_for_nothing_and_the_kit_goes_on_by_its_own_clock() -> None:
    """Its gateway cannot reach centerd: no request is signed. Parts go again and again, within the limits."""
    rig = Rig(plan(max_per_hour=20, max_per_envelope=40), due())
    rig.run(PATIENCE_MS * 3 // 2)
    assert len(rig.sent) == 2 * PARTS
    assert len(rig.references()) == 1, "the gaps are filled first"
    rig.run(24 * HOUR_MS)
    assert len(rig.sent) == 40
    assert len(rig.references()) > 2


@pytest.mark.parametrize("how", ["dies", "fails", "silent"])
def test_crash_forgets_what_may_have_gone(how: str) -> None:
    """Each life gives one part to a modem and hears nothing good of it: the network may have billed them all."""
    facts: tuple[Fact, ...] = due()
    sent = lives = 0
    while lives < 60:
        rig = Rig(plan(max_per_hour=1_000, max_per_envelope=30), ())
        if how == "fails":
            rig.answer = lambda one: SmsFailed(one.token, "no answer", final=False, may_have_gone=True)
        else:
            rig.answer = lambda _: None
        for fact in facts:
            rig.core.apply(fact)
        rig.hear(Booted("again", TALLY_MS + lives * 60_000))
        if how == "silent":
            rig.run(UNDER_WAY_MAX_MS * 2)
        facts, sent, lives = (*facts, *rig.facts), sent + len(rig.sent), lives + 1
    assert sent == 30


def test_crash_forgets_the_hour() -> None:
    facts: tuple[Fact, ...] = due()
    sent = 0
    for life in range(30):
        rig = Rig(plan(max_per_hour=8), ())
        rig.answer = lambda _: None
        for fact in facts:
            rig.core.apply(fact)
        rig.hear(Booted("again", TALLY_MS + life * 60_000))
        facts, sent = (*facts, *rig.facts), sent + len(rig.sent)
    assert sent == 8


def test_refusals_use_up_the_limits() -> None:
    """A network that takes nothing bills nothing; and each part that it refused is one fact, not one for each try."""
    rig = Rig(plan(max_per_hour=8, max_per_envelope=30), ())
    rig.answer = lambda one: SmsFailed(one.token, "congestion", final=False)
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    rig.run(HOUR_MS)
    tries = len(rig.sent)
    assert tries > 60
    given = [fact for fact in rig.facts if isinstance(fact, SmsGiven)]
    assert len(given) == 1
    rig.answer = lambda one: SmsSubmitted(one.token, 1)
    again = Rig(plan(max_per_hour=8, max_per_envelope=30), (*due(), *rig.facts), rig.wall_ms + rig.now)
    assert len(again.sent) == PARTS
    rig.run(HOUR_MS // 2)
    assert len(rig.sent) >= tries + PARTS


def test_journal_of_an_older_kit_counts_what_was_taken() -> None:
    rig = Rig(plan(max_per_hour=8, max_per_envelope=30), due())
    rig.run(24 * HOUR_MS)
    old = tuple(fact for fact in rig.facts if isinstance(fact, SmsPartTaken))
    assert len(old) == 30
    again = Rig(plan(max_per_hour=8, max_per_envelope=30), (*due(), *old), rig.wall_ms + rig.now)
    again.run(24 * HOUR_MS)
    assert again.sent == []
    hour = Rig(plan(max_per_hour=8), (*due(), *old[:8]), rfc3339.to_ms(old[7].at))
    assert hour.sent == []


def test_tally_goes_by_sms_before_its_tape() -> None:
    rig = Rig(plan(), ())
    rig.held = True
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    rig.run(HOUR_MS)
    assert rig.sent == []
    rig.held = False
    rig.hear(Tick())
    assert len(rig.sent) == PARTS


def test_acknowledgement_comes_in_the_middle() -> None:
    rig = Rig(plan(), ())
    rig.answer = lambda _: None
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    ((_, first),) = rig.sent
    rig.core.apply(
        ReceiptStored(
            at=NOWHERE, seq=2, grade="acknowledged", delivered=False, index=None, uplink="sms", receipt=""
        )
    )
    rig.hear(ModemHeard("a", SmsSubmitted(first.token, 1)))
    rig.run(HOUR_MS)
    assert len(rig.sent) == 1
    assert not [fact for fact in rig.facts if isinstance(fact, SmsPartTaken)]


def test_envelope_that_no_carrier_takes_is_said() -> None:
    rig = Rig(plan(), due(b"{}"))
    rig.run(HOUR_MS)
    assert rig.sent == []
    (detail,) = rig.incidents()
    assert detail.startswith("envelope 2: ")


def test_kit_without_sms_sends_none() -> None:
    core = SmsRung(None, ELECTION.loaded, "device-1")
    for fact in due():
        core.apply(fact)
    assert core.handle(Booted("boot", TALLY_MS), 0) == Step()
    assert core.wake_at() is None


def test_other_sim_sends_the_rest_of_what_the_first_began() -> None:
    rig = Rig(plan(modems=("a",)), ())
    left = 2
    rig.hear(ModemHeard("a", reading()))
    rig.answer = lambda one: SmsSubmitted(one.token, 1) if len(rig.sent) <= left else None
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    assert len(rig.sent) == left + 1
    rig.answer = lambda one: SmsSubmitted(one.token, 1)
    rig.hear(ModemHeard("a", SmsFailed(rig.sent[-1][1].token, "no network", final=False)))
    rig.hear(ModemHeard("a", reading(slot=2)))
    rig.run(10_000)
    assert sms.join(one.user_data for _, one in rig.sent[left + 1 :]) == COMPACT


def test_envelope_needs_more_than_may_be_spent() -> None:
    rig = Rig(plan(max_per_envelope=4), due())
    assert rig.sent == []
    assert rig.incidents() == ["envelope 2: it takes 5 SMS, and [sms] max_per_envelope is 4"]


def test_modem_that_sends_whole_messages_only_is_given_parts() -> None:
    """As the driver for ModemManager does it: nothing goes out before all parts are there, then all are taken."""
    waiting: list[SendSms] = []

    def gather(one: SendSms) -> ModemEvent | None:
        waiting.append(one)
        return None

    rig = Rig(plan(modems=("a", "b"), whole=frozenset("a")), ())
    rig.answer = gather
    for fact in due():
        rig.core.apply(fact)
    rig.hear(Tick())
    assert sms.join(one.user_data for one in waiting) == COMPACT
    for one in waiting:
        rig.hear(ModemHeard("a", SmsSubmitted(one.token, 1)))
    assert len(rig.sent) == PARTS
    assert rig.core.letters[2].sent == PARTS
    waiting.clear()
    rig.run(PATIENCE_MS + PATIENCE_MS // 4)
    assert len(waiting) == PARTS
    rig.answer = lambda one: SmsSubmitted(one.token, 1)
    for one in waiting:
        rig.hear(ModemHeard("a", SmsFailed(one.token, "nobody takes it", final=True)))
    assert len(rig.incidents()) == 1
    assert [one.modem for _, one in rig.sent[2 * PARTS :]] == ["b"] * PARTS
