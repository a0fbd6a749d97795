"""ModemManager, which nobody here wrote, on our simulated modem: registers, loses the network, finds it, connects."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.modem_manager import MM, MODEM, CallError, ModemManager, Variant
from tests.peers.modem_on_pty import ModemOnPty

THREE_GPP = f"{MODEM}.Modem3gpp"
MESSAGING = f"{MODEM}.Messaging"
SIM = f"{MM}.Sim"
SMS = f"{MM}.Sms"
ALL = "org.freedesktop.DBus.Properties"
LOCKED, DISABLED, SEARCHING, REGISTERED, CONNECTED = 2, 3, 7, 8, 11  # MMModemState
IDLE, HOME, SEARCHES, DENIED, ROAMING = 0, 1, 2, 3, 5  # MMModem3gppRegistrationState
LTE = 1 << 14  # MMModemAccessTechnology

pytestmark = pytest.mark.peer("ModemManager", "dbus-daemon", "socat")


class Bench:
    """ModemManager and the modem, which is plugged in."""

    def __init__(self, manager: ModemManager, modem: ModemOnPty) -> None:
        self.manager, self.modem = manager, modem

    async def until(self, **properties: Any) -> None:
        """Wait until properties of the modem, on either interface, are as given."""

        def as_asked(interfaces: dict[str, dict[str, Any]]) -> bool:
            seen = {**interfaces[MODEM], **interfaces[THREE_GPP]}
            return all(seen[name] == value for name, value in properties.items())

        await self.manager.until_modem(as_asked)

    async def properties(self) -> dict[str, Any]:
        modem = await self.manager.modem()
        assert modem is not None
        return {**modem[MODEM], **modem[THREE_GPP]}

    async def enable(self) -> str:
        """Returns the modem's path once it is registered."""
        await self.until(State=DISABLED)
        path = await self.manager.modem_path()
        await self.manager.call(path, MODEM, "Enable", "b", [True])
        await self.until(State=REGISTERED)
        return path


@pytest.fixture
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    manager = ModemManager(tmp_path)
    modem = ModemOnPty(tmp_path, **getattr(request, "param", {}))
    try:
        await manager.start()
        await manager.plug(str(modem.line))
        yield Bench(manager, modem)
    finally:
        manager.stop()
        modem.stop()


async def test_registers_then_loses_and_regains_the_network(bench: Bench) -> None:
    await bench.enable()
    seen = await bench.properties()
    assert (seen["Manufacturer"], seen["Model"]) == ("SIMULATED", "LTE-1")
    assert seen["Imei"] == "001010000000018"
    assert (seen["OperatorCode"], seen["OperatorName"]) == ("00101", "Simulated"), "told in UCS2"
    assert (seen["RegistrationState"], seen["AccessTechnologies"]) == (HOME, LTE)
    bench.modem.obey("network lost")
    await bench.until(State=SEARCHING, RegistrationState=SEARCHES)
    bench.modem.obey("network back")
    await bench.until(State=REGISTERED, RegistrationState=HOME)
    bench.modem.obey("roaming")
    await bench.until(State=REGISTERED, RegistrationState=ROAMING)
    bench.modem.obey("denied")
    await bench.until(RegistrationState=DENIED)


async def test_signal_follows_the_radio(bench: Bench) -> None:
    path = await bench.enable()
    await bench.manager.until_modem(lambda modem: modem[MODEM]["SignalQuality"][0] > 60)
    bench.modem.obey("signal -115")
    await bench.manager.until_modem(lambda modem: 0 < modem[MODEM]["SignalQuality"][0] < 40)
    await bench.manager.call(path, f"{MODEM}.Signal", "Setup", "u", [1])
    await bench.manager.until_modem(lambda modem: modem[f"{MODEM}.Signal"]["Lte"]["rsrp"] == -115.0)
    bench.modem.obey("signal -75")
    await bench.manager.until_modem(lambda modem: modem[f"{MODEM}.Signal"]["Lte"]["rsrp"] == -75.0)
    await bench.manager.until_modem(lambda modem: modem[MODEM]["SignalQuality"][0] > 90)


async def test_connects_and_is_hung_up_on(bench: Bench) -> None:
    path = await bench.enable()
    apn = {"apn": Variant("s", "internet")}
    bearer = await bench.manager.call(path, f"{MODEM}.Simple", "Connect", "a{sv}", [apn])
    await bench.until(State=CONNECTED)
    assert await bench.manager.get(bearer, f"{MM}.Bearer", "Connected") is True
    state = bench.modem.model.state(0)
    assert state["mode"] == "data"
    assert state["contexts"]["1"] == {"kind": "IP", "apn": "internet", "active": True}
    bench.modem.obey("hang up")
    # Over a port that carries PPP, ModemManager hears of it from whoever runs PPP, who asks it to disconnect.
    await bench.manager.call(path, f"{MODEM}.Simple", "Disconnect", "o", ["/"])
    await bench.until(State=REGISTERED)
    assert await bench.manager.get(bearer, f"{MM}.Bearer", "Connected") is False
    assert bench.modem.model.state(0)["mode"] == "command"


@pytest.mark.parametrize("bench", [{"pin": "4711"}], indirect=True)
async def test_wrong_pin_costs_a_try_and_the_right_one_opens(bench: Bench) -> None:
    await bench.manager.until_modem(lambda modem: modem[MODEM]["State"] == LOCKED)
    modem = await bench.manager.modem()
    assert modem is not None
    assert modem[MODEM]["UnlockRequired"] == 2
    assert modem[MODEM]["UnlockRetries"][2] == 3
    sim = modem[MODEM]["Sim"]
    with pytest.raises(CallError, match="IncorrectPassword"):
        await bench.manager.call(sim, SIM, "SendPin", "s", ["0000"])
    assert bench.modem.model.state(0)["sim"]["pin_tries"] == 2
    await bench.manager.until_modem(lambda modem: modem[MODEM]["UnlockRetries"][2] == 2)
    await bench.manager.call(sim, SIM, "SendPin", "s", ["4711"])
    await bench.enable()


async def test_messages_go_and_come(bench: Bench) -> None:
    path = await bench.enable()
    body = bytes(range(200))
    created = {"number": Variant("s", "+99900000042"), "data": Variant("ay", body)}
    created["delivery-report-request"] = Variant("b", True)
    message = await bench.manager.call(path, MESSAGING, "Create", "a{sv}", [created])
    await bench.manager.call(message, SMS, "Send")
    sent = bench.modem.model.state(0)["network"]["sent"]
    assert len(sent) == 2, sent
    bench.modem.obey("sms +99900000042 hello")

    async def texts() -> list[tuple[str, str]]:
        paths = await bench.manager.call(path, MESSAGING, "List")
        messages = [await bench.manager.call(one, ALL, "GetAll", "s", [SMS]) for one in paths]
        return [(one["Number"], one["Text"]) for one in messages]

    await bench.manager.until_true(texts, lambda seen: ("+99900000042", "hello") in seen)
