"""Lines of answers in every form that the standard and the makers know, and in those that they do not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from modem_far_end import Bench

from drivers.modem import signal
from drivers.modem.at import answers
from drivers.modem.at.driver import AtModem
from drivers.modem.at.results import Result, final_result
from drivers.modem.at.settings import AtSettings
from drivers.modem.errors import AtAnswerError
from drivers.ports import Modem, ModemReading, Registration, Technology

PARSERS = [
    answers.parse_sim,
    answers.parse_tries,
    answers.parse_registration,
    answers.parse_operator,
    answers.parse_csq,
    answers.parse_cesq,
    answers.parse_qcsq,
    answers.parse_context,
    answers.parse_stored,
    answers.parse_stores,
    answers.parse_stores_known,
    answers.parse_first_number,
    answers.parse_tpdu_length,
]
HOME: Registration = "home"


def test_driver_is_a_modem() -> None:
    kind: type[Modem] = AtModem
    assert kind is AtModem


@pytest.mark.parametrize(
    ("line", "state", "technology", "solicited"),
    [
        ("+CREG: 0,1", "home", None, True),
        ("+CREG: 2,5", "roaming", None, True),
        ('+CREG: 2,1,"00C3","0000A1B2",7', "home", "lte", True),
        ('+CREG: 2,1,"00C3","A1B2"', "home", None, True),
        ('+CEREG: 5,1,"1A2B","01C8A30B",7,,,"00000000","00000000"', "home", "lte", True),
        ('+CGREG: 2,1,"00C3","0000A1B2",2,"01"', "home", "umts", True),
        ("+CREG: 2,1,00C3,0000A1B2,7", "home", "lte", True),
        ("+CREG: 1", "home", None, False),
        ("+CEREG: 2", "searching", None, False),
        ('+CREG: 5,"00C3","0000A1B2",6', "roaming", "umts", False),
        ('+CEREG: 1,"1A2B","01C8A30B",9', "home", "lte", False),
        ('+CREG: 0,"00C3","A1B2"', "not-registered", None, False),
        ("+CREG: 1,00C3,A1B2", "home", None, False),
        ('+C5GREG: 1,"00C3","0000A1B2",11', "home", "nr", False),
        ("+CEREG: 0,3", "denied", None, True),
        ("+CEREG: 0,8", "emergency-only", None, True),
        ("+CREG: 0,4", "unknown", None, True),
        ("+CREG: 6", "home", None, False),
        ("+CREG: 77", "unknown", None, False),
    ],
)
def test_registration_asked_for_and_by_itself(
    line: str, state: Registration, technology: Technology | None, solicited: bool
) -> None:
    read = answers.parse_registration(line)
    assert (read.state, read.technology, read.solicited) == (state, technology, solicited)


@pytest.mark.parametrize(
    ("line", "code", "name", "technology"),
    [
        ("+COPS: 0", None, None, None),
        ('+COPS: 0,2,"43211",7', "43211", None, "lte"),
        ('+COPS: 1,2,"310260"', "310260", None, None),
        ('+COPS: 0,0,"IR-MCI, Tehran",2', None, "IR-MCI, Tehran", "umts"),
        ('+COPS: 0,1,"IRMCI",0', None, "IRMCI", "gsm"),
        ('+COPS: 0,0,"00490052002D004D00430049",7', None, "IR-MCI", "lte"),
        ('+COPS: 0,2,"00340033003200310031",7', "43211", None, "lte"),
        ('+COPS: 0,0,"06470645063106270647",7', None, "همراه", "lte"),
        ("+COPS: 0,2,43211,7", "43211", None, "lte"),
    ],
)
def test_operator_in_every_format(
    line: str, code: str | None, name: str | None, technology: Technology | None
) -> None:
    assert answers.parse_operator(line) == answers.OperatorLine(code, name, technology)


@pytest.mark.parametrize(
    ("line", "result"),
    [
        ("OK", Result("ok", None, "OK")),
        ("ERROR", Result("error", None, "ERROR")),
        ("+CME ERROR: 10", Result("cme", 10, "+CME ERROR: 10")),
        ("+CME ERROR: SIM not inserted", Result("cme", 10, "+CME ERROR: SIM not inserted")),
        ("+CME ERROR: something new", Result("cme", None, "+CME ERROR: something new")),
        ("+CMS ERROR: 500", Result("cms", 500, "+CMS ERROR: 500")),
        ("+CMS ERROR: network timeout", Result("cms", 332, "+CMS ERROR: network timeout")),
        ("COMMAND NOT SUPPORT", Result("error", None, "COMMAND NOT SUPPORT")),
    ],
)
def test_ends_of_commands(line: str, result: Result) -> None:
    assert final_result(line) == result


@pytest.mark.parametrize("line", ["OKAY", "ok", "+CREG: 1", "ERRORS", "+CME ERROR", "> ", "NO CARRIER", ""])
def test_lines_that_end_nothing(line: str) -> None:
    assert final_result(line) is None


@pytest.mark.parametrize(
    ("line", "measured"),
    [
        ("+CESQ: 99,99,255,255,20,60", answers.Measured(None, -81.0, -10.0, None)),
        ("+CESQ: 30,0,255,255,255,255", answers.Measured(-81.0, None, None, None)),
        ("+CESQ: 99,99,50,30,255,255", answers.Measured(-71.0, None, None, None)),
        ("+CESQ: 99,99,255,255,255,255,67,80,87", answers.Measured(None, -77.0, -10.0, 20.0)),
        ("+CESQ: 99,99,255,255,0,0", answers.Measured(None, -141.0, -20.0, None)),
        ("+CESQ: 99,99,255,255,34,97", answers.Measured(None, -44.0, -3.0, None)),
        ("+CESQ: 99,99,255,255,35,98", answers.Measured(None, None, None, None)),
    ],
)
def test_measurements_by_the_standards_tables(line: str, measured: answers.Measured) -> None:
    assert answers.parse_cesq(line) == measured


@pytest.mark.parametrize(
    ("code", "dbm"), [(0, -113.0), (1, -111.0), (2, -109.0), (30, -53.0), (31, -51.0), (99, None), (32, None)]
)
def test_rssi_by_the_standards_table(code: int, dbm: float | None) -> None:
    assert answers.parse_csq(f"+CSQ: {code},99").rssi_dbm == dbm


@pytest.mark.parametrize(
    ("rssi", "rsrp", "rsrq", "sinr", "grade"),
    [
        (-60.0, -80.0, -10.0, 20.0, "good"),
        (-60.0, -90.0, -15.0, 13.0, "good"),
        (-60.0, -91.0, -10.0, 20.0, "fair"),
        (-60.0, -100.0, None, None, "fair"),
        (-60.0, -101.0, -10.0, 20.0, "poor"),
        (-60.0, -80.0, -16.0, 20.0, "fair"),
        (-60.0, -80.0, -20.5, 20.0, "poor"),
        (-60.0, -80.0, -10.0, -1.0, "poor"),
        (-85.0, None, None, None, "good"),
        (-86.0, None, None, None, "fair"),
        (-101.0, None, None, None, "poor"),
        (-113.0, None, None, None, "none"),
        (None, None, None, None, "none"),
    ],
)
def test_grade_is_that_of_the_worst(
    rssi: float | None, rsrp: float | None, rsrq: float | None, sinr: float | None, grade: str
) -> None:
    assert signal.graded(rssi, rsrp, rsrq, sinr).grade == grade


@given(st.text(max_size=80) | st.from_regex(r"[+^][A-Z]{2,6}: [0-9\",()A-F]{0,40}", fullmatch=True))
def test_any_line_gives_an_answer_or_the_one_error(line: str) -> None:
    for parse in PARSERS:
        try:
            parse(line)
        except AtAnswerError:
            continue
    final_result(line)
    answers.parse_imei(line)
    answers.parse_plain(line)


def test_contexts_and_stores() -> None:
    assert answers.parse_context("+CGACT: 1,1") == answers.Context(1, active=True, apn=None)
    assert answers.parse_context('+CGDCONT: 2,"IPV4V6","internet","0.0.0.0",0,0') == answers.Context(
        2, active=None, apn="internet"
    )
    assert answers.parse_stores('+CPMS: "SM",0,20,"ME",1,23,"SM",0,20') == ("SM", "ME", "SM")
    assert answers.parse_stores_known('+CPMS: ("SM","ME","SR"),("SM"),("SM")') == ("SM", "ME", "SR")
    assert answers.parse_stored('+CMTI: "ME",12') == ("ME", 12)


def last(bench: Bench) -> ModemReading:
    reading = bench.of(ModemReading)[-1]
    assert isinstance(reading, ModemReading)
    return reading


def test_bearer_that_is_down_is_brought_up_where_an_apn_is_set() -> None:
    bench = Bench(AtSettings(apn="internet", context_id=2))
    bench.modem.answers["AT+CGACT?"] = ["+CGACT: 1,1", "+CGACT: 2,0", "OK"]
    bench.modem.answers["AT+CGDCONT?"] = ['+CGDCONT: 1,"IP","ims","",0,0', "OK"]
    bench.modem.answers['AT+CGDCONT=2,"IP","internet"'] = ["OK"]
    bench.modem.answers["AT+CGACT=1,2"] = ["+CME ERROR: 30"]
    bench.up()
    bench.advance(55_000)
    assert not last(bench).bearer_up
    assert bench.modem.heard.count("AT+CGACT=1,2") == 1
    bench.modem.answers["AT+CGACT=1,2"] = ["OK"]
    bench.on_send = lambda data: (
        bench.modem.answers.update({"AT+CGACT?": ["+CGACT: 2,1", "OK"]}) if b"CGACT=1,2" in data else None
    )
    bench.advance(20_000)
    assert last(bench).bearer_up
    assert 'AT+CGDCONT=2,"IP","internet"' in bench.modem.heard


def test_bearer_is_left_alone_where_no_apn_is_set() -> None:
    bench = Bench()
    bench.modem.answers["AT+CGACT?"] = ["+CGACT: 1,0", "OK"]
    bench.up()
    bench.advance(100_000)
    assert not last(bench).bearer_up
    assert not any("CGACT=" in command or "CGDCONT" in command for command in bench.modem.heard)


def test_radio_that_was_left_off_is_switched_on() -> None:
    bench = Bench()
    bench.modem.answers["AT+CFUN?"] = ["+CFUN: 4", "OK"]
    bench.up()
    bench.advance(1_000)
    assert "AT+CFUN=1" in bench.modem.heard


def test_operator_is_not_told_without_a_network() -> None:
    bench = Bench()
    bench.up()
    bench.advance(100)
    assert last(bench).operator_name == "MCI"
    bench.modem.set_registration(2)
    bench.advance(10_000)
    assert (last(bench).registration, last(bench).operator_name, last(bench).technology) == (
        "searching",
        None,
        None,
    )


@pytest.mark.parametrize(
    "answer",
    [
        ['+CGSN: "490154203237518"', "OK"],
        ["IMEI: 490154203237518", "OK"],
        ["490154203237518", "OK"],
        ["RING", "490154203237518", "OK"],
    ],
)
def test_imei_in_every_dress(answer: list[str]) -> None:
    bench = Bench()
    bench.modem.answers["AT+CGSN"] = answer
    bench.modem.answers["AT+CGMI"] = ['+CGMI: "Telit"', "OK"]
    bench.up()
    bench.advance(100)
    assert last(bench).identity.imei == "490154203237518"
    assert last(bench).identity.manufacturer == "Telit"
