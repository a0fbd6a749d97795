"""Silence, resets and reboots: gentle first, told once, and nothing is pretended about a message that was under way."""

import asyncio

import pytest
import virtual_time
from modem_far_end import Bench

from drivers.modem.at.dialogue import LOST_MS
from drivers.modem.at.driver import AtModem
from drivers.modem.at.ladder import MEMORY_MS, PAUSE_MAX_MS, PAUSE_MIN_MS, Ladder
from drivers.modem.at.messages import SEND_TIMEOUT_MS
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemEvent, ModemLost, ModemReading, ModemReset, SmsFailed, SmsSubmitted

PART = b"\x05\x00\x03\x01\x01\x01part"
RUNGS = ["echo-and-abort", "radio-off-on", "full-reset"]


def up(settings: AtSettings | None = None, *, power: bool = False) -> Bench:
    bench = Bench(settings, power=power)
    bench.up()
    bench.advance(200)
    assert len(bench.of(ModemReading)) == 1
    bench.events.clear()
    return bench


def rungs(bench: Bench) -> list[str]:
    return [event.rung for event in bench.events if isinstance(event, ModemReset)]


def test_mute_modem_is_told_once_and_reset_gently_first() -> None:
    bench = up()
    bench.modem.mute = True
    bench.advance(10_000 + LOST_MS)
    assert len(bench.of(ModemLost)) == 1
    bench.advance(60_000)
    assert rungs(bench) == RUNGS
    bench.advance(3_600_000)
    assert len(bench.of(ModemLost)) == 1
    assert rungs(bench)[:6] == RUNGS * 2
    bench.modem.mute = False
    bench.advance(PAUSE_MAX_MS)
    assert isinstance(bench.events[-1], ModemReading)
    bench.modem.mute = True
    bench.advance(120_000)
    assert len(bench.of(ModemLost)) == 2


def test_power_is_cycled_last_where_somebody_can() -> None:
    bench = up(power=True)
    bench.modem.mute = True
    bench.advance(150_000)
    assert rungs(bench) == [*RUNGS, "power-cycle"]


def test_whoever_switches_the_power_is_called_after_the_event() -> None:
    told: list[ModemEvent | str] = []

    async def main() -> None:
        line = virtual_time.Line(lambda _: b"\xff\xfe\r\n")

        async def open_stream() -> virtual_time.Line:
            return line

        modem = AtModem(
            open_stream, virtual_time.now, told.append, AtSettings(), power_cycle=lambda: told.append("power")
        )
        running = asyncio.create_task(modem.run())
        await asyncio.sleep(150)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        assert line.closed

    virtual_time.run_virtual(main())
    at = told.index("power")
    before = told[at - 1]
    assert isinstance(before, ModemReset)
    assert before.rung == "power-cycle"
    assert told.count("power") == 1


def test_dead_modem_is_not_worn_out_by_resets() -> None:
    bench = up()
    bench.modem.mute = True
    bench.advance(24 * 3_600_000)
    # Three rungs a climb, and a pause that doubles up to a quarter of an hour.
    assert 200 <= len(rungs(bench)) <= 3 * (24 * 3_600_000 // PAUSE_MAX_MS + 8)


def test_ladder_begins_at_the_foot_only_after_a_good_while() -> None:
    ladder = Ladder(can_power_cycle=False)
    assert ladder.climb(0) == "echo-and-abort"
    ladder.note_well(1_000)
    assert ladder.climb(2_000) == "radio-off-on"
    ladder.note_well(2_000 + MEMORY_MS)
    assert ladder.climb(3_000 + MEMORY_MS) == "echo-and-abort"
    assert ladder.climb(0, at_least="full-reset") == "full-reset"
    assert ladder.pause_ms() == PAUSE_MIN_MS
    assert ladder.climb(0) == "echo-and-abort"
    assert ladder.pause_ms() == 0


def test_one_slow_answer_resets_nothing() -> None:
    bench = up()
    bench.modem.mute = True
    bench.advance(10_000 + 4_000)
    bench.modem.mute = False
    bench.advance(5_000)
    assert rungs(bench) == []
    assert bench.of(ModemLost) == []
    assert isinstance(bench.events[-1], ModemReading)


@pytest.mark.parametrize(
    "late", ["AT+CPIN?", "AT+CREG?;+CGREG?;+CEREG?", "AT+COPS=3,2", "AT+CSQ;+CESQ", "AT+CGACT?"]
)
@pytest.mark.parametrize("delay_ms", [5_001, 5_500, 6_200, 7_500, 11_000])
def test_answer_that_comes_late_is_not_taken_for_the_next(late: str, delay_ms: int) -> None:
    bench = up()
    bench.on_send = lambda data: setattr(bench, "delay_ms", delay_ms if data.startswith(late.encode()) else 0)
    bench.advance(10_000)
    bench.on_send = lambda _: setattr(bench, "delay_ms", 0)
    bench.advance(40_000)
    readings = bench.of(ModemReading)
    assert len(readings) >= 3
    assert len(set(readings)) == 1, "what was read with answers that belong to other questions"
    bench.events.clear()
    bench.modem.answers["AT+CSQ;+CESQ"] = ["+CSQ: 10,99", "+CESQ: 99,99,255,255,10,30", "OK"]
    bench.advance(21_000)
    reading = bench.events[-1]
    assert isinstance(reading, ModemReading)
    assert (reading.sim, reading.registration, reading.operator_code) == ("ready", "home", "43211")
    assert (reading.signal.rssi_dbm, reading.signal.rsrp_dbm) == (-93.0, -111.0)
    assert reading.bearer_up


def test_answers_that_are_off_by_one_are_noticed() -> None:
    bench = up()
    bench.says("OK")
    bench.on_send = lambda data: bench.says("OK") if data == b"AT+CPIN?\r" else None
    bench.advance(10_100)
    bench.on_send = lambda _: None
    bench.advance(30_000)
    reading = bench.events[-1]
    assert isinstance(reading, ModemReading)
    assert (reading.sim, reading.registration, reading.operator_name) == ("ready", "home", "MCI")


def test_reset_on_request_climbs_one_rung_each_time() -> None:
    bench = up()
    for _ in range(3):
        bench.take(bench.dialogue.reset(bench.now))
        bench.advance(10_000)
    assert rungs(bench) == RUNGS
    assert bench.modem.heard.count("AT+CFUN=4") == 1
    assert bench.modem.heard.count("AT+CFUN=1,1") == 1
    assert bench.of(ModemLost) == []


def test_no_network_for_long_switches_the_radio_off_and_on() -> None:
    bench = up(AtSettings(registration_patience_ms=120_000))
    bench.modem.set_registration(2)
    bench.advance(100_000)
    assert rungs(bench) == []
    bench.advance(60_000)
    assert rungs(bench) == ["radio-off-on"]
    bench.modem.set_registration(1)
    bench.advance(30_000)
    reading = bench.events[-1]
    assert isinstance(reading, ModemReading)
    assert reading.registration == "home"


@pytest.mark.parametrize("word", ["RDY", "^BOOT: 1,0", "^SYSSTART", "SYSSTART", "MODEM:STARTUP"])
def test_modem_that_starts_anew_is_set_up_anew(word: str) -> None:
    bench = up()
    bench.modem.heard.clear()
    bench.says(word, "+CFUN: 1", "+CPIN: READY", "SMS DONE")
    bench.advance(5_000)
    assert bench.modem.heard[0] == "ATQ0V1E0"
    for command in ("AT+CMEE=1", "AT+CEREG=2", "AT+CMGF=0", "AT+CNMI=2,1,0,2,0"):
        assert command in bench.modem.heard
    assert bench.of(ModemReading)


def test_modem_that_starts_anew_without_a_word_gives_itself_away_by_its_echo() -> None:
    bench = Bench()
    bench.modem.echo = True
    bench.on_send = lambda data: setattr(bench.modem, "echo", bench.modem.echo and b"E0" not in data)
    bench.up()
    bench.advance(60_000)
    assert bench.modem.heard.count("ATQ0V1E0") == 1
    bench.modem.echo = True
    bench.advance(15_000)
    assert bench.modem.heard.count("ATQ0V1E0") == 2
    assert bench.modem.heard.count("AT+CNMI=2,1,0,2,0") == 2
    bench.advance(60_000)
    assert bench.modem.heard.count("ATQ0V1E0") == 2


def test_echo_that_cannot_be_switched_off_is_lived_with() -> None:
    bench = Bench()
    bench.modem.echo = True
    bench.up()
    bench.advance(60_000)
    assert bench.modem.heard.count("ATQ0V1E0") == 1
    assert len(bench.of(ModemReading)) == 6


def test_message_under_way_when_the_modem_starts_anew_may_have_gone() -> None:
    bench = up()
    bench.modem.swallow_submit = True
    bench.send(9, "+98912", PART)
    bench.advance(100)
    assert bench.modem.submitted
    bench.says("RDY")
    (failed,) = bench.of(SmsFailed)
    assert isinstance(failed, SmsFailed)
    assert (failed.token, failed.final) == (9, False)
    assert "may have gone" in failed.reason
    bench.modem.swallow_submit = False
    bench.send(10, "+98912", PART)
    bench.advance(10_000)
    assert bench.of(SmsSubmitted) == [SmsSubmitted(10, 7)]


def test_message_that_is_never_answered_may_have_gone() -> None:
    bench = up()
    bench.modem.swallow_submit = True
    bench.send(9, "+98912", PART)
    bench.advance(SEND_TIMEOUT_MS + 1_000)
    (failed,) = bench.of(SmsFailed)
    assert isinstance(failed, SmsFailed)
    assert not failed.final
    assert "may have gone" in failed.reason


def test_message_without_a_prompt_has_not_gone() -> None:
    bench = up()
    sent: list[bytes] = []
    bench.on_send = lambda data: sent.append(data) or setattr(bench.modem, "mute", b"CMGS" in data)  # type: ignore[func-returns-value]
    bench.send(9, "+98912", PART)
    bench.advance(11_000)
    (failed,) = bench.of(SmsFailed)
    assert isinstance(failed, SmsFailed)
    assert "has not gone" in failed.reason
    # The modem may be waiting for a text: an escape ends that, and nothing may send half of it.
    bench.on_send = sent.append
    bench.advance(2_000)
    assert any(data.startswith(b"\x1b") for data in sent)
    assert not any(b"\x1a" in data for data in sent)
    assert bench.modem.submitted == []


def test_line_is_pulled_out_for_a_moment_and_for_long() -> None:
    bench = up()
    bench.down()
    bench.advance(LOST_MS - 1_000)
    bench.up()
    bench.advance(1_000)
    assert bench.of(ModemLost) == []
    assert len(bench.of(ModemReading)) == 1
    bench.down()
    bench.advance(60_000)
    assert len(bench.of(ModemLost)) == 1
    bench.up()
    bench.advance(1_000)
    assert len(bench.of(ModemReading)) == 2


def test_line_that_was_never_there() -> None:
    bench = Bench()
    assert bench.dialogue.wake_at() is None
    for _ in range(20):
        bench.down()
        bench.advance(2_000)
    assert len(bench.of(ModemLost)) == 1
    assert bench.of(ModemReset) == []


def test_urcs_without_end_do_not_keep_the_driver_from_its_work() -> None:
    bench = up()
    bench.modem.heard.clear()
    for _ in range(200):
        bench.says("+CGEV: NW PDN DEACT 1", "+CREG: 2", "+CREG: 1", '+CMTI: "SM",200', "SMS DONE")
        bench.advance(50)
    looks = bench.modem.heard.count("AT+CPIN?")
    assert 10 <= looks <= 25
    assert bench.modem.heard.count("AT+CMGL=4") <= 8
    bench.send(1, "+98912", PART)
    bench.advance(100)
    assert bench.of(SmsSubmitted)
