"""The simulated modem's SIM: PIN and PUK, tries that run out, a card that is pulled, a second card."""

import pytest

from tests.simulators.modem_asker import ModemAsker


def test_the_pin_opens_the_sim_and_the_network() -> None:
    modem = ModemAsker(pin="1234")
    modem.ask("AT+CMEE=1;+CREG=1")
    assert modem.ask("AT+CPIN?", 5000) == ["+CPIN: SIM PIN", "OK"]
    assert modem.ask("AT+CIMI") == ["+CME ERROR: 11"]
    assert modem.ask("AT+CREG?") == ["+CREG: 1,0", "OK"]
    assert modem.ask('AT+CPIN="1234"', 5000) == ["+CPIN: READY", "+CREG: 2", "OK", "+CREG: 1"]


def test_wrong_pins_run_out_and_the_puk_sets_a_new_one() -> None:
    modem = ModemAsker(pin="1234")
    modem.ask("AT+CMEE=1")
    assert modem.ask('AT+CPIN="0000"', 500) == ["+CME ERROR: 16"]
    assert modem.ask("AT+CPINR", 0) == ["+CPINR: SIM PIN, 2, 3", "+CPINR: SIM PUK, 10, 10", "OK"]
    modem.ask('AT+CPIN="0000"', 500)
    assert modem.ask('AT+CPIN="0000"', 500) == ["+CME ERROR: 12"]
    assert modem.ask("AT+CPIN?") == ["+CPIN: SIM PUK", "OK"]
    assert modem.ask('AT+CPIN="1234"') == ["+CME ERROR: 12"]
    assert modem.ask('AT+CPIN="00000000","4711"', 500) == ["+CME ERROR: 16"]
    assert modem.ask('AT+CPIN="12345678","4711"', 500) == ["+CPIN: READY", "OK"]
    modem.obey("reboot")
    modem.wait(5000)
    assert modem.ask('AT+CPIN="4711"', 500)[-1] == "OK"


def test_the_lock_is_switched_and_the_pin_changed() -> None:
    modem = ModemAsker()
    assert modem.ask('AT+CLCK="SC",2') == ["+CLCK: 0", "OK"]
    assert modem.ask('AT+CLCK="SC",1,"1234"', 500) == ["OK"]
    assert modem.ask('AT+CPWD="SC","1234","9876"', 500) == ["OK"]
    modem.obey("reboot")
    modem.wait(5000)
    assert modem.ask("AT+CPIN?") == ["+CPIN: SIM PIN", "OK"]
    assert modem.ask('AT+CPIN="9876"', 500)[-1] == "OK"
    assert modem.ask('AT+CLCK="SC",0,"9876"', 500) == ["OK"]
    assert modem.ask('AT+CLCK="SC",2') == ["+CLCK: 0", "OK"]


def test_a_card_that_is_pulled_takes_the_network_along() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CMEE=1;+CEREG=1")
    modem.obey("sim absent")
    assert modem.wait(10) == b"\r\n+CPIN: NOT INSERTED\r\n\r\n+CEREG: 0\r\n"
    assert modem.ask("AT+CIMI") == ["+CME ERROR: 10"]
    assert modem.ask("AT+CMGS=10") == ["+CMS ERROR: 310"]
    modem.obey("sim 1")
    assert b"+CEREG: 1" in modem.wait(5000)


def test_the_second_card_has_a_number_of_its_own() -> None:
    modem = ModemAsker(sims=2, number="+99900000101").registered()
    first = modem.ask("AT+CIMI;+CCID;+CSUS?")
    assert modem.ask("AT+CSUS=?") == ["+CSUS: (0-1)", "OK"]
    assert modem.ask("AT+CSUS=1", 500) == ["+CPIN: READY", "OK"]
    assert not modem.model.device.radio.registered
    modem.registered()
    assert modem.ask("AT+CNUM") == ['+CNUM: "Line 1","+99900000102",145', "OK"]
    second = modem.ask("AT+CIMI;+CCID;+CSUS?")
    assert [a == b for a, b in zip(first, second, strict=True)] == [False, False, False, True]
    assert modem.ask("AT+CSUS=2")[-1] == "ERROR"


def test_one_operator_refuses_its_card_and_the_other_serves_it() -> None:
    modem = ModemAsker(sims=2).registered()
    modem.obey("sim 1 barred")
    assert modem.ask("AT+CREG?") == ["+CREG: 0,3", "OK"]
    assert modem.ask("AT+CSUS=1", 500) == ["+CPIN: READY", "OK"]
    modem.registered()
    modem.obey("sim 2 unheard")
    assert modem.ask("AT+CREG?;+CSQ") == ["+CREG: 0,2", "+CSQ: 99,99", "OK"]
    modem.obey("sim 1 served")
    modem.obey("sim 2 gone")
    assert modem.ask("AT+CPIN?")[-1] == "ERROR"
    assert modem.ask("AT+CSUS=0", 500) == ["+CPIN: READY", "OK"]
    modem.registered()


def test_texts_are_in_the_character_set_that_was_chosen() -> None:
    modem = ModemAsker(number="+99900000101").registered()
    assert modem.ask('AT+CSCS="UCS2"') == ["OK"]
    hexadecimal = "+99900000101".encode("utf-16-be").hex().upper()
    assert hexadecimal in modem.ask("AT+CNUM")[0]
    assert "Simulated".encode("utf-16-be").hex().upper() in modem.ask("AT+COPS?")[0]
    assert modem.ask(f'AT+COPS=1,2,"{"00101".encode("utf-16-be").hex()}"', 500) == ["OK"]
    assert modem.ask('AT+CSCS="KOI8"') == ["ERROR"]


def test_the_cards_files_can_be_read() -> None:
    modem = ModemAsker(number="+99900000101")
    iccid = modem.ask("AT+CCID")[0].removeprefix("+CCID: ")
    said = modem.ask("AT+CRSM=176,12258,0,0,10")[0].split('"')[1]
    assert "".join(said[at + 1] + said[at] for at in range(0, 20, 2)) == f"{iccid}F"
    assert modem.ask("AT+CRSM=176,28539,0,0,10") == ["+CRSM: 106,130", "OK"]


@pytest.mark.parametrize(
    "how", [{"imei": "1"}, {"number": "0123"}, {"sims": 0}, {"sims": 9}, {"pin": "12"}, {"pin": "abcd"}]
)
def test_a_modem_that_cannot_be_is_not_made(how: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=r"needed|possible"):
        ModemAsker(**how)
