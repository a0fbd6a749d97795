"""The simulated modem's command line: V.250's syntax, echo, result codes, and whatever else comes down the line."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simulators.devices.modem.at_syntax import AtCommand, AtSyntaxError, parse_line
from simulators.devices.modem.commands_general import GENERAL
from simulators.devices.modem.commands_network import NETWORK
from simulators.devices.modem.commands_packet import PACKET
from simulators.devices.modem.commands_sim import SIM
from simulators.devices.modem.commands_sms import SMS
from simulators.devices.modem.engine import LINE_MAX, TYPED_AHEAD_MAX
from simulators.devices.modem.hardware import BOOT_MS
from simulators.stand.model import CommandError
from tests.simulators.modem_asker import ModemAsker


@pytest.mark.parametrize(
    ("body", "commands"),
    [
        ("", []),
        ("E0V1&D2", [("E", "execute", "0"), ("V", "execute", "1"), ("&D", "execute", "2")]),
        (
            "Z+CSQ;+CREG?;S3?",
            [("Z", "execute", ""), ("+CSQ", "execute", ""), ("+CREG", "read", ""), ("S", "read", "3")],
        ),
        ("+cpin=?", [("+CPIN", "test", "")]),
        ('+CGDCONT=1,"IP","a;b";I', [("+CGDCONT", "set", '1,"IP","a;b"'), ("I", "execute", "")]),
        ("D*99***1#", [("D", "set", "*99***1#")]),
        ("S3=13S5=8", [("S", "set", "3,13"), ("S", "set", "5,8")]),
        (" + C M E E = 1 ", [("+CMEE", "set", "1")]),
    ],
)
def test_a_line_of_commands(body: str, commands: list[tuple[str, str, str]]) -> None:
    assert [(one.name, one.kind, one.text) for one in parse_line(body)] == commands


@pytest.mark.parametrize("body", ["=", "1", '+CPIN="12', "E?", "S", "+", "+CSQ,1", "ü"])
def test_what_is_no_command_is_refused(body: str) -> None:
    with pytest.raises(AtSyntaxError):
        parse_line(body)


def test_values_may_be_left_out_and_hold_commas() -> None:
    assert AtCommand("+X", "set", '1,,"a,b",').values() == ["1", None, "a,b", None]
    assert AtCommand("+X", "execute").values() == []


@given(st.text(alphabet="AT+CSQDEVZ&?=;\"',*#0123456789 \x08\x1b", max_size=40))
def test_a_line_is_commands_or_refused(body: str) -> None:
    try:
        commands = parse_line(body)
    except AtSyntaxError:
        return
    assert all(command.name for command in commands)


def test_echo_comes_until_it_is_switched_off() -> None:
    modem = ModemAsker()
    assert modem.type(b"AT\r") == b"AT\r\r\nOK\r\n"
    assert modem.type(b"ate0\r") == b"ate0\r\r\nOK\r\n"
    assert modem.type(b"AT\r") == b"\r\nOK\r\n"


def test_result_codes_may_be_digits_or_nothing() -> None:
    modem = ModemAsker()
    modem.ask("ATE0")
    assert modem.type(b"ATV0\r") == b"0\r"
    assert modem.type(b"AT+GMM\r") == b"LTE-1\r\n0\r"
    assert modem.type(b"AT+NONE\r") == b"4\r"
    assert modem.type(b"ATQ1\r") == b""
    assert modem.type(b"ATZ\r") == b"\r\nOK\r\n"


def test_the_end_of_a_line_can_be_chosen() -> None:
    modem = ModemAsker()
    modem.ask("ATE0S3=33")
    assert modem.type(b"AT!") == b"!\nOK!\n"


def test_a_typing_error_is_taken_back_and_a_line_repeated() -> None:
    modem = ModemAsker()
    modem.ask("ATE0")
    assert b"LTE-1" in modem.type(b"AT+GMN\x08M\r")
    assert b"LTE-1" in modem.type(b"A/")


def test_commands_after_one_that_fails_are_not_done() -> None:
    modem = ModemAsker()
    assert modem.ask("AT+CMEE=2;+CFUN=9;+CMEE=0") == ["+CME ERROR: incorrect parameters"]
    assert modem.ask("AT+CMEE?") == ["+CMEE: 2", "OK"]


@pytest.mark.parametrize(
    ("cmee", "said"), [(0, "ERROR"), (1, "+CME ERROR: 10"), (2, "+CME ERROR: SIM not inserted")]
)
def test_an_error_is_told_as_wished(cmee: int, said: str) -> None:
    modem = ModemAsker()
    modem.obey("sim absent")
    modem.wait(0)
    modem.ask(f"AT+CMEE={cmee}")
    assert modem.ask("AT+CPIN?") == [said]


def test_what_is_typed_while_a_command_runs_waits() -> None:
    modem = ModemAsker().registered()
    modem.ask("ATE0")
    assert modem.type(b"AT+COPS=?\rAT+GMM\r") == b""
    assert modem.wait(5000).decode().split() == [
        "+COPS:", '(2,"Simulated","Simulate","00101",7),,(0-4),(0-2)', "OK", "LTE-1", "OK"
    ]  # fmt: skip


def test_a_line_that_never_ends_is_an_error_and_takes_no_memory() -> None:
    modem = ModemAsker()
    modem.type(b"AT" + b"x" * 100_000)
    assert len(modem.model.engine._line) == LINE_MAX
    assert modem.type(b"\r").endswith(b"ERROR\r\n")
    assert modem.ask("AT") == ["OK"]


def test_a_line_may_hold_as_many_commands_as_it_has_room_for() -> None:
    modem = ModemAsker()
    assert modem.ask("AT" + "E" * 1000 + "E1") == ["OK"]


def test_a_rush_while_a_command_runs_takes_no_memory() -> None:
    modem = ModemAsker().registered()
    modem.type(b"AT+COPS=?\r" + b"x" * 100_000)
    assert len(modem.model.engine._typed_ahead) == TYPED_AHEAD_MAX


@given(st.binary(max_size=200), st.lists(st.integers(0, 200), max_size=8))
def test_pieces_and_the_whole_are_answered_alike(noise: bytes, cuts: list[int]) -> None:
    data = b"ATE1\rAT+CSQ;+CGMM\r" + noise
    whole = ModemAsker(registration_ms=1).type(data, 10_000)
    pieces = ModemAsker(registration_ms=1)
    bounds = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    said = b"".join(pieces.type(data[a:b]) for a, b in itertools.pairwise(bounds))
    assert said + pieces.wait(10_000) == whole


_NAMES = st.sampled_from([name for table in (GENERAL, SIM, NETWORK, PACKET, SMS) for name in table])
_VALUES = st.sampled_from(
    ["", "=", "=?", "?", "=0", "=1", "=2", "=9", "=1,", "=,", '="SM"', '=""', "=1,1,1,1,1,1,1"]
)


@given(st.lists(st.tuples(_NAMES, _VALUES | st.text('=?,"0129ASM', max_size=8)), max_size=6))
def test_no_value_breaks_a_command(commands: list[tuple[str, str]]) -> None:
    modem = ModemAsker(registration_ms=1)
    modem.wait(10)
    for name, value in commands:
        modem.type(f"AT{name}{value}\r".encode(), 6000)
        modem.type(b"\x1b")
    modem.obey("reboot")
    modem.wait(BOOT_MS)
    assert modem.ask("AT") == ["OK"]


def test_a_hung_modem_answers_again_only_after_a_reboot() -> None:
    modem = ModemAsker()
    modem.obey("hang")
    assert modem.ask("AT", 100_000) == []
    modem.obey("reboot")
    assert modem.ask("AT", BOOT_MS - 1) == []
    assert [line for line in modem.wait(2000).decode().split("\r\n") if line][:3] == [
        "RDY",
        "+CFUN: 1",
        "+CPIN: READY",
    ]
    assert modem.ask("AT") == ["OK"]


def test_a_slow_modem_is_slow() -> None:
    modem = ModemAsker()
    modem.obey("slow 700 ms")
    assert modem.ask("AT", 699) == []
    assert modem.wait(1) == b"\r\nOK\r\n"


def test_a_storm_of_lines_reaches_into_answers_and_ends() -> None:
    modem = ModemAsker().registered()
    modem.obey("urc storm")
    said = modem.ask("AT+CSQ", 10_000)
    assert said[:3] == ['+QIND: "csq",27,99', "+CSQ: 27,99", '+QIND: "csq",27,99']
    assert 50 < len(said) < 200
    assert modem.ask("AT+CSQ", 10_000) == ["+CSQ: 27,99", "OK"]


@pytest.mark.parametrize(
    "command",
    [
        "",
        "fly",
        "signal strong",
        "signal -20",
        "sim 2",
        "sms",
        "sms x hello",
        "pin 12",
        "slow -1",
        "sms +1 udh xy",
    ],
)
def test_a_script_is_told_what_it_did_wrong(command: str) -> None:
    modem = ModemAsker()
    with pytest.raises(CommandError, match=r"\w"):
        modem.obey(command)
    assert modem.ask("AT") == ["OK"]
