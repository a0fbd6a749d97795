"""Two SIMs must not take turns at full speed, nor for ever; and the first one is come back to when it hurts nobody."""

from dataclasses import replace
from itertools import pairwise

import pytest

from drivers.ports import ModemLost, ModemReading, ModemReset
from failover.machine import Failover
from failover.timing import Timing
from kit.effects import UseSim
from kit.events import Booted, ModemHeard, SimOrdered, Tick
from kit.facts import Fact, SimChanged
from kit.sims.choice import SimChoice
from kit.sims.plan import SimPlan
from kit.sims.state import FORGET_MS, MINUTE_MS, PATIENCE_MS, REGISTER_MS, RETURN_MS, STAY_MAX_MS, Pace
from kit.sms.plan import SmsPlan
from kit.sms.rung import SmsRung
from tests.kit.harness import MORNING_MS, ONE_TERMINAL
from tests.kit.test_line_is_misread import READING

LOOK_MS = 10_000
HOUR_MS = 3_600_000
SMS = SmsPlan(("+99900000201",), ("m",), 120_000, 60, 100)


class Links(Failover):
    """Uplinks as a test wants them."""

    up: tuple[str, ...] = ()

    def usable(self) -> tuple[str, ...]:
        return self.up

    def connected(self) -> tuple[str, ...]:
        return self.up


class Kit:
    """The core alone, a modem with two SIMs, and a clock."""

    def __init__(self, *, pace: Pace = "quiet", device: str = "device-1", slots: int = 2) -> None:
        self.now, self.wall_ms, self.slot = 1_000_000, MORNING_MS, 1
        self.device, self.slots = device, slots
        self.works = dict.fromkeys(range(1, slots + 1), True)
        self.facts: list[Fact] = []
        self.used: list[tuple[int, int]] = []
        self.links = Links(("fibre", "4g"), device, Timing())
        self.fibre = True
        self.pace(pace)
        self.boot()

    def boot(self) -> None:
        plans = {"m": SimPlan(self.slots, ("4g",))}
        self.sms = SmsRung(SMS, ONE_TERMINAL.loaded, self.device)
        self.core = SimChoice(plans, self.device, self.links, self.sms)
        for fact in self.facts:
            self.core.apply(fact)
        self._turn(Booted("boot", self.wall_ms))

    def pace(self, pace: Pace) -> None:
        self.links.critical, self.links.polls_open = pace == "critical", pace != "quiet"

    def run(self, ms: int) -> None:
        """Looks every 10 s, and whatever the core wants to be woken for."""
        for _ in range(ms // LOOK_MS):
            until = self.now + LOOK_MS
            while (wake_at := self.core.wake_at()) is not None and wake_at < until:
                assert wake_at > self.now, "it wants the next tick at once, and does nothing with it"
                self._pass(wake_at - self.now)
                self._turn(Tick())
            self._pass(until - self.now)
            works = self.works[self.slot]
            self.links.up = ("fibre",) * self.fibre + ("4g",) * works
            self.hear(works=works)

    def hear(self, *, works: bool) -> None:
        reading = replace(READING, sim_slot=self.slot, sim_slots=self.slots)
        if not works:
            reading = replace(reading, registration="searching", bearer_up=False)
        self._turn(ModemHeard("m", reading))

    def heard(self, event: ModemReading | ModemLost | ModemReset) -> None:
        self._turn(ModemHeard("m", event))

    def order(self, slot: int) -> None:
        self._turn(SimOrdered("m", slot, 1))

    def gaps(self) -> list[int]:
        return [later - before for (before, _), (later, _) in pairwise(self.used)]

    def causes(self) -> list[str]:
        return [fact.cause for fact in self.facts if isinstance(fact, SimChanged)]

    def _pass(self, ms: int) -> None:
        self.now += ms
        self.wall_ms += ms

    def _turn(self, event: Booted | Tick | ModemHeard | SimOrdered) -> None:
        step = self.core.handle(event, self.now)
        for fact in step.facts:
            self.facts.append(fact)
            self.core.apply(fact)
        for effect in step.effects:
            if isinstance(effect, UseSim):
                self.used.append((self.now, effect.slot))
                self.slot = effect.slot


@pytest.fixture
def quiet() -> Kit:
    return Kit()


@pytest.mark.parametrize("pace", ["critical", "polls", "quiet"])
def test_two_dead_sims_take_turns_for_a_night(pace: Pace) -> None:
    kit = Kit(pace=pace)
    kit.works = {1: False, 2: False}
    kit.run(12 * HOUR_MS)
    gaps, most = kit.gaps(), STAY_MAX_MS[pace]
    assert min(gaps) >= max(REGISTER_MS, PATIENCE_MS[pace] * 2 // 3)
    assert max(gaps) <= most + PATIENCE_MS[pace]
    assert min(gaps[8:]) >= most // 2
    assert len(gaps) <= 10 + 12 * HOUR_MS // (most // 2)
    assert len(set(gaps[8:])) > 3, "always the same wait"


def test_all_branches_storm_the_other_network_in_one_instant() -> None:
    """One network dies in the critical window of many branches."""
    first = []
    for number in range(200):
        kit = Kit(pace="critical", device=f"device-{number}")
        kit.run(120_000)
        kit.works[1] = False
        began = kit.now
        kit.run(60_000)
        first.append(kit.used[0][0] - began)
    assert min(first) >= 20_000
    assert max(first) <= 30_000 + LOOK_MS
    assert max(sum(at // 1000 == second for at in first) for second in range(60)) < 60


def test_sim_that_worked_for_hours_waits_as_if_it_had_just_failed(quiet: Kit) -> None:
    quiet.pace("polls")
    quiet.works = {1: False, 2: False}
    quiet.run(HOUR_MS)
    quiet.works[quiet.slot] = True
    quiet.run(FORGET_MS + 600_000)
    quiet.works = {1: True, 2: True}
    quiet.works[quiet.slot] = False
    before = len(quiet.used)
    quiet.run(150_000)
    assert len(quiet.used) == before + 1


def test_flicker_counts_as_silence(quiet: Kit) -> None:
    quiet.pace("critical")
    for _ in range(100):
        quiet.works[1] = not quiet.works[1]
        quiet.run(20_000)
    assert not quiet.used


def test_first_sim_is_tried_again_while_polls_are_open(quiet: Kit) -> None:
    quiet.pace("polls")
    quiet.works[1] = False
    quiet.run(10 * MINUTE_MS)
    quiet.works[1] = True
    quiet.run(8 * HOUR_MS)
    quiet.pace("critical")
    quiet.run(HOUR_MS)
    assert (quiet.slot, quiet.causes()) == (2, ["failed"])
    quiet.pace("quiet")
    quiet.run(RETURN_MS - MINUTE_MS)
    assert quiet.slot == 2, "it has not been quiet for long"
    quiet.run(2 * MINUTE_MS)
    assert (quiet.slot, quiet.causes()) == (1, ["failed", "returned"])
    quiet.run(12 * HOUR_MS)
    assert len(quiet.used) == 2


def test_first_sim_that_stays_dead_is_tried_every_hour(quiet: Kit) -> None:
    quiet.works[1] = False
    quiet.run(48 * HOUR_MS)
    returns = [at for at, slot in quiet.used if slot == 1]
    waits = [round((later - before) / HOUR_MS) for before, later in pairwise(returns)]
    assert waits == [2, 4, 8, 16, 16]


def test_return_costs_the_only_session(quiet: Kit) -> None:
    quiet.works[1] = False
    quiet.run(10 * MINUTE_MS)
    quiet.fibre = False
    quiet.run(12 * HOUR_MS)
    assert quiet.slot == 2
    quiet.fibre = True
    quiet.run(LOOK_MS)
    assert quiet.slot == 1


def test_choice_of_a_technician_is_undone_while_it_works(quiet: Kit) -> None:
    quiet.run(120_000)
    quiet.order(2)
    quiet.run(24 * HOUR_MS)
    assert (quiet.slot, quiet.causes()) == (2, ["ordered"])
    quiet.works[2] = False
    quiet.run(10 * MINUTE_MS)
    assert (quiet.slot, quiet.causes()) == (1, ["ordered", "failed"])


def test_restarts_forget_the_growth_and_the_clock_lies() -> None:
    kit = Kit(pace="critical")
    kit.works = {1: False, 2: False}
    for lie_ms in (0, -HOUR_MS, 3 * HOUR_MS, 0, -7 * HOUR_MS) * 6:
        kit.run(4 * MINUTE_MS)
        kit.wall_ms += lie_ms
        kit.boot()
    assert min(kit.gaps()) >= REGISTER_MS - LOOK_MS
    assert max(kit.gaps()) <= STAY_MAX_MS["critical"] + 5 * MINUTE_MS
    assert kit.now - kit.used[-1][0] <= STAY_MAX_MS["critical"] + 5 * MINUTE_MS, (
        "a clock that went back stops it"
    )
    assert len(kit.used) >= 20
    kit.works[1] = True
    kit.run(10 * MINUTE_MS)
    assert kit.slot == 1


def test_modem_that_starts_anew_is_given_no_time_to_register() -> None:
    kit = Kit(pace="critical")
    kit.run(120_000)
    kit.heard(ModemLost("unplugged"))
    assert kit.core.picture(kit.now)[0]["slot"] is None
    kit.works[1] = False
    kit.run(50_000)
    kit.works[1] = True
    kit.run(20_000)
    kit.heard(ModemReset("full-reset", "asked for"))
    kit.works[1] = False
    kit.run(50_000)
    assert not kit.used


def test_third_sim_is_never_tried() -> None:
    kit = Kit(pace="polls", slots=3)
    kit.works = {1: False, 2: False, 3: True}
    kit.run(20 * MINUTE_MS)
    assert [slot for _, slot in kit.used] == [2, 3]
    assert kit.slot == 3


def test_modem_that_fell_back_by_itself_is_taken_for_the_other_sim(quiet: Kit) -> None:
    """It started anew, and began with slot 1 as its maker wants it: what counts is where it is."""
    quiet.pace("polls")
    quiet.works[1] = False
    quiet.run(10 * MINUTE_MS)
    assert quiet.slot == 2
    quiet.run(10 * MINUTE_MS)
    quiet.slot = 1
    quiet.run(5 * MINUTE_MS)
    assert [slot for _, slot in quiet.used] == [2, 2]
    assert quiet.slot == 2


def test_trouble_of_one_sim_is_laid_to_the_other(quiet: Kit) -> None:
    """It fell back to a SIM that gives nothing either, which has its own patience."""
    quiet.pace("polls")
    quiet.works = {1: False, 2: True}
    quiet.run(HOUR_MS)
    quiet.works[2] = False
    quiet.run(70_000)
    quiet.slot = 1
    quiet.run(70_000)
    assert (quiet.slot, len(quiet.used)) == (1, 1)
    quiet.run(60_000)
    assert (quiet.slot, len(quiet.used)) == (2, 2)


def test_part_under_way_is_torn(quiet: Kit) -> None:
    quiet.pace("critical")
    quiet.run(120_000)
    quiet.works[1] = False
    under_way = quiet.sms.modems.states["m"].under_way
    under_way.add(1)
    quiet.run(10 * MINUTE_MS)
    assert not quiet.used
    under_way.clear()
    quiet.run(LOOK_MS)
    assert quiet.slot == 2


@pytest.mark.parametrize("works", [True, False])
def test_change_of_the_last_life_is_made_up_for_though_the_sim_works_again(works: bool) -> None:
    """The power went between the fact and the modem; when it is back, the SIM that was to be left gives something."""
    kit = Kit(pace="critical")
    kit.works[1] = False
    while not kit.used:
        kit.run(LOOK_MS)
    kit.slot = 1  # the modem never heard of it
    kit.used.clear()
    kit.links.up = ("fibre", "4g") if works else ("fibre",)
    kit.boot()
    kit.hear(works=works)
    assert [slot for _, slot in kit.used] == ([] if works else [2])
