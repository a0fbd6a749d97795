"""What every modem does, whatever backend speaks to it: the AT backend and the simulated modem, over a pipe on virtual
time and over a real pseudo-terminal; ModemManager's backend, ModemManager, and the simulated modem behind it.
"""

import asyncio

import pytest

from crypto import sms
from drivers.ports import (
    ModemLost,
    ModemReading,
    SmsFailed,
    SmsReceived,
    SmsReported,
    SmsSubmitted,
)
from simulators.devices.modem.factory import IMEI
from tests.contracts.modem_manager_rig import by_modem_manager
from tests.contracts.modem_rigs import ModemRig, Plan, RunStory, over_a_pipe, over_a_pty

FAR = "+99900000042"
PLAIN = Plan()


@pytest.fixture(params=["at-pipe", "at-pty"])
def run(request: pytest.FixtureRequest) -> RunStory:
    runs: dict[str, RunStory] = {"at-pipe": over_a_pipe, "at-pty": over_a_pty}
    return runs[request.param]


@pytest.fixture(
    params=[
        "at-pipe",
        "at-pty",
        pytest.param("manager", marks=pytest.mark.peer("ModemManager", "dbus-daemon", "socat")),
    ]
)
def run_all(request: pytest.FixtureRequest) -> RunStory:
    """Stories that ModemManager's backend can live through too.

    The others need what ModemManager does not do for a modem that it has no plugin for: headers of one's own in SMS and
    a report for every part, change over between SIMs, notice a SIM that is pulled out, come back without udev once it
    gave a mute modem up. Its own stories are in tests/peers/test_modem_manager_dies_under_us.py.
    """
    runs: dict[str, RunStory] = {"at-pipe": over_a_pipe, "at-pty": over_a_pty, "manager": by_modem_manager}
    return runs[request.param]


def test_first_reading_says_who_it_is_and_where(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        reading = await rig.settled()
        assert reading.identity.imei == IMEI
        assert reading.identity.manufacturer
        assert reading.identity.model
        assert reading.sim == "ready"
        assert (reading.sim_slot, reading.sim_slots) == (1, 1)
        assert reading.operator_code == "00101"
        assert reading.operator_name
        assert reading.technology == "lte"
        assert reading.signal.grade == "good"

    run_all(story, PLAIN)


def test_signal_falls_and_rises(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("signal -115")
        reading = await rig.until(ModemReading, lambda reading: reading.signal.grade == "poor")
        assert reading.signal.rsrp_dbm is not None
        assert abs(reading.signal.rsrp_dbm - -115) <= 1
        rig.obey("signal -80")
        await rig.until(ModemReading, lambda reading: reading.signal.grade == "good")

    run_all(story, PLAIN)


def test_network_is_lost_and_regained(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("network lost")
        reading = await rig.until(ModemReading, lambda reading: reading.registration != "home")
        assert reading.registration in ("searching", "not-registered")
        assert reading.operator_code is None
        rig.obey("network back")
        await rig.settled()
        assert rig.of(ModemLost) == []

    run_all(story, PLAIN)


def test_network_of_another_operator(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("roaming")
        await rig.until(ModemReading, lambda reading: reading.registration == "roaming")

    run_all(story, PLAIN)


def test_sim_is_pulled_out_and_put_back(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("sim absent")
        await rig.until(ModemReading, lambda reading: reading.sim == "absent")
        rig.obey("sim 1")
        await rig.settled()

    run(story, PLAIN)


def test_pin_that_nobody_set_is_asked_for(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        reading = await rig.until(ModemReading, lambda reading: reading.sim == "pin-required")
        assert reading.pin_tries_left == 3
        assert rig.modem["sim"]["pin_tries"] == 3

    run_all(story, Plan(sim_pin="4711"))


def test_pin_that_is_set_opens_the_sim(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        reading = await rig.settled()
        assert reading.sim == "ready"

    run_all(story, Plan(sim_pin="4711", pin="4711"))


def test_wrong_pin_is_tried_once(run_all: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.until(ModemReading, lambda reading: reading.pin_tries_left == 2)
        for _ in range(3):
            await rig.until(ModemReading, lambda reading: reading.sim == "pin-required")
        rig.obey("reboot")
        for _ in range(3):
            await rig.until(ModemReading, lambda reading: reading.sim == "pin-required")
        assert rig.modem["sim"]["pin_tries"] == 2

    run_all(story, Plan(sim_pin="4711", pin="1234"))


def test_sim_of_the_other_slot(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.driver.use_sim(2)
        await rig.until(ModemReading, lambda reading: (reading.sim_slot, reading.registration) == (2, "home"))
        assert rig.modem["sim"]["slot"] == 2

    run(story, Plan(sims=2))


def test_parts_of_a_carrier_are_sent_and_reported(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        carrier = bytes(range(256)) + b"\x1a\x1b\r\n\x00" * 10
        parts = sms.split(carrier, reference=7)
        for token, part in enumerate(parts):
            rig.driver.send_sms(token, FAR, part)
        last = len(parts) - 1
        await rig.until(SmsReported, lambda report: report.token == last, since=0)
        assert [sent.token for sent in rig.of(SmsSubmitted)] == list(range(len(parts)))
        assert {report.token: report.outcome for report in rig.of(SmsReported)} == dict.fromkeys(
            range(len(parts)), "delivered"
        )
        sent = rig.modem["network"]["sent"]
        assert [one["to"] for one in sent] == [FAR] * len(parts)
        assert all(one["report"] and one["header"] for one in sent)
        assert sms.join(bytes.fromhex(one["user_data"]) for one in sent) == carrier
        assert rig.of(SmsFailed) == []

    run(story, PLAIN)


def test_message_that_the_network_refuses(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("sms refused 1 38")
        rig.driver.send_sms(1, FAR, sms.split(b"once", reference=1)[0])
        assert not (await rig.until(SmsFailed, lambda failed: failed.token == 1, since=0)).final
        rig.driver.send_sms(2, FAR, sms.split(b"again", reference=2)[0])
        await rig.until(SmsSubmitted, lambda sent: sent.token == 2, since=0)

    run(story, PLAIN)


def test_binary_message_arrives_and_text_does_no_harm(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        first, second = sms.split(bytes(range(200)), reference=9)
        rig.obey(f"sms {FAR} udh {first.hex()}")
        rig.obey(f"sms {FAR} Salaam")
        rig.obey(f"sms {FAR} udh {second.hex()}")
        await rig.until(SmsReceived, lambda got: got.user_data == second, since=0)
        assert rig.of(SmsReceived) == [SmsReceived(FAR, first), SmsReceived(FAR, second)]
        # The stores must not fill: what was read is deleted.
        await rig.until(ModemReading)
        assert sum(rig.modem["memories"].values()) == 0

    run(story, PLAIN)


def test_modem_falls_silent_and_comes_back(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("mute")
        await rig.until(ModemLost)
        rig.obey("heard")
        await rig.settled()
        assert len(rig.of(ModemLost)) == 1

    run(story, PLAIN)


@pytest.mark.parametrize("run", ["at-pipe"], indirect=True)  # minutes pass
def test_firmware_hangs_until_it_is_reset(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("hang")
        await rig.until(ModemLost)
        rig.obey("reboot")
        await rig.settled()

    run(story, PLAIN)


def test_modem_starts_anew(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("reboot")
        await rig.until(ModemReading, lambda reading: reading.registration == "home")
        part = sms.split(b"after", reference=3)[0]
        rig.driver.send_sms(5, FAR, part)
        await rig.until(SmsReported, lambda report: report.token == 5, since=0)

    run(story, PLAIN)


@pytest.mark.parametrize("run", ["at-pipe"], indirect=True)  # minutes pass
def test_bytes_are_spoilt_for_a_while(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("garble 5 %")
        await asyncio.sleep(60)
        rig.obey("garble 0 %")
        await rig.settled()
        rig.driver.send_sms(6, FAR, sms.split(b"clean", reference=4)[0])
        await rig.until(SmsReported, lambda report: report.token == 6, since=0)

    run(story, PLAIN)


def test_lines_come_unasked_all_the_time(run: RunStory) -> None:
    async def story(rig: ModemRig) -> None:
        await rig.settled()
        rig.obey("urc storm")
        rig.driver.send_sms(1, FAR, sms.split(b"in the storm", reference=1)[0])
        await rig.until(SmsReported, lambda report: report.token == 1, since=0)
        await rig.settled()
        assert rig.of(ModemLost) == []

    run(story, PLAIN)
