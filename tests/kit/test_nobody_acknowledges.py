"""Envelopes that nobody acknowledges: the clock, what it says in words, and what staff are told."""

import msgspec
import pytest

from crypto import acknowledgement, rfc3339
from failover.ladder import RungClock
from kit.cli.kitctl import _health
from kit.cli.words import Words, render
from kit.events import Booted, MediaAsked, ReceiptHeard, RefusalHeard, Tick
from kit.facts import (
    BootRecorded,
    EnvelopeSealed,
    Fact,
    MediaHandedOut,
    ReceiptStored,
    RungReached,
    SmsPartTaken,
    WaitNoted,
)
from kit.incidents import Incidents
from kit.ladder.escalation import BOOT_GRACE_MS, NOTED_MS, Escalation, in_words
from kit.ladder.ladder import LadderSetup
from tests.kit.harness import TALLY_MS, Branch
from tests.kit.sms_bench import PLAN
from tests.kit.staff import order, standing_in

MINUTE_MS = 60_000
CLOCK = RungClock(sms_after_ms=5 * MINUTE_MS, courier_after_ms=45 * MINUTE_MS)
SETUP = LadderSetup({"account": CLOCK, "tally": CLOCK}, PLAN)


def alone(setup: LadderSetup = SETUP) -> Branch:
    """A tally is sealed, and no uplink works."""
    return standing_in("sealed", ladder=setup, modems=("a", "b"))


def rungs(branch: Branch, seq: int = 2) -> list[str]:
    return [fact.rung for fact in branch.facts(RungReached) if fact.seq == seq]


def said(branch: Branch, language: str = "en") -> str:
    return render(branch.station.status(branch.now), Words(language))


def test_next_rung_is_not_said() -> None:
    branch = alone()
    sealed = rfc3339.to_ms(branch.envelopes()[-1].at)
    branch.advance_to_wall(sealed + 100_000)
    assert "tally #2: no acknowledgement for 1 min 40 s; goes over data links; SMS in 3 min 20 s" in said(
        branch
    )
    assert "پیامک تا 3 دقیقه و 20 ثانیه دیگر" in said(branch, "fa")
    branch.advance(200_000)
    assert rungs(branch) == ["sms"]
    assert "goes over data links and by SMS; a courier in 40 min 0 s" in said(branch)
    assert "SMS: no part was taken yet" in said(branch) or "0 of" in said(branch)


def test_reason_is_not_said() -> None:
    branch = alone()
    branch.advance(5 * MINUTE_MS)
    (fact,) = (one for one in branch.facts(RungReached) if one.seq == 2)
    assert fact.reason == (
        "no acknowledgement for 5 min; fibre: connection refused; 4g: connection refused; sending by SMS over modem a"
    )


def test_courier_rung_is_reached_and_nobody_knows_what_to_do() -> None:
    branch = alone()
    branch.advance(46 * MINUTE_MS)
    assert rungs(branch) == ["sms", "courier"]
    assert "order sign release-media" in said(branch)
    assert _health(branch.station.status(branch.now)) != 0
    assert order(branch, "release-media")["accepted"]
    assert "WHAT TO DO: kitctl courier export to a stick" in said(branch)
    branch.ask(MediaAsked)
    assert branch.facts(MediaHandedOut)
    assert "was written to a medium" in said(branch)


def test_refusal_by_the_centre_stops_the_climb() -> None:
    branch = alone()
    branch.advance(MINUTE_MS)
    branch.post(RefusalHeard("fibre", branch.envelopes()[-1].sha256, "no such branch"))
    branch.advance(46 * MINUTE_MS)
    assert rungs(branch) == ["sms", "courier"]


def test_acknowledgement_does_not_stop_the_climb() -> None:
    branch = alone()
    branch.advance(6 * MINUTE_MS)
    data = branch.station.outbox.items[2].data
    branch.post(ReceiptHeard("sms", acknowledgement.make(data, branch.election.log)))
    branch.settle()
    before = len(branch.journal.facts)
    branch.advance(24 * 60 * MINUTE_MS)
    assert rungs(branch) == ["sms"]
    assert not [fact for fact in branch.journal.facts[before:] if isinstance(fact, WaitNoted | RungReached)]
    assert set(branch.station.outbox.items) == {2}, "only a witnessed receipt frees the outbox"
    assert branch.station.status(branch.now)["ladder"]["envelopes"] == []


def test_rung_is_taken_back_in_a_restart() -> None:
    branch = alone()
    branch.advance(6 * MINUTE_MS)
    branch.wall_offset -= 365 * 24 * 60 * MINUTE_MS
    branch.boot()
    branch.advance(MINUTE_MS)
    assert rungs(branch) == ["sms"]
    assert branch.station.ladder.escalation.climbs[2].rung == "sms"
    assert branch.station.ladder.sms.letters[2].reached


def test_power_comes_back_and_links_get_no_chance() -> None:
    """A county without current for an hour: its branches must not all send SMS as they start."""
    branch = alone()
    branch.now += 60 * MINUTE_MS
    branch.boot()
    branch.advance(BOOT_GRACE_MS // 3)
    for name in branch.links:
        branch.set_link(name, "works")
    branch.center_answers = True
    branch.advance(MINUTE_MS)
    assert rungs(branch) == []
    assert not branch.station.outbox.items
    again = alone()
    again.now += 60 * MINUTE_MS
    again.boot()
    again.advance(BOOT_GRACE_MS)
    assert rungs(again) == ["sms", "courier"]


def test_kit_without_modems_waits_for_sms() -> None:
    clock = RungClock(sms_after_ms=None, courier_after_ms=45 * MINUTE_MS)
    branch = standing_in("sealed", ladder=LadderSetup({"account": clock, "tally": clock}))
    branch.advance(46 * MINUTE_MS)
    assert rungs(branch) == ["courier"]


def test_station_without_a_ladder_climbs() -> None:
    branch = standing_in("sealed")
    branch.advance(10 * 60 * MINUTE_MS)
    assert not branch.facts(RungReached)
    assert not branch.facts(WaitNoted)


class Lives:
    """The core alone, through many short lives with a clock that always starts the same."""

    def __init__(self) -> None:
        at = rfc3339.to_text(TALLY_MS)
        self.facts: list[Fact] = [
            EnvelopeSealed(
                at=at, kind="tally", terminal="t", close_no=1, seq=2, sha256="0" * 64, envelope="AA=="
            )
        ]

    def live(self, wall_ms: int, life_ms: int, *, step_ms: int = 1_000, held: bool = False) -> None:
        core = Escalation(SETUP.clocks, held=lambda _: held)
        for fact in self.facts:
            core.apply(fact)
        self.fold(core, [*core.handle(Booted("b", wall_ms), 0).facts, self.booted(wall_ms)])
        for now in range(0, life_ms, step_ms):
            wake = core.wake_at()
            if now == 0 or (wake is not None and wake <= now):
                self.fold(core, core.handle(Tick(), now).facts)

    def booted(self, wall_ms: int) -> Fact:
        return BootRecorded(at=rfc3339.to_text(wall_ms), boot_id="b")

    def fold(self, core: Escalation, facts: list[Fact]) -> None:
        for fact in facts:
            self.facts.append(fact)
            core.apply(fact)

    @property
    def rungs(self) -> list[str]:
        return [fact.rung for fact in self.facts if isinstance(fact, RungReached)]


@pytest.mark.parametrize("years", [-57, -1, 0])
def test_clock_starts_anew_with_each_life(years: int) -> None:
    """No battery for the clock, and a supply that fails every two minutes: the wait adds up all the same."""
    lives = Lives()
    wall_ms = max(0, TALLY_MS + years * 365 * 24 * 60 * MINUTE_MS)
    for _ in range(45):
        lives.live(wall_ms, 2 * MINUTE_MS + 1_000)
        if "sms" in lives.rungs:
            break
    assert lives.rungs == ["sms"]
    notes = [fact for fact in lives.facts if isinstance(fact, WaitNoted)]
    assert len(notes) <= 2 * 5 * MINUTE_MS // NOTED_MS


def test_tally_that_waits_for_its_tape_is_said_to_go_by_sms() -> None:
    lives = Lives()
    lives.live(TALLY_MS, 10 * MINUTE_MS, held=True)
    assert lives.rungs == []
    lives.live(TALLY_MS + 10 * MINUTE_MS, MINUTE_MS)
    assert lives.rungs == ["sms"]


def test_marks_in_time_fill_the_flash() -> None:
    lives = Lives()
    lives.live(TALLY_MS, 24 * 60 * MINUTE_MS, step_ms=5_000)
    assert lives.rungs == ["sms", "courier"]
    assert len([fact for fact in lives.facts if isinstance(fact, WaitNoted)]) <= 45, (
        "one a minute, and none at the top"
    )


def test_status_and_facts_hold_what_they_can() -> None:
    at = rfc3339.to_text(TALLY_MS)
    core = Escalation(SETUP.clocks, troubles=lambda: [f"uplink-{n}: " + "x" * 190 for n in range(8)])
    core.apply(
        EnvelopeSealed(at=at, kind="tally", terminal="t", close_no=1, seq=2, sha256="0" * 64, envelope="AA==")
    )
    core.handle(Booted("b", TALLY_MS), 0)
    (fact,) = core.handle(Tick(), 5 * MINUTE_MS).facts[:1]
    assert isinstance(fact, RungReached)
    assert msgspec.convert(msgspec.to_builtins(fact), Fact) == fact
    assert fact.reason.startswith("no acknowledgement for 5 min; uplink-0")
    assert fact.reason.endswith("sending by SMS over a modem")
    assert not isinstance(fact, SmsPartTaken | ReceiptStored)


def test_half_a_character_of_a_stranger_stops_the_kit() -> None:
    # No fact can hold one: the kit would end at this rung, in each of its lives.
    branch = alone()
    branch.station.ladder.escalation._troubles = lambda: ["fibre: the broker is b\udc80d"]
    branch.advance(5 * MINUTE_MS)
    assert rungs(branch) == ["sms"]
    (fact,) = Incidents().record("sms-refused", "half \udc80", "2027-06-18T14:00:00.000Z")
    assert fact.detail == "half ?"


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (0, "0 s"),
        (45_999, "45 s"),
        (300_000, "5 min"),
        (200_000, "3 min 20 s"),
        (7_500_000, "2 h 5 min"),
        (7_200_000, "2 h"),
    ],
)
def test_spans_in_words(ms: int, words: str) -> None:
    assert in_words(ms) == words
