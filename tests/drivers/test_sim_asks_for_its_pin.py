"""The PIN: entered at most once a boot, never to the last try, never shown; two SIMs."""

import pytest
from modem_far_end import Bench

from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemReading, SimState

PIN = AtSettings(pin="4711", poll_interval_ms=1_000)


def locked(settings: AtSettings, tries: str | None = "3") -> Bench:
    bench = Bench(settings)
    bench.modem.answers["AT+CPIN?"] = ["+CPIN: SIM PIN", "OK"]
    bench.modem.answers["AT+CPINR"] = [f"+CPINR: SIM PIN,{tries},3", "OK"] if tries else ["ERROR"]
    bench.modem.answers['AT+CPIN="4711"'] = ["+CME ERROR: 16"]
    return bench


def entered(bench: Bench) -> int:
    return sum(1 for command in bench.modem.heard if command.startswith("AT+CPIN="))


def last(bench: Bench) -> ModemReading:
    reading = bench.of(ModemReading)[-1]
    assert isinstance(reading, ModemReading)
    return reading


def test_pin_that_nobody_set_is_left_to_people() -> None:
    bench = locked(AtSettings())
    bench.up()
    bench.advance(60_000)
    assert entered(bench) == 0
    assert (last(bench).sim, last(bench).pin_tries_left) == ("pin-required", 3)


@pytest.mark.parametrize("tries", ["1", "0", None])
def test_last_try_is_never_burnt(tries: str | None) -> None:
    bench = locked(PIN, tries)
    bench.up()
    bench.advance(60_000)
    assert entered(bench) == 0


@pytest.mark.parametrize("tries", ["2", "3"])
def test_wrong_pin_is_entered_once_whatever_happens(tries: str) -> None:
    bench = locked(PIN, tries)
    bench.up()
    bench.advance(10_000)
    assert entered(bench) == 1
    for _ in range(3):
        bench.says("RDY")
        bench.advance(10_000)
        bench.down()
        bench.advance(1_000)
        bench.up()
        bench.advance(10_000)
    assert entered(bench) == 1


def test_silence_after_the_pin_allows_no_second_try() -> None:
    bench = locked(PIN)
    bench.on_send = lambda data: setattr(bench.modem, "mute", b'CPIN="' in data)
    bench.up()
    bench.advance(120_000)
    assert entered(bench) == 1
    assert "4711" not in repr(bench.events)


def test_right_pin_is_entered_again_after_each_boot() -> None:
    bench = locked(PIN)
    bench.modem.answers['AT+CPIN="4711"'] = ["OK"]

    def unlock(data: bytes) -> None:
        if b'CPIN="4711"' in data:
            bench.modem.answers["AT+CPIN?"] = ["+CPIN: READY", "OK"]

    bench.on_send = unlock
    bench.up()
    bench.advance(5_000)
    assert last(bench).sim == "ready"
    bench.modem.answers["AT+CPIN?"] = ["+CPIN: SIM PIN", "OK"]
    bench.says("RDY")
    bench.advance(10_000)
    assert last(bench).sim == "ready"
    assert entered(bench) == 2


def test_tries_are_asked_in_the_makers_own_words() -> None:
    bench = locked(AtSettings(), tries=None)
    bench.modem.answers['AT+QPINC="SC"'] = ['+QPINC: "SC",2,10', "OK"]
    bench.up()
    bench.advance(5_000)
    assert last(bench).pin_tries_left == 2
    bench = locked(AtSettings(), tries=None)
    bench.modem.answers["AT+SPIC"] = ["+SPIC: 1,10,3,10", "OK"]
    bench.up()
    bench.advance(5_000)
    assert last(bench).pin_tries_left == 1


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        ("+CME ERROR: 10", "absent"),
        ("+CME ERROR: SIM not inserted", "absent"),
        ("+CME ERROR: 11", "pin-required"),
        ("+CME ERROR: 12", "puk-required"),
        ("+CME ERROR: 13", "failure"),
        ("+CME ERROR: 14", "unknown"),
        ("+CME ERROR: 15", "failure"),
        ("ERROR", "unknown"),
    ],
)
def test_state_in_an_error(answer: str, state: SimState) -> None:
    bench = Bench()
    bench.modem.answers["AT+CPIN?"] = [answer]
    bench.up()
    bench.advance(100)
    assert last(bench).sim == state


@pytest.mark.parametrize(
    ("code", "state"),
    [
        ("SIM PUK", "puk-required"),
        ("SIM PIN2", "ready"),
        ("PH-SIM PIN", "failure"),
        ("NOT INSERTED", "absent"),
    ],
)
def test_state_in_words(code: str, state: SimState) -> None:
    bench = Bench()
    bench.modem.answers["AT+CPIN?"] = [f"+CPIN: {code}", "OK"]
    bench.up()
    bench.advance(100)
    assert last(bench).sim == state


@pytest.mark.parametrize(
    ("switch", "ask", "answer", "commands"),
    [
        ("csus", "AT+CSUS?", "+CSUS: ", ["AT+CFUN=0", "AT+CSUS=1", "AT+CFUN=1"]),
        ("quectel-qdsim", "AT+QDSIM?", "+QDSIM: ", ["AT+QDSIM=1"]),
        ("quectel-quimslot", "AT+QUIMSLOT?", "+QUIMSLOT: ", ["AT+CFUN=0", "AT+QUIMSLOT=2", "AT+CFUN=1"]),
        ("simcom-smsimcfg", "AT+SMSIMCFG?", "+SMSIMCFG: ", ["AT+SMSIMCFG=1,2"]),
    ],
)
def test_second_sim_in_each_makers_words(switch: str, ask: str, answer: str, commands: list[str]) -> None:
    bench = Bench(AtSettings(sim_slots=2, sim_switch=switch))  # type: ignore[arg-type]
    first = 0 if "+C" in answer or "QD" in answer else 1
    bench.modem.answers[ask] = [f"{answer}{first}", "OK"]
    bench.modem.answers |= {command: ["OK"] for command in commands}
    bench.up()
    bench.advance(1_000)
    assert last(bench).sim_slot == 1
    bench.modem.heard.clear()

    def chosen(data: bytes) -> None:
        if data.decode().strip() in commands and "CFUN" not in data.decode():
            bench.modem.answers[ask] = [f"{answer}{first + 1}", "OK"]

    bench.on_send = chosen
    bench.take(bench.dialogue.use_sim(2, bench.now))
    bench.advance(1_000)
    assert bench.modem.heard[: len(commands)] == commands
    assert (last(bench).sim_slot, last(bench).sim_slots) == (2, 2)


def test_sim_that_cannot_be_chosen() -> None:
    bench = Bench()
    bench.up()
    with pytest.raises(ValueError, match="has 1 to 1"):
        bench.dialogue.use_sim(2, 0)
    with pytest.raises(ValueError, match="no way to change over"):
        AtSettings(sim_slots=2)


def test_secret_is_not_shown() -> None:
    assert "4711" not in repr(PIN)
    with pytest.raises(ValueError, match="four to eight digits") as wrong:
        AtSettings(pin="47x1")
    assert "47x1" not in str(wrong.value)
