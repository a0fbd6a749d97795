"""The simulated modem's radio: registration asked for and told, operators, signal, packet data and its end."""

import pytest

from tests.simulators.modem_asker import ModemAsker

REGISTERED = '1,"1001","00A1B201",7'


def test_registration_is_told_as_far_as_was_asked_for() -> None:
    modem = ModemAsker()
    modem.ask("AT+CREG=1;+CEREG=2")
    assert modem.wait(3000) == f"\r\n+CREG: 1\r\n\r\n+CEREG: {REGISTERED}\r\n".encode()
    assert modem.ask("AT+CREG?;+CGREG?;+CEREG?") == [
        "+CREG: 1,1",
        "+CGREG: 0,1",
        f"+CEREG: 2,{REGISTERED}",
        "OK",
    ]


def test_the_network_is_lost_refuses_and_comes_back_as_another() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CEREG=1")
    for command, said in (("network lost", "2"), ("denied", "3"), ("roaming", "5"), ("network back", "1")):
        modem.obey(command)
        assert modem.wait(3000).decode().split()[-1] == said, command
        if command == "roaming":
            assert modem.ask("AT+COPS=3,2;+COPS?") == ['+COPS: 0,2,"00102",7', "OK"]
    modem.obey("network lost")
    modem.wait(10)
    assert modem.ask("AT+COPS?;+CSQ;+CESQ;+QCSQ") == [
        "+COPS: 0",
        "+CSQ: 99,99",
        "+CESQ: 99,99,255,255,255,255",
        '+QCSQ: "NOSERVICE"',
        "OK",
    ]


@pytest.mark.parametrize(
    ("rsrp", "csq", "cesq"),
    [(-44, 31, (24, 97)), (-85, 27, (24, 56)), (-115, 12, (11, 26)), (-140, 0, (1, 1))],
)
def test_one_signal_is_told_in_every_way(rsrp: int, csq: int, cesq: tuple[int, int]) -> None:
    modem = ModemAsker().registered()
    modem.obey(f"signal {rsrp}")
    assert modem.ask("AT+CSQ;+CESQ")[:2] == [f"+CSQ: {csq},99", f"+CESQ: 99,99,255,255,{cesq[0]},{cesq[1]}"]
    vendor = modem.ask("AT+QCSQ")[0].split(",")
    assert int(vendor[2]) == rsrp
    assert int(vendor[3]) / 5 - 20 == pytest.approx(modem.model.device.radio.sinr_db, abs=0.2)


def test_the_bars_are_told_as_they_change() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CMER=3,0,0,1")
    modem.obey("signal -115")
    assert modem.wait(10) == b"\r\n+CIEV: 2,1\r\n"
    assert modem.ask("AT+CIND?") == ["+CIND: 1,1,0,0", "OK"]


def test_the_radio_can_be_switched_off_and_the_modem_rebooted() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CREG=1")
    assert modem.ask("AT+CFUN=4", 500) == ["+CREG: 0", "OK"]
    assert modem.ask("AT+CFUN?;+CSQ") == ["+CFUN: 4", "+CSQ: 99,99", "OK"]
    assert modem.ask("AT+CFUN=1", 3000) == ["+CREG: 2", "OK", "+CREG: 1"]
    assert modem.ask("AT+CFUN=1,1") == ["OK"]
    assert modem.ask("AT", 10_000)[0] == "RDY"
    assert modem.ask("AT+CREG?") == ["+CREG: 0,1", "OK"]


def test_leaving_the_network_and_choosing_one() -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CMEE=1")
    assert modem.ask("AT+COPS=2") == ["OK"]
    assert modem.ask("AT+COPS?;+CGATT?") == ["+COPS: 2", "+CGATT: 0", "OK"]
    assert modem.ask('AT+COPS=1,2,"00101"', 5000) == ["OK"]
    assert modem.ask("AT+COPS?") == ['+COPS: 0,2,"00101",7', "OK"]
    assert modem.ask('AT+COPS=1,2,"99999"', 5000) == ["+CME ERROR: 30"]


def test_a_context_is_defined_activated_and_lost_with_the_network() -> None:
    modem = ModemAsker().registered()
    assert modem.ask('AT+CGDCONT=2,"IPV4V6","branch.net";+CGEREP=2') == ["OK"]
    assert modem.ask("AT+CGDCONT?")[1] == '+CGDCONT: 2,"IPV4V6","branch.net","",0,0'
    assert modem.ask("AT+CGACT=1,2", 1000) == ["OK"]
    assert modem.ask("AT+CGACT?;+CGPADDR=2") == [
        "+CGACT: 1,0",
        "+CGACT: 2,1",
        '+CGPADDR: 2,"198.51.100.11"',
        "OK",
    ]
    modem.obey("network lost")
    assert b"+CGEV: NW PDN DEACT 2" in modem.wait(10)
    assert modem.ask("AT+CMEE=1;+CGACT=1,2", 1000) == ["+CME ERROR: 30"]


def test_data_is_left_by_the_escape_resumed_and_hung_up() -> None:
    modem = ModemAsker().registered()
    assert modem.ask("ATD*99***1#", 1000) == ["CONNECT 150000000"]
    modem.wait(2000)
    assert modem.type(b"+++", 2000) == b"\r\nOK\r\n"
    assert modem.ask("ATO") == ["CONNECT 150000000"]
    assert modem.type(b"\x7e\xff\x7dAT\r+++\x7e", 2000) == b""
    assert modem.type(b"+++", 2000) == b"\r\nOK\r\n"
    assert modem.ask("ATH;+CGACT?") == ["+CGACT: 1,0", "OK"]
    assert modem.ask("ATO") == ["NO CARRIER"]


def test_a_command_line_after_a_silence_stands_for_dtr() -> None:
    modem = ModemAsker().registered()
    modem.ask("ATE0")
    modem.ask('AT+CGDATA="PPP",1', 3000)
    assert modem.type(b"A") + modem.type(b"T\r") == b"\r\nOK\r\n"
    assert modem.model.state(modem.now_ms)["data"] is None


@pytest.mark.parametrize("command", ["network lost", "hang up"])
def test_data_ends_with_no_carrier_and_what_was_held_back_follows(command: str) -> None:
    modem = ModemAsker().registered()
    modem.ask("AT+CNMI=2,1")
    modem.ask("ATD*99#", 1000)
    modem.obey("sms +99900000555 hello")
    assert modem.wait(10) == b""
    modem.obey(command)
    assert modem.wait(10) == b'\r\nNO CARRIER\r\n\r\n+CMTI: "SM",1\r\n'
