"""After a restart the journal says how things were. Until a device is heard again, nobody may call it fine."""

from kit import pictures
from kit.devices import Devices
from kit.events import Booted, FibreHeard, ModemHeard, UpsHeard
from kit.facts import DeviceChanged, PowerChanged
from kit.power.power import Power
from tests.kit.harness import LOW, MAINS, Branch
from tests.kit.test_modem_flickers import _fibre, _modem

AT = "2027-06-18T14:00:00.000Z"


def test_mains_of_before_the_restart_are_shown() -> None:
    power = Power()
    power.apply(PowerChanged(at=AT, state="mains"))
    power.handle(Booted("boot", 0), 0)
    assert pictures.power(power, has_ups=True)["state"] == "unknown"
    power.handle(UpsHeard(MAINS), 1)
    assert pictures.power(power, has_ups=True)["state"] == "mains"


def test_low_battery_of_before_the_restart_is_forgotten() -> None:
    power = Power()
    power.apply(PowerChanged(at=AT, state="low"))
    power.handle(Booted("boot", 0), 0)
    assert pictures.power(power, has_ups=True)["state"] == "low"
    power.handle(UpsHeard(LOW), 1)
    assert pictures.power(power, has_ups=True)["state"] == "low"


def test_ups_that_died_with_the_kit_lets_the_branch_be_ready() -> None:
    branch = Branch()
    branch.power(MAINS)
    branch.settle()
    branch.station = branch._make()
    for fact in branch.journal.facts:
        branch.station.apply(fact)
    assert branch.station.power.state == "mains"
    branch.station.handle(Booted("boot", 0), branch.now)
    (power,) = [item for item in branch.station._readiness_items(branch.now) if item.name == "power"]
    assert (power.ok, power.detail) == (False, "the UPS says: unknown")


def test_modem_and_fibre_of_before_the_restart_are_shown() -> None:
    core = Devices(("a",), has_fibre=True)
    for device in ("modem a", "fibre"):
        core.apply(DeviceChanged(at=AT, device=device, state="ok"))
    core.handle(Booted("boot", 0), 0)
    assert (core.state("modem a"), core.state("fibre")) == ("unknown", "unknown")
    assert {item.detail for item in core.readiness()} == {"warning: unknown"}
    core.handle(ModemHeard("a", _modem()), 1)
    core.handle(FibreHeard(_fibre(present=True, carrier=True)), 1)
    assert (core.state("modem a"), core.state("fibre")) == ("ok", "ok")
    assert pictures.devices(core)["modems"][0]["state"] == "ok"
