"""What devices say of lines reaches failover once, for the right uplinks, and no word of it claims too much."""

from dataclasses import replace

import pytest

from drivers.ports import (
    FibreLost,
    FibreReading,
    ModemIdentity,
    ModemLost,
    ModemReading,
    ModemReset,
    OpticalReading,
    Signal,
    SmsSubmitted,
)
from failover.events import LineSensed
from kit.events import FibreHeard, ModemHeard, Tick
from kit.links.lines import Lines

READING = ModemReading(
    identity=ModemIdentity("maker", "model", "1", ""),
    sim="ready",
    sim_slot=1,
    sim_slots=2,
    pin_tries_left=None,
    operator_code="00101",
    operator_name=None,
    registration="home",
    technology="lte",
    signal=Signal(None, -95.0, None, None, "fair"),
    bearer_up=True,
)
FIBRE = FibreReading("fib0", True, True, None, OpticalReading(-18.0, 2.0, los=False), None)


def _lines() -> Lines:
    return Lines({"fibre": "fibre", "4g-a": "modem:m1", "4g-b": "modem:m1", "4g-c": "modem:m2"})


def _of_modem(*readings: ModemReading) -> tuple[str, str]:
    lines, sensed = Lines({"4g": "modem:m1"}), ()
    for reading in readings:
        sensed = lines.hear(ModemHeard("m1", reading)) or sensed
    (last,) = sensed
    return last.grade, last.words


def test_line_is_told_to_another_uplink_or_over_and_over() -> None:
    lines = _lines()
    first = lines.hear(ModemHeard("m1", READING))
    assert first == (LineSensed("4g-a", "fair", "signal fair"), LineSensed("4g-b", "fair", "signal fair"))
    assert lines.hear(ModemHeard("m1", READING)) == ()
    assert lines.hear(ModemHeard("m2", READING)) == (LineSensed("4g-c", "fair", "signal fair"),)
    assert lines.hear(ModemHeard("m3", READING)) == ()
    assert Lines({}).hear(FibreHeard(FIBRE)) == ()
    assert lines.hear(Tick()) == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"sim": "absent"}, "no SIM"),
        ({"sim": "puk-required", "registration": "searching"}, "the SIM asks for its PUK"),
        ({"registration": "searching"}, "searching for the network"),
        ({"registration": "denied"}, "the network denies access"),
        ({"registration": "emergency-only"}, "emergency calls only"),
        ({"bearer_up": False}, "the data bearer is down"),
    ],
)
def test_modem_without_a_network_counts_as_good(change: dict[str, object], words: str) -> None:
    assert _of_modem(READING, replace(READING, **change)) == ("none", words)  # type: ignore[arg-type]


def test_modem_that_never_tells_of_its_bearer_ranks_last_for_ever() -> None:
    assert _of_modem(replace(READING, bearer_up=False)) == ("fair", "signal fair")


def test_signal_that_is_not_measured_counts_as_none() -> None:
    silent = replace(READING, signal=Signal(None, None, None, None, "none"))
    assert _of_modem(silent) == ("good", "signal not measured")
    unknown = replace(READING, registration="unknown", sim="unknown")
    assert _of_modem(unknown) == ("fair", "signal fair")


def test_device_that_is_gone_leaves_its_last_word_behind() -> None:
    lines = _lines()
    lines.hear(FibreHeard(replace(FIBRE, carrier=False)))
    lines.hear(ModemHeard("m1", replace(READING, registration="searching")))
    assert lines.hear(FibreHeard(FibreLost("gone"))) == (LineSensed("fibre", "good", "line not known"),)
    assert [sensed.grade for sensed in lines.hear(ModemHeard("m1", ModemLost("gone")))] == ["good", "good"]


def test_reset_and_messages_are_mistaken_for_each_other() -> None:
    lines = _lines()
    lines.hear(ModemHeard("m2", READING))
    assert lines.hear(ModemHeard("m2", SmsSubmitted(1, 1))) == ()
    (sensed,) = lines.hear(ModemHeard("m2", ModemReset("full-reset", "silent")))
    assert (sensed.grade, sensed.words) == ("none", "the modem is being reset")


@pytest.mark.parametrize(
    ("reading", "grade", "words"),
    [
        (FIBRE, "good", "light and carrier"),
        (replace(FIBRE, optical=None), "good", "carrier"),
        (replace(FIBRE, carrier=False), "none", "no carrier"),
        (replace(FIBRE, optical=OpticalReading(-40.0, 2.0, los=True)), "none", "no light"),
        (replace(FIBRE, present=False, carrier=False), "none", "its interface is not there"),
    ],
)
def test_dark_fibre_counts_as_good(reading: FibreReading, grade: str, words: str) -> None:
    (sensed,) = _lines().hear(FibreHeard(reading))
    assert (sensed.uplink, sensed.grade, sensed.words) == ("fibre", grade, words)
