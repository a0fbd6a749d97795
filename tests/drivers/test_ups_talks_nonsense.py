"""Lines that are not Q1 answers, fields that a UPS does not measure, noise before and after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import UpsLineError, UpsRefusedError
from drivers.ports import UpsReading
from drivers.ups.lines import LINE_MAX, line_decoder
from drivers.ups.megatec import MEGATEC
from drivers.ups.voltronic import VOLTRONIC_QS

GOOD = b"(208.4 140.0 208.4 034 59.9 2.05 35.0 00110000"
READING = UpsReading(
    on_battery=False,
    battery_low=False,
    input_voltage_v=208.4,
    load_percent=34.0,
    battery_voltage_v=2.05,
    flags=frozenset({"OL", "ALARM", "BYPASS"}),
)


def with_bits(bits: str) -> bytes:
    return GOOD[:-8] + bits.encode()


def test_example_of_the_protocol_paper() -> None:
    assert MEGATEC.parse(GOOD) == READING


@pytest.mark.parametrize(
    ("bits", "on_battery", "battery_low"),
    [
        ("00000000", False, False),
        ("10000000", True, False),
        ("11000001", True, True),
        ("01111111", False, True),
    ],
)
def test_bits_are_read_from_the_left(bits: str, on_battery: bool, battery_low: bool) -> None:
    reading = MEGATEC.parse(with_bits(bits))
    assert (reading.on_battery, reading.battery_low) == (on_battery, battery_low)


def test_what_the_ups_does_not_tell_is_none_and_not_zero() -> None:
    reading = MEGATEC.parse(b"(---.- ---.- 208.4 @@@ 59.9 -.-- --.- 10100000")
    assert reading == UpsReading(True, False, None, None, None, flags=frozenset({"OB"}))
    assert MEGATEC.parse(b"(000.0 000.0 220.0 000 00.0 12.6 25.0 10000000").input_voltage_v == 0.0


@pytest.mark.parametrize(
    "line", [b"garbage" + GOOD, b"(208.4 14" + GOOD, b"\n" + GOOD + b"\n", GOOD + b" ", b"\0" + GOOD]
)
def test_noise_around_an_answer(line: bytes) -> None:
    assert MEGATEC.parse(line) == READING


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"(",
        GOOD[1:],
        GOOD[:-1],
        GOOD + b"0",
        GOOD[:-1] + b"2",
        GOOD.replace(b"208.4", b"2O8.4"),
        GOOD.replace(b"208.4 140.0", b"208.4140.0"),
        GOOD.replace(b"034", b""),
        GOOD.replace(b"034", b"-34"),
        GOOD.replace(b"034", b"9999"),
        GOOD.replace(b"034", "٠٣٤".encode()),
        GOOD.replace(b"034", "\N{ARABIC-INDIC DIGIT THREE}".encode()),
        b"#220.0 003 12.00 50.0",
        b"NAK",
        b"Q1Q1",
        b"\xff" * 46,
    ],
)
def test_line_that_is_no_answer(line: bytes) -> None:
    with pytest.raises(UpsLineError, match="not a Q1 answer"):
        MEGATEC.parse(line)


def test_echoed_question_means_that_it_is_not_known() -> None:
    with pytest.raises(UpsRefusedError, match="set it to the Megatec protocol"):
        MEGATEC.parse(b"Q1")


@given(st.binary(max_size=80))
def test_any_line_is_a_reading_or_a_typed_error(line: bytes) -> None:
    try:
        reading = MEGATEC.parse(line)
    except (UpsLineError, UpsRefusedError):
        return
    assert isinstance(reading, UpsReading)


@given(st.lists(st.just(GOOD), max_size=4), st.integers(1, 60))
def test_lines_arrive_in_pieces(lines: list[bytes], size: int) -> None:
    line = b"".join(one + b"\r" for one in lines)
    decoder = line_decoder()
    got = [out for at in range(0, len(line), size) for out in decoder.feed(line[at : at + size])]
    assert got == lines


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_noise_without_end_fills_no_memory(noise: list[bytes]) -> None:
    decoder = line_decoder()
    for data in noise:
        assert all(0 < len(line) <= LINE_MAX for line in decoder.feed(data))
        assert len(decoder._line) <= LINE_MAX
    decoder.feed(b"\r")
    assert decoder.feed(GOOD + b"\r") == [GOOD]


def test_overlong_line_is_counted_once() -> None:
    decoder = line_decoder()
    for _ in range(100):
        assert decoder.feed(b"x" * 50) == []
    assert decoder.feed(b"\r" + GOOD + b"\r") == [GOOD]
    assert decoder.discards == 1


@pytest.mark.parametrize(
    ("bits", "flags"),
    [
        ("00000000", "OL"),
        ("11000001", "OB LB"),
        ("00010000", "OL ALARM"),
        ("00001001", "OL"),
        ("00000100", "OL CAL"),
        ("00000010", "OL FSD"),
    ],
)
def test_flag_is_taken_for_another(bits: str, flags: str) -> None:
    for protocol in (MEGATEC, VOLTRONIC_QS):
        assert protocol.parse(with_bits(bits)).flags == set(flags.split())


@pytest.mark.parametrize(
    ("input_v", "output_v", "flags"),
    [
        (b"180.0", b"207.0", {"OL", "BOOST"}),
        (b"260.0", b"226.2", {"OL", "TRIM"}),
        (b"230.0", b"230.0", {"OL", "BYPASS"}),
        (b"000.0", b"230.0", {"OL"}),
        (b"---.-", b"230.0", {"OL"}),
    ],
)
def test_output_is_boosted_or_trimmed(input_v: bytes, output_v: bytes, flags: set[str]) -> None:
    line = b"(%s 140.0 %s 034 59.9 2.05 35.0 00100000" % (input_v, output_v)
    assert MEGATEC.parse(line).flags == flags


@pytest.mark.parametrize("line", [b"QS", b"(NAK", b"NAK"])
def test_voltronic_does_not_know_the_question(line: bytes) -> None:
    with pytest.raises(UpsRefusedError, match="speaks another protocol"):
        VOLTRONIC_QS.parse(line)


@given(st.binary(max_size=80))
def test_any_line_is_an_outcome_or_none(line: bytes) -> None:
    for protocol in (MEGATEC, VOLTRONIC_QS):
        for sent in protocol.commands.values():
            assert protocol.outcome(line, sent) in (True, False, None)
            assert protocol.outcome(sent[:-1], sent) is False
