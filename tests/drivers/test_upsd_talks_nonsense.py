"""Lines of upsd in pieces, with noise, without end; words that need quotes; variables that say nothing or too much."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers.errors import NutLineError, NutStatusError
from drivers.ports import UpsReading
from drivers.ups.nut.frames import LINE_MAX, decode, encode, line_decoder
from drivers.ups.nut.readings import reading
from drivers.ups.nut.target import NutTarget, TrustFingerprint

PRINTABLE = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=40)


@given(st.lists(PRINTABLE, min_size=1, max_size=8))
def test_words_come_back_as_they_went(words: list[str]) -> None:
    line = encode(*words)
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode(line[:-1]) == words


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"OK", ["OK"]),
        (b'VAR dummy ups.status "OB DISCHRG"', ["VAR", "dummy", "ups.status", "OB DISCHRG"]),
        (b'VAR dummy ups.mfr ""', ["VAR", "dummy", "ups.mfr", ""]),
        (rb'VAR dummy ups.model "19\" rack \\ C:\\ups"', ["VAR", "dummy", "ups.model", r'19" rack \ C:\ups']),
        (
            b"OK TRACKING 2DDC5036-F665-4D29-BE4C-0374D091D263\r",
            ["OK", "TRACKING", "2DDC5036-F665-4D29-BE4C-0374D091D263"],
        ),
        (b"  OK   Goodbye ", ["OK", "Goodbye"]),
        (b'DESC "\xff"', ["DESC", "\N{REPLACEMENT CHARACTER}"]),
    ],
)
def test_line_is_read_as_its_words(line: bytes, words: list[str]) -> None:
    assert decode(line) == words


@pytest.mark.parametrize("line", [b"", b"   ", b'VAR "half', b'VAR "a"b', b'VA"R', b'VAR "ends in \\"', b'"'])
def test_line_that_is_no_words(line: bytes) -> None:
    with pytest.raises(NutLineError):
        decode(line)


@pytest.mark.parametrize("word", ["new\nline", "\x00", "گذر", "\x7f", "x" * LINE_MAX + " "])
def test_word_that_cannot_be_written(word: str) -> None:
    with pytest.raises(ValueError, match=r"printable ASCII|at most"):
        encode(word)


@given(st.binary(max_size=200))
def test_any_line_is_words_or_a_typed_error(line: bytes) -> None:
    try:
        words = decode(line)
    except NutLineError:
        return
    assert all(isinstance(word, str) for word in words)


@given(st.lists(st.lists(PRINTABLE, min_size=1, max_size=3), max_size=5), st.integers(1, 60))
def test_lines_arrive_in_pieces(lines: list[list[str]], size: int) -> None:
    wire = b"".join(encode(*words) for words in lines)
    decoder = line_decoder()
    got = [decode(out) for at in range(0, len(wire), size) for out in decoder.feed(wire[at : at + size])]
    assert got == lines


@given(st.lists(st.binary(max_size=3_000), max_size=20))
def test_noise_without_end_fills_no_memory(noise: list[bytes]) -> None:
    decoder = line_decoder()
    for data in noise:
        assert all(len(line) <= LINE_MAX for line in decoder.feed(data))
        assert len(decoder._line) <= LINE_MAX
    decoder.feed(b"\n")
    assert decoder.feed(b"OK\n") == [b"OK"]


def test_overlong_line_is_counted_once() -> None:
    decoder = line_decoder()
    for _ in range(100):
        assert decoder.feed(b"x" * 50) == []
    assert decoder.feed(b"\nOK\n") == [b"OK"]
    assert decoder.discards == 1


@pytest.mark.parametrize(
    ("status", "on_battery", "battery_low", "flags"),
    [
        ("OL", False, False, {"OL"}),
        ("OL CHRG RB", False, False, {"OL", "CHRG", "RB"}),
        ("ALARM OB LB DISCHRG", True, True, {"ALARM", "OB", "LB", "DISCHRG"}),
        ("OL OB", True, False, {"OL", "OB"}),
        ("OL SOMETHING-NEW", False, False, {"OL"}),
        ("FSD OL", False, False, {"FSD", "OL"}),
        ("OL LB", False, True, {"OL", "LB"}),
    ],
)
def test_status_words(status: str, on_battery: bool, battery_low: bool, flags: set[str]) -> None:
    assert reading({"ups.status": status}) == UpsReading(
        on_battery, battery_low, None, None, None, flags=frozenset(flags)
    )


@pytest.mark.parametrize("status", ["", "WAIT", "OFF", "BYPASS", "ALARM LB", "ol", "OLOB"])
def test_status_that_says_neither_is_never_fine(status: str) -> None:
    with pytest.raises(NutStatusError, match="neither on line"):
        reading({"ups.status": status})


def test_status_is_missing() -> None:
    with pytest.raises(NutStatusError, match=r"tells no ups\.status"):
        reading({"ups.load": "12"})


@pytest.mark.parametrize("number", ["", "-1", "1e3", "nan", "inf", "101", "12,5", "٣", "9" * 400, " 5"])
def test_number_that_is_none_is_not_told(number: str) -> None:
    assert reading({"ups.status": "OL", "battery.charge": number}).battery_charge_percent is None


def test_overload_is_told() -> None:
    assert reading({"ups.status": "OL OVER", "ups.load": "130.5"}).load_percent == 130.5


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"host": ""}, "host is missing"),
        ({"ups": "two words"}, "cannot be a UPS"),
        ({"ups": "x\nFSD y"}, "cannot be a UPS"),
        ({"port": 0}, "1 to 65535"),
        ({"username": "kit"}, "come together"),
        ({"username": "kit", "password": "two\nlines"}, "printable ASCII"),
        ({"username": "", "password": "x"}, "printable ASCII"),
        ({"username": "x" * 129, "password": "x"}, "printable ASCII"),
    ],
)
def test_target_that_cannot_be(wrong: dict[str, object], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        NutTarget(**{"host": "h", "ups": "u", "tls": None} | wrong)  # type: ignore[arg-type]


def test_password_is_not_shown() -> None:
    assert "hunter2" not in repr(NutTarget("h", "u", None, "kit", "hunter2"))


def test_fingerprint_of_another_length() -> None:
    with pytest.raises(ValueError, match="SHA-256 has 32"):
        TrustFingerprint(bytes(20))
