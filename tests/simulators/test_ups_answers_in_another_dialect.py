"""The simulated UPSes: each knows its own commands, refuses the others in its own way, and does what it is told."""

import pytest

from simulators.devices.ups import MODELS, UpsModel, UpsModelName, make_ups
from simulators.stand.model import CommandError, DeviceModel

MINUTE = 60_000  # ms


def asked(ups: UpsModel, line: str, now_ms: int = 0) -> str:
    return ups.feed(line.encode() + b"\r", now_ms).decode().removesuffix("\r")


def bits(ups: UpsModel, now_ms: int = 0) -> str:
    question = "QS" if ups.state(now_ms)["model"] == "voltronic-qs" else "Q1"
    return asked(ups, question, now_ms)[-8:]


@pytest.mark.parametrize(
    ("model", "line", "answer"),
    [
        ("megatec", "F", "#230.0 002 012.0 50.0"),
        ("megatec", "I", "#KITSIM          M360       V1.00     "),
        ("megatec", "QS", "QS"),
        ("megatec", "M", "M"),
        ("megatec", "Q", ""),
        ("megatec", "S11X", "S11X"),
        ("q1", "F", "F"),
        ("q1", "I", "I"),
        ("q1", "S01R0001", "S01R0001"),
        ("voltronic-qs", "M", "V"),
        ("voltronic-qs", "F", "#230.0 002 012.0 50.0"),
        ("voltronic-qs", "Q1", "(NAK"),
        ("voltronic-qs", "QGS", "(NAK"),
        ("voltronic-qs", "I", "(NAK"),
        ("voltronic-qs", "TL", "(NAK"),
        ("voltronic-qs", "C", ""),
    ],
)
def test_command_of_another_dialect(model: UpsModelName, line: str, answer: str) -> None:
    assert asked(make_ups(model, now_ms=0), line) == answer


@pytest.mark.parametrize("model", MODELS)
def test_status_line_has_46_characters(model: UpsModelName) -> None:
    for standby in (False, True):
        ups = make_ups(model, now_ms=0, standby=standby)
        question = "QS" if model == "voltronic-qs" else "Q1"
        assert len(asked(ups, question)) == 46
        ups.command(["mains", "off"], 0)
        assert len(asked(ups, question)) == 46


def test_self_test_drains_the_battery_and_ends() -> None:
    ups = make_ups("megatec", now_ms=0)
    assert asked(ups, "T") == ""
    assert bits(ups)[5] == "1"
    assert bits(ups, 9_999)[5] == "1"
    assert bits(ups, 10_000)[5] == "0"
    assert 99 < ups.charge_percent(10_000) < 100
    asked(ups, "TL", 10_000)
    deep = ups.charge_percent(10_000 + 40 * MINUTE)
    assert 0 < deep < 60
    asked(ups, "CT", 10_000 + 40 * MINUTE)
    assert ups.charge_percent(10_000 + 50 * MINUTE) > deep


def test_deep_test_ends_when_the_battery_is_low() -> None:
    ups = make_ups("megatec", now_ms=0)
    asked(ups, "TL")
    assert ups.charge_percent(3_600_000 * 84 * 8 // 600) == pytest.approx(20.0)
    assert not ups.state(3_600_000 * 84 * 8 // 600)["testing"]


def test_test_finds_a_dead_battery() -> None:
    ups = make_ups("megatec", now_ms=0)
    ups.command(["charge", "0", "%"], 0)
    asked(ups, "T")
    assert bits(ups, 1_000)[3] == "1"


def test_shutdown_returns_with_the_mains() -> None:
    ups = make_ups("megatec", now_ms=0)
    asked(ups, "S.5R0003")
    assert bits(ups)[6] == "1"
    assert ups.output_on(29_999)
    assert not ups.output_on(30_000)
    assert not ups.output_on(30_000 + 3 * MINUTE - 1)
    assert ups.output_on(30_000 + 3 * MINUTE)
    ups.command(["mains", "off"], 10 * MINUTE)
    asked(ups, "S01", 10 * MINUTE)
    assert not ups.output_on(11 * MINUTE)
    assert asked(ups, "Q1", 11 * MINUTE) == "", "nothing is left that could answer"
    assert not ups.output_on(60 * MINUTE)
    assert not ups.command(["mains", "on"], 60 * MINUTE).startswith("unknown")
    assert ups.output_on(60 * MINUTE)


def test_shutdown_is_called_off() -> None:
    ups = make_ups("megatec", now_ms=0)
    asked(ups, "S02")
    asked(ups, "C", MINUTE)
    assert ups.output_on(10 * MINUTE)
    asked(ups, "S01R0000", 10 * MINUTE)
    assert not ups.output_on(100 * MINUTE)
    asked(ups, "C", 100 * MINUTE)
    assert ups.output_on(100 * MINUTE)


def test_beeper_is_silenced() -> None:
    ups = make_ups("megatec", now_ms=0)
    ups.command(["mains", "off"], 0)
    assert bits(ups)[7] == "1"
    asked(ups, "Q")
    assert bits(ups)[7] == "0"


def test_voltage_is_boosted_and_trimmed() -> None:
    ups = make_ups("megatec", now_ms=0)
    ups.command(["mains", "180", "V"], 0)
    assert asked(ups, "Q1").startswith("(180.0 230.0 207.0 ")
    assert bits(ups)[2] == "1"
    ups.command(["mains", "150"], 0)
    assert bits(ups)[:3] == "100"


def test_battery_lies_until_it_is_empty() -> None:
    ups = make_ups("megatec", now_ms=0)
    ups.command(["battery", "lies"], 0)
    ups.command(["mains", "off"], 0)
    empty_ms = ups.state(0)["empty_in_ms"]
    first, last = asked(ups, "Q1"), asked(ups, "Q1", empty_ms - 1)
    assert first == last
    assert asked(ups, "Q1", empty_ms) == ""


def test_worn_battery_holds_less() -> None:
    ups = make_ups("megatec", now_ms=0)
    ups.command(["mains", "off"], 0)
    whole_ms = ups.state(0)["empty_in_ms"]
    ups.command(["battery", "worn", "25", "%"], 0)
    assert ups.state(0)["empty_in_ms"] == whole_ms // 4


def test_reboot_is_silent_for_a_moment() -> None:
    ups = make_ups("megatec", now_ms=0)
    asked(ups, "S02")
    ups.command(["reboot"], 0)
    assert asked(ups, "Q1", 1_999) == ""
    assert bits(ups, 2_000)[6] == "0"
    assert ups.output_on(10 * MINUTE)


@pytest.mark.parametrize(
    "words", ["mains", "mains 1000 V", "load -5", "charge 101 %", "battery worn 0", "paper out"]
)
def test_script_says_what_cannot_be(words: str) -> None:
    with pytest.raises(CommandError, match=r"needed|there are: mains on"):
        make_ups("q1", now_ms=0).command(words.split(), 0)


def test_every_command_that_is_told_of_is_known() -> None:
    model: DeviceModel = make_ups("megatec", now_ms=0)
    for typed in model.commands:
        model.command(typed.replace("N", "100").split(), 0)
