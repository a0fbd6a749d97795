"""Our client of ModemManager, theirs, and our simulated modem: readings, messages, and everything that breaks."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from crypto import sms
from drivers.modem.manager import ManagerModem, ManagerSettings, ModemMatch
from drivers.ports import (
    ModemEvent,
    ModemLost,
    ModemReading,
    ModemReset,
    SmsFailed,
    SmsReceived,
    SmsReported,
    SmsSubmitted,
)
from simulators.devices.modem.factory import IMEI
from tests.peers.modem_manager import MODEM, WAIT_MAX, ModemManager, Variant, wait_for
from tests.peers.modem_on_pty import ModemOnPty, now_ms

READ = "correctly parsed PDU"
FAR = "+99900000042"
E = TypeVar("E")

pytestmark = pytest.mark.peer("ModemManager", "dbus-daemon", "socat")


class Bench:
    """All three, and what our client said."""

    def __init__(self, folder: Path) -> None:
        self.manager = ModemManager(folder)
        self._folder = folder
        self.heard: list[ModemEvent] = []
        self._running: asyncio.Task[None] | None = None

    async def start(
        self, sim_pin: str | None = None, pin: str | None = None, measure_every_s: int = 1, sim: str = "1"
    ) -> None:
        self.modem = ModemOnPty(self._folder, pin=sim_pin)
        self.modem.obey(f"sim {sim}")
        settings = ManagerSettings(
            poll_interval_ms=500, pin=pin, measure_every_s=measure_every_s, pulse_ms=500
        )
        self.client = ManagerModem(
            self.manager.address, ModemMatch(imei=IMEI), now_ms, self.heard.append, settings
        )
        self._running = asyncio.create_task(self.client.run())
        await self.manager.start()
        self.bridge = await self.manager.plug(str(self.modem.line))

    async def stop(self) -> None:
        if self._running is not None:
            assert not self._running.done(), "a driver never returns by itself"
            self._running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._running
            self.modem.stop()
        self.manager.stop()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.heard if isinstance(event, kind)]

    async def until(self, kind: type[E], true: Callable[[E], bool] = lambda _: True, since: int = -1) -> E:
        """Wait for such an event: from now on, or from the ``since``-th on."""
        seen = len(self.heard) if since < 0 else since
        try:
            async with asyncio.timeout(WAIT_MAX):
                while True:
                    for event in self.heard[seen:]:
                        if isinstance(event, kind) and true(event):
                            return event
                    seen = len(self.heard)
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"not heard; last: {self.heard[-5:]}\n{self.manager.tail()}") from None

    async def until_read(self, count: int) -> None:
        """ModemManager misses messages that come while it reads another one."""
        await wait_for(lambda: self.manager.said().count(READ) >= count, WAIT_MAX)

    async def home(self) -> ModemReading:
        return await self.until(ModemReading, lambda reading: reading.registration == "home")


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    bench = Bench(tmp_path)
    try:
        yield bench
    finally:
        await bench.stop()


async def test_readings_follow_the_modem(bench: Bench) -> None:
    await bench.start()
    reading = await bench.home()
    assert (reading.identity.manufacturer, reading.identity.imei) == ("SIMULATED", IMEI)
    assert (reading.sim, reading.sim_slot, reading.sim_slots) == ("ready", 1, 1)
    assert (reading.operator_code, reading.operator_name, reading.technology) == ("00101", "Simulated", "lte")
    reading = await bench.until(ModemReading, lambda reading: reading.signal.grade == "good")
    assert reading.signal.rsrp_dbm == -85
    bench.modem.obey("signal -115")
    reading = await bench.until(ModemReading, lambda reading: reading.signal.rsrp_dbm == -115)
    assert reading.signal.grade == "poor"
    bench.modem.obey("network lost")
    await bench.until(ModemReading, lambda reading: reading.registration == "searching")
    bench.modem.obey("network back")
    await bench.home()
    # As NetworkManager would.
    path, apn = await bench.manager.modem_path(), {"apn": Variant("s", "internet")}
    await bench.manager.call(path, f"{MODEM}.Simple", "Connect", "a{sv}", [apn])
    reading = await bench.until(ModemReading, lambda reading: reading.bearer_up)
    assert reading.interface is None, "PPP runs over a port that is no network interface"
    bench.modem.obey("hang up")
    await bench.manager.call(path, f"{MODEM}.Simple", "Disconnect", "o", ["/"])
    await bench.until(ModemReading, lambda reading: not reading.bearer_up)


async def test_modem_manager_is_killed_and_started_again(bench: Bench) -> None:
    await bench.start()
    await bench.home()
    before = len(bench.heard)
    bench.manager.kill_manager()
    lost = await bench.until(ModemLost, since=before)
    assert "ModemManager" in lost.reason
    bench.bridge.unplug()
    await bench.manager.start_manager()
    bench.bridge = await bench.manager.plug(str(bench.modem.line))
    await bench.home()
    assert len([event for event in bench.heard[before:] if isinstance(event, ModemLost)]) == 1


async def test_modem_manager_freezes_and_then_the_bus_dies(bench: Bench) -> None:
    await bench.start()
    await bench.home()
    before = len(bench.heard)
    bench.manager.freeze_manager()
    lost = await bench.until(ModemLost, since=before)
    assert "did not answer" in lost.reason
    bench.manager.thaw_manager()
    await bench.home()
    before = len(bench.heard)
    bench.manager.kill_bus()
    lost = await bench.until(ModemLost, since=before)
    assert "bus is gone" in lost.reason


async def test_modem_is_pulled_out(bench: Bench) -> None:
    await bench.start()
    await bench.home()
    before = len(bench.heard)
    bench.bridge.unplug()
    lost = await bench.until(ModemLost, since=before)
    assert "port" in lost.reason
    bench.bridge = await bench.manager.plug(str(bench.modem.line))
    await bench.home()


async def test_modem_falls_silent_and_comes_back(bench: Bench) -> None:
    await bench.start(measure_every_s=3600)
    await bench.home()
    before = len(bench.heard)
    bench.modem.obey("mute")
    lost = await bench.until(ModemLost, since=before)
    assert "unanswered" in lost.reason
    bench.modem.obey("heard")
    await bench.home()


async def test_pin_that_is_set_opens_the_sim(bench: Bench) -> None:
    await bench.start(sim_pin="4711", pin="4711")
    assert (await bench.home()).sim == "ready"


async def test_wrong_pin_is_tried_once(bench: Bench) -> None:
    await bench.start(sim_pin="4711", pin="1234")
    await bench.until(ModemReading, lambda reading: reading.pin_tries_left == 2)
    for _ in range(3):
        reading = await bench.until(ModemReading)
        assert (reading.sim, reading.pin_tries_left) == ("pin-required", 2)
    assert bench.modem.model.state(0)["sim"]["pin_tries"] == 2


async def test_messages_keep_their_octets_or_fail_for_good(bench: Bench) -> None:
    await bench.start()
    await bench.home()
    carrier = bytes(range(256)) + b"\x1a\x1b\r\n\x00" * 10
    parts = sms.split(carrier, reference=7)
    for token, part in enumerate(parts):
        bench.client.send_sms(token, FAR, part)
    bench.client.send_sms(9, FAR, sms.split(b"short", reference=8)[0])
    failed = await bench.until(SmsFailed, since=0)
    assert (failed.token, failed.final) == (9, True)
    assert "AT port" in failed.reason
    report = await bench.until(SmsReported, since=0)
    assert (report.token, report.outcome) == (len(parts) - 1, "delivered"), (
        "the last part's alone is asked for"
    )
    assert [event.token for event in bench.of(SmsSubmitted)] == list(range(len(parts)))
    sent = bench.modem.model.state(0)["network"]["sent"]
    assert sms.join(bytes.fromhex(one["user_data"]) for one in sent) == carrier
    already = bench.manager.said().count(READ)
    for index, words in enumerate(
        (f"udh {parts[0].hex()}", f"udh {parts[1].hex()}", "Salaam", f"udh {parts[2].hex()}"), 1
    ):
        bench.modem.obey(f"sms {FAR} {words}")
        await bench.until_read(already + index)
    await bench.until(SmsReceived, lambda _: len(bench.of(SmsReceived)) == len(parts), since=0)
    assert {event.sender for event in bench.of(SmsReceived)} == {FAR}
    assert sms.join(event.user_data for event in bench.of(SmsReceived)) == carrier
    for _ in range(20):  # what was read is deleted: the memories must not fill
        await bench.until(ModemReading)
        if sum(bench.modem.model.state(0)["memories"].values()) == 0:
            break
    assert sum(bench.modem.model.state(0)["memories"].values()) == 0


async def test_sim_is_missing_from_the_start(bench: Bench) -> None:
    await bench.start(sim="absent")
    reading = await bench.until(ModemReading, lambda reading: reading.sim == "absent", since=0)
    assert reading.registration == "unknown"
    assert reading.identity.manufacturer == "SIMULATED"


async def test_reset_is_asked_for_twice(bench: Bench) -> None:
    await bench.start()
    await bench.home()
    bench.client.reset()
    await bench.until(ModemReset, since=0)
    await bench.until(ModemReading, lambda reading: reading.registration != "home")
    await bench.home()
    bench.client.reset()
    await bench.until(ModemReset, lambda _: len(bench.of(ModemReset)) == 3, since=0)
    assert [reset.rung for reset in bench.of(ModemReset)] == ["radio-off-on", "full-reset", "radio-off-on"]
    assert "does not reset all" in bench.of(ModemReset)[2].reason, (
        "ModemManager's generic plugin knows no way"
    )
    await bench.until(ModemReading, lambda reading: reading.registration != "home")
    await bench.home()
