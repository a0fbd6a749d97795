"""A SIM whose network gives nothing is left for the other one; nothing else makes a modem change over."""

from collections.abc import Iterator
from itertools import pairwise

import pytest

from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemReading
from kit.sims.plan import SimPlan
from kit.sims.state import PATIENCE_MS, Pace
from simulators.virtual.loop import VirtualLoop
from tests.kit.sim_bench import MOBILE, MODEM, NUMBERS, SimBench

SETTLED_S = 90  # the modem registered, the session stands, and what is given to a SIM that is new has passed
MARGIN_S = 12  # a look at the modem, every 10 s, and a turn


@pytest.fixture
def loop() -> Iterator[VirtualLoop]:
    with VirtualLoop(seed=5) as made:
        yield made


def run_until_changed(bench: SimBench, seconds: int) -> None:
    before = len(bench.changes())
    for _ in range(seconds):
        bench.run(1)
        if len(bench.changes()) > before:
            return
    raise AssertionError(f"no change within {seconds} s; {bench.picture()}")


def last_reading(bench: SimBench) -> ModemReading:
    return [event for event in bench.heard if isinstance(event, ModemReading)][-1]


@pytest.mark.parametrize("pace", ["critical", "polls", "quiet"])
@pytest.mark.parametrize(
    ("blow", "words"),
    [
        ("sim 1 barred", "the network denies access"),
        ("sim 1 unheard", "searching for the network"),
        ("sim 1 gone", "no SIM"),
    ],
)
def test_first_sim_dies(loop: VirtualLoop, pace: Pace, blow: str, words: str) -> None:
    bench = SimBench(loop, pace)
    bench.run(SETTLED_S)
    assert bench.has_session
    assert not bench.changes()
    bench.obey(blow)
    patience_s = PATIENCE_MS[pace] // 1000
    bench.run(patience_s * 2 // 3 - 1)
    assert bench.slot == 1, "left too early"
    noticed_s = {"critical": 0, "polls": 15, "quiet": 75}[pace]  # that the session is gone, at the latest
    run_until_changed(bench, patience_s // 3 + noticed_s + MARGIN_S)
    bench.run(70)
    (change,) = bench.changes()
    assert (change.left, change.slot, change.cause) == (1, 2, "failed")
    assert change.reason.startswith("SIM 1 gave nothing for ")
    assert change.reason.endswith(words)
    assert (last_reading(bench).sim_slot, last_reading(bench).registration) == (2, "home")
    assert bench.has_session
    assert bench.picture()["trouble"] is None


def test_sim_is_registered_and_carries_no_data(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.data[1] = False
    run_until_changed(bench, 150)
    assert "registered, and no session over 4g" in bench.changes()[0].reason
    bench.run(70)
    assert bench.has_session
    assert len(bench.changes()) == 1


@pytest.mark.parametrize("second", [("second",), ()])
def test_second_operator_is_asked_for_the_first_ones_apn(loop: VirtualLoop, second: tuple[str, ...]) -> None:
    bench = SimBench(loop, apns=("first", *second))
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    bench.run(120)
    assert bench.slot == 2
    context = bench.port.model.device.settings.contexts[1]
    assert (context.apn, context.active) == (second[0] if second else "first", True)


def test_data_ends_and_the_modem_says_so(loop: VirtualLoop) -> None:
    """The operator takes the bearer away, and gives none any more; no uplink is known to hang on it."""
    bench = SimBench(loop, sims={MODEM: SimPlan(slots=2)})
    bench.run(SETTLED_S)
    assert last_reading(bench).bearer_up
    bench.settings = AtSettings(sim_slots=2, sim_switch="csus")
    bench.modem._dialogue._session.settings = bench.settings  # type: ignore[misc] - brings none up any more
    bench.port.model.device.settings.contexts[1].active = False
    run_until_changed(bench, 50)
    assert bench.changes()[0].reason.endswith("the data bearer is down")


def test_both_networks_flicker(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.port.model.device.radio.registration_ms = 1_000
    bench.run(SETTLED_S)
    for _ in range(20):
        bench.obey("network lost")
        bench.run(14)
        bench.obey("network back")
        bench.run(14)
    assert not bench.changes()
    assert not bench.used


def test_weak_signal_is_taken_for_none(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    for strength in ("-118", "-139", "-95") * 5:
        bench.obey(f"signal {strength}")
        bench.run(21)
    assert not bench.changes()


def test_session_that_stands_is_given_up_for_what_the_modem_says(loop: VirtualLoop) -> None:
    """Some networks refuse calls and carry data."""
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    bench.carries = lambda uplink: uplink == MOBILE  # type: ignore[method-assign]
    bench.obey("sim 1 barred")
    bench.run(300)
    assert last_reading(bench).registration == "denied"
    assert not bench.changes()


def test_modem_that_is_pulled_out_makes_sims_change(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    bench.port.unplug()
    bench.run(300)
    bench.port.plugged = True
    bench.run(120)
    assert not bench.changes()
    assert bench.has_session


def test_message_is_lost_with_its_sim(loop: VirtualLoop) -> None:
    """SIM 1 is barred in the middle of it. All of it goes out over SIM 2, for another number is another sender."""
    bench = SimBench(loop, sms=True)
    bench.works[MOBILE] = False
    for _ in range(300):
        bench.run(1)
        if bench.taken():
            break
    bench.obey("sim 1 barred")
    for _ in range(600):
        bench.run(1)
        if bench.gateway.whole:
            break
    assert bench.gateway.whole
    senders = {sender for sender, _ in bench.gateway.parts}
    assert NUMBERS[1] in senders
    whole = [part.number for sender, part in bench.gateway.parts if sender == NUMBERS[1]]
    assert set(whole) == set(range(1, max(whole) + 1))


def test_sim_that_sends_a_message_is_left_for_want_of_data(loop: VirtualLoop) -> None:
    """Data ends with the first part. The message goes out whole over the same SIM, whose number is answered, too."""
    bench = SimBench(loop, sms=True)
    bench.port.model.device.send_ms = 8_000
    for _ in range(600):
        bench.run(1)
        if bench.data[1] and bench.taken():
            assert bench.has_session
            bench.data[1] = False
        if bench.used:
            break
    changed_s = bench.now() / 1000
    bench.run(5)  # for what was taken to arrive
    assert bench.changes()[0].reason.endswith("no session over 4g")
    assert {sender for sender, _ in bench.gateway.parts} == {NUMBERS[0]}
    assert len(set(bench.gateway.whole)) == 2, "the account and the tally"
    parts = [part for _, part in bench.gateway.parts]
    for one in parts:
        arrived = {part.number for part in parts if part.reference == one.reference}
        assert arrived == set(range(1, one.total + 1)), "a message was torn"
    assert changed_s - bench.taken_at()[0] >= 120, "no answer was waited for"


def test_restart_falls_between_the_fact_and_the_modem(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    bench.deaf = True
    run_until_changed(bench, 60)
    bench.deaf = False
    bench.restart(3)
    bench.run(60)
    assert [slot for _, slot in bench.used] == [2, 2]
    assert len(bench.changes()) == 1, "the same change is written down twice"
    assert bench.slot == 2
    assert bench.has_session


def test_restart_undoes_a_change(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    run_until_changed(bench, 60)
    bench.restart(20)
    bench.run(120)
    assert (len(bench.used), bench.slot) == (1, 2)
    assert bench.has_session
    assert bench.picture()["last"]["slot"] == 2


def test_both_sims_are_dead(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    bench.obey("sim 2 unheard")
    bench.run(1_200)
    bench.restart()
    bench.run(1_200)
    at = [second for second, _ in bench.used]
    gaps = [later - before for before, later in pairwise(at)]
    assert [slot for _, slot in bench.used] == [2, 1] * (len(at) // 2) + [2] * (len(at) % 2)
    assert min(gaps) >= 60
    assert max(gaps) <= 300 + MARGIN_S
    assert gaps[-1] >= 150, "a restart began the growth anew"
    assert 8 <= len(at) <= 16
    bench.obey("sim 2 served")
    bench.run(700)
    assert bench.has_session
    assert bench.slot == 2


def test_modem_does_not_do_as_it_is_told(loop: VirtualLoop) -> None:
    bench = SimBench(loop, switch="quectel-qdsim")
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    run_until_changed(bench, 60)
    bench.run(55)
    assert bench.slot == 1
    assert bench.picture()["refused"]
    bench.run(600)
    assert {slot for _, slot in bench.used} == {2}
    assert 2 <= len(bench.used) <= 7


def test_change_by_itself_is_switched_off(loop: VirtualLoop) -> None:
    bench = SimBench(loop, sims={MODEM: SimPlan(slots=2, uplinks=(MOBILE,), changes=False)})
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    bench.run(300)
    assert not bench.changes()
    assert bench.picture()["trouble"] == "the network denies access"
    assert bench.order(2)["changed"]
    bench.run(60)
    assert bench.has_session


def test_technician_asks_for_what_cannot_be(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    assert bench.order(2)["error"] == "modem m does not answer"
    bench.run(SETTLED_S)
    assert "no modem 'x' is configured; there are: m" in str(bench.order(1, "x")["error"])
    for slot in (0, 3, -1):
        assert bench.order(slot)["code"] == 64
    assert bench.order(1) == {"ok": True, "modem": "m", "slot": 1, "changed": False}
    refused = bench.order(2)
    assert (refused["ok"], refused["code"]) == (False, 69)
    assert "the only one that works" in str(refused["error"])
    assert not bench.changes()
    assert bench.order(2, anyway=True)["changed"]
    (change,) = bench.changes()
    assert (change.slot, change.cause, change.reason) == (2, "ordered", "a technician wanted it")
    bench.run(60)
    assert bench.has_session
    assert bench.slot == 2


def test_only_uplink_that_works_is_not_the_modems(loop: VirtualLoop) -> None:
    bench = SimBench(loop)
    bench.works["fibre"] = True
    bench.run(SETTLED_S)
    assert bench.order(2)["changed"]


def test_message_under_way_is_torn_by_a_technician(loop: VirtualLoop) -> None:
    bench = SimBench(loop, sms=True)
    bench.works[MOBILE] = False
    refused = []
    for _ in range(200):
        bench.run(0.5)
        if bench.station.ladder.sms.modems.states[MODEM].under_way:
            refused.append(bench.order(2))
            break
    assert "an SMS is under way" in str(refused[0]["error"])


def test_modem_manager_is_asked_for_another_sim(loop: VirtualLoop) -> None:
    bench = SimBench(loop, sims={MODEM: SimPlan(1, (MOBILE,), changes=False, cannot="ModemManager holds it")})
    bench.run(SETTLED_S)
    bench.obey("sim 1 barred")
    bench.run(200)
    assert not bench.used
    assert bench.order(2)["error"] == "modem m stays with its SIM: ModemManager holds it"
    assert bench.picture()["cannot"] == "ModemManager holds it"
    assert bench.picture()["slots"] == 2
