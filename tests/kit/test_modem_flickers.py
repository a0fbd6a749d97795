"""What the kit makes of modems and a fibre line that come, go, flicker and lie low."""

import pytest

from drivers.ports import (
    FibreLost,
    FibreReading,
    ModemIdentity,
    ModemLost,
    ModemReading,
    ModemReset,
    OpticalReading,
    Registration,
    Signal,
    SignalGrade,
    SimState,
    SmsReceived,
)
from kit.devices import HOLD_MS, Devices, fibre_state, modem_state
from kit.events import Booted, Event, FibreHeard, ModemHeard, Tick
from kit.facts import DeviceChanged, DeviceState
from kit.pictures import devices as picture
from kit.sms.inbox import SmsInbox
from tests.kit.harness import ONE_TERMINAL

WALL_MS = 1_700_000_000_000


def _modem(
    *, sim: SimState = "ready", registration: Registration = "home", grade: SignalGrade = "good"
) -> ModemReading:
    return ModemReading(
        identity=ModemIdentity("Maker", "Model", "1", "490154203237518"),
        sim=sim,
        sim_slot=1,
        sim_slots=2,
        pin_tries_left=3,
        operator_code="43211",
        operator_name="IR-MCI",
        registration=registration,
        technology="lte",
        signal=Signal(-70, -95, -10, 12, grade),
        bearer_up=True,
    )


def _fibre(*, present: bool = True, carrier: bool = True, los: bool | None = None) -> FibreReading:
    optical = OpticalReading(-21.5, 2.1, los)
    return FibreReading("eth0", present, carrier, None, optical, None)


class Rig:
    """The core alone, with the folding that the runner does."""

    def __init__(self) -> None:
        self.core = Devices(("a", "b"), has_fibre=True)
        self.told: list[DeviceChanged] = []
        self.hear(Booted("boot", WALL_MS), 0)

    def hear(self, event: Event, now: int) -> None:
        step = self.core.handle(event, now)
        assert not step.effects
        for fact in step.facts:
            assert isinstance(fact, DeviceChanged)
            self.told.append(fact)
            self.core.apply(fact)


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (_modem(), "ok"),
        (_modem(registration="roaming"), "ok"),
        (_modem(grade="poor"), "weak"),
        (_modem(grade="none"), "weak"),
        (_modem(registration="searching"), "searching"),
        (_modem(registration="denied"), "denied"),
        (_modem(sim="absent", registration="denied"), "sim-absent"),
        (_modem(sim="pin-required", grade="none"), "pin-required"),
    ],
)
def test_technician_is_sent_to_mend_the_second_thing_first(reading: ModemReading, state: DeviceState) -> None:
    assert modem_state(reading) == state


@pytest.mark.parametrize(
    ("reading", "state"),
    [
        (_fibre(), "ok"),
        (_fibre(carrier=False), "no-carrier"),
        (_fibre(carrier=False, los=True), "no-light"),
        (_fibre(los=True), "no-light"),
        (_fibre(present=False, carrier=False), "not-there"),
    ],
)
def test_dark_fibre_passes_for_a_loose_cable(reading: FibreReading, state: DeviceState) -> None:
    assert fibre_state(reading) == state


def test_flicker_wears_the_flash_out() -> None:
    rig = Rig()
    for second in range(600):
        rig.hear(ModemHeard("a", _modem(grade="poor" if second % 2 else "good")), second * 1000)
    assert rig.told == []


def test_lasting_change_is_not_journaled() -> None:
    rig = Rig()
    rig.hear(ModemHeard("a", _modem()), 1000)
    assert rig.core.wake_at() == 1000 + HOLD_MS
    rig.hear(Tick(), 1000 + HOLD_MS)
    rig.hear(ModemHeard("a", _modem()), 2000 + HOLD_MS)
    assert [(fact.device, fact.state) for fact in rig.told] == [("modem a", "ok")]
    assert rig.core.wake_at() is None


def test_silent_modem_keeps_its_last_good_word() -> None:
    rig = Rig()
    rig.hear(ModemHeard("a", _modem()), 0)
    rig.hear(FibreHeard(_fibre()), 0)
    rig.hear(Tick(), HOLD_MS)
    rig.hear(ModemHeard("a", ModemLost("no answer")), HOLD_MS + 1)
    rig.hear(FibreHeard(FibreLost("no netlink")), HOLD_MS + 1)
    assert rig.core.state("modem a") == rig.core.state("fibre") == "unknown"
    assert picture(rig.core)["modems"][0]["fault"] == "no answer"
    rig.hear(Tick(), 2 * HOLD_MS + 1)
    assert [fact.state for fact in rig.told] == ["ok", "ok", "unknown", "unknown"]


def test_restart_tells_everything_again() -> None:
    rig = Rig()
    rig.hear(ModemHeard("b", _modem()), 0)
    rig.hear(Tick(), HOLD_MS)
    told = list(rig.told)
    again = Rig()
    for fact in told:
        again.core.apply(fact)
    again.hear(Booted("next", WALL_MS), 0)
    again.hear(ModemHeard("b", _modem()), 10)
    assert again.core.wake_at() is None
    assert again.told == []


def test_weak_modem_keeps_a_branch_from_opening() -> None:
    rig = Rig()
    rig.hear(ModemHeard("a", _modem(grade="poor")), 0)
    items = {item.name: item for item in rig.core.readiness()}
    assert set(items) == {"modem a", "modem b", "fibre"}
    assert all(item.ok for item in items.values())
    assert items["modem a"].detail == "warning: weak"


def test_resets_go_unseen() -> None:
    rig = Rig()
    rig.hear(ModemHeard("a", ModemReset("radio-off-on", "no answer")), 0)
    modem_a, modem_b = picture(rig.core)["modems"]
    assert (modem_a["resets"], modem_b["resets"]) == (1, 0)


def test_message_that_nobody_reads_leaves_no_trace() -> None:
    rig = Rig()
    inbox = SmsInbox(ONE_TERMINAL.loaded, rig.core.count_message)
    message = ModemHeard("a", SmsReceived("+989120000001", b"\x05\x00\x03\x01\x01\x01x"))
    assert inbox.translate(message, 0) == Tick()
    assert [modem["messages"] for modem in picture(rig.core)["modems"]] == [1, 0]


def test_fact_of_a_modem_that_was_taken_out_stops_the_kit() -> None:
    rig = Rig()
    rig.core.apply(DeviceChanged(at="2026-01-01T00:00:00Z", device="modem z", state="weak"))
    assert rig.core.wake_at() is None
