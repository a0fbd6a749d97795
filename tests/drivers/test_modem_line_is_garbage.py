"""The stream of a modem: split, merged, echoed, spoilt, interrupted; what is sound comes through, memory is bounded."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from modem_far_end import Bench
from sms_far_end import deliver

from drivers.modem.at.lines import LINE_MAX, Line, LineDecoder, Prompt
from drivers.modem.at.settings import AtSettings
from drivers.ports import ModemReading, SmsReceived, SmsSubmitted

TEXT = st.from_regex(r"[!-=?-~][ -~]{0,60}", fullmatch=True).map(str.strip).filter(bool)
ENDS = st.sampled_from(["\r\n", "\r", "\n", "\r\r\n", "\r\n\r\n", "\r\0\n"])
PDU = deliver("+989121234567", b"\x05\x00\x03\x01\x01\x01between")
URC = st.sampled_from(
    [
        ["RING"],
        ['+CREG: 1,"1A2B","01234567",7'],
        ["+CEREG: 1"],
        ['+CGREG: 1,"1A2B","01234567",7'],
        ['+QIND: "csq",20,99'],
        ["^RSSI: 20"],
        ['^HCSQ: "LTE",60,50,151,24'],
        ["+CIEV: 2,4"],
        ["+CGEV: ME PDN ACT 1"],
        ["+CTZV: +14"],
        ['+CMTI: "SM",9'],
        [f"+CMT: ,{len(PDU) // 2 - 1}", PDU],
        ["SMS DONE"],
        ["+CREG"],
        ["+CMTI: ,"],
        ['+CUSD: 0,"OK",15'],
    ]
)


def quiet() -> ModemReading:
    bench = Bench()
    bench.up()
    bench.advance(100)
    (reading,) = bench.of(ModemReading)
    assert isinstance(reading, ModemReading)
    return reading


QUIET = quiet()


@given(st.lists(st.tuples(TEXT, ENDS), max_size=8), st.integers(1, 30))
def test_lines_arrive_in_pieces(lines: list[tuple[str, str]], size: int) -> None:
    stream = "".join(text + end for text, end in lines).encode()
    decoder = LineDecoder()
    got = [token for at in range(0, len(stream), size) for token in decoder.feed(stream[at : at + size])]
    assert got == [Line(text) for text, _ in lines]
    assert decoder.discards == 0


@given(st.lists(st.sampled_from([b"\r\n> ", b"\r\n>", b"\n> "]), max_size=4), TEXT)
def test_prompt_has_no_end_of_line(prompts: list[bytes], text: str) -> None:
    decoder = LineDecoder()
    got = [token for byte in b"".join(prompts) for token in decoder.feed(bytes([byte]))]
    assert got == [Prompt()] * len(prompts)
    assert decoder.feed(text.encode() + b"\r") == [Line(text)]


@given(st.lists(st.binary(max_size=3000), max_size=6))
def test_noise_fills_no_memory(noise: list[bytes]) -> None:
    decoder = LineDecoder()
    for data in noise:
        for token in decoder.feed(data):
            assert isinstance(token, Prompt) or len(token.text) <= LINE_MAX
        assert len(decoder._line) <= LINE_MAX
    assert decoder.feed(b"\r\nOK\r\n")[-1] == Line("OK")


def test_line_that_does_not_end_is_thrown_away_once() -> None:
    decoder = LineDecoder()
    for _ in range(64):
        assert decoder.feed(b"A" * 1024) == []
        assert len(decoder._line) <= LINE_MAX
    assert decoder.feed(b"\rOK\r") == [Line("OK")]
    assert decoder.discards == 1


def test_longest_line_is_exactly_the_limit() -> None:
    decoder = LineDecoder()
    assert decoder.feed(b"B" * LINE_MAX + b"\r") == [Line("B" * LINE_MAX)]
    assert decoder.discards == 0
    assert decoder.feed(b"B" * (LINE_MAX + 1) + b"\r") == []
    assert decoder.discards == 1


@settings(max_examples=40)
@given(st.lists(URC, min_size=1, max_size=4), st.integers(1, 40), st.booleans())
def test_urcs_between_any_two_lines_of_every_answer(urcs: list[list[str]], piece: int, echo: bool) -> None:
    bench = Bench(piece=piece)
    bench.modem.between = [line for urc in urcs for line in urc]
    bench.modem.echo = echo
    user_data = b"\x05\x00\x03\x02\x01\x01stored"
    bench.modem.stores["SM"][3] = (0, deliver("+98912", user_data))
    bench.up()
    bench.advance(100)
    assert bench.of(ModemReading)[0] == QUIET
    bench.send(1, "+98912", user_data)
    bench.advance(100)
    assert bench.of(SmsSubmitted) == [SmsSubmitted(1, 7)]
    assert SmsReceived("+98912", user_data) in bench.events
    assert bench.modem.stores["SM"] == {}
    if any(line == PDU for urc in urcs for line in urc):
        assert SmsReceived("+989121234567", b"\x05\x00\x03\x01\x01\x01between") in bench.events


@pytest.mark.parametrize("piece", [1, 2, 3, 7, 4096])
@pytest.mark.parametrize("echo", [False, True])
def test_echo_and_pieces_change_nothing(piece: int, echo: bool) -> None:
    bench = Bench(piece=piece)
    bench.modem.echo = echo
    bench.up()
    bench.advance(100)
    assert bench.of(ModemReading) == [QUIET]


def test_modem_that_refuses_compound_commands() -> None:
    bench = Bench()
    for command in [command for command in bench.modem.answers if ";" in command]:
        del bench.modem.answers[command]
    bench.modem.answers |= {
        "AT+CREG?": ["+CREG: 2,1", "OK"],
        "AT+CEREG?": ['+CEREG: 2,1,"1A2B","01234567",7', "OK"],
        "AT+COPS=3,2": ["OK"],
        "AT+COPS=3,0": ["OK"],
        "AT+COPS?": ['+COPS: 0,2,"43211",7', "OK"],
        "AT+CSQ": ["+CSQ: 20,99", "OK"],
    }
    bench.up()
    bench.advance(25_000)
    reading = bench.of(ModemReading)[-1]
    assert isinstance(reading, ModemReading)
    assert (reading.registration, reading.technology, reading.operator_code) == ("home", "lte", "43211")
    assert reading.signal.rssi_dbm == -73.0
    assert reading.signal.rsrp_dbm is None
    # What it refused is not asked again and again.
    assert bench.modem.heard.count("AT+CGREG?") == 1
    assert bench.modem.heard.count("AT+CREG?;+CGREG?;+CEREG?") == 1


def test_modem_that_knows_little_is_read_all_the_same() -> None:
    bench = Bench(AtSettings(poll_interval_ms=1000))
    bench.modem.answers = {command: ["OK"] for command in ("AT", "ATE0", "ATV1", "ATQ0")}
    bench.up()
    bench.advance(5_000)
    readings = bench.of(ModemReading)
    assert len(readings) == 5
    assert isinstance(readings[-1], ModemReading)
    assert (readings[-1].sim, readings[-1].registration, readings[-1].signal.grade) == (
        "unknown",
        "unknown",
        "none",
    )


@settings(max_examples=40)
@given(st.lists(st.binary(max_size=200), max_size=12))
def test_noise_on_the_line_raises_nothing_and_heals(noise: list[bytes]) -> None:
    bench = Bench()
    bench.up()
    for data in noise:
        bench.advance(3_000)
        bench.take(bench.dialogue.handle_bytes(data, bench.now))
    bench.events.clear()
    bench.advance(120_000)
    assert bench.of(ModemReading)[-1] == QUIET
