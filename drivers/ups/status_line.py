"""The status line that Megatec and Voltronic-QS share: ``(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7...b0``.

Fields: input, fault and output voltage, load in percent, frequency, battery voltage, temperature, status bits. There is
no checksum: only the strict layout tells an answer from noise. (Megatec "UPS Communication Protocol" V2.06, section
"Status Inquiry"; what the third bit means beside the voltages is as Network UPS Tools reads it.)
"""

import re
from typing import Final

from drivers.errors import UpsLineError
from drivers.ports import UpsFlag, UpsReading
from drivers.ups.lines import LINE_MAX

_NUMBER: Final = (
    r"([0-9]{1,3}(?:\.[0-9]{1,2})?|[-@.?]{1,6})"  # UPSes fill a field they do not measure with - or @
)
_TEMPERATURE: Final = r"(?:-?[0-9]{1,3}(?:\.[0-9]{1,2})?|[-@.?]{1,6})"
_STATUS: Final = re.compile(
    rf"\((?P<input>{_NUMBER}) {_NUMBER} (?P<output>{_NUMBER}) (?P<load>{_NUMBER}) {_NUMBER} (?P<battery>{_NUMBER})"
    rf" {_TEMPERATURE} (?P<bits>[01]{{8}})"
)
_TRIM_BELOW: Final = 0.95  # output over input voltage
_BOOST_FROM: Final = 1.05

# Status bits, from the left.
_UTILITY_FAIL: Final = 0
_BATTERY_LOW: Final = 1
_REGULATING: Final = 2  # bypass, boost or buck
_FAILED: Final = 3
_TESTING: Final = 5
_SHUTTING_DOWN: Final = 6


def parse_status(line: bytes, question: str) -> UpsReading:
    """Returns the reading in one line, without its CR. What stands before the last ``(`` is noise and passed over.

    Args:
        line: at most LINE_MAX bytes are shown in an error.
        question: what was asked, for the error.

    Raises:
        UpsLineError: this is not a status line.
    """
    text = clean(line)
    match = _STATUS.fullmatch(text[max(text.rfind("("), 0) :])
    if match is None:
        raise UpsLineError(f"not a {question} answer: {text[:LINE_MAX]!r}")
    input_v, output_v = _number(match["input"]), _number(match["output"])
    bits = [bit == "1" for bit in match["bits"]]
    flags: set[UpsFlag] = {"OB" if bits[_UTILITY_FAIL] else "OL"}
    for flag, bit in (("LB", _BATTERY_LOW), ("ALARM", _FAILED), ("CAL", _TESTING), ("FSD", _SHUTTING_DOWN)):
        if bits[bit]:
            flags.add(flag)  # type: ignore[arg-type]  # the literals stand two lines above
    if bits[_REGULATING] and input_v and output_v:
        flags.add(_regulation(output_v / input_v))
    return UpsReading(
        on_battery=bits[_UTILITY_FAIL],
        battery_low=bits[_BATTERY_LOW],
        input_voltage_v=input_v,
        load_percent=_number(match["load"]),
        battery_voltage_v=_number(match["battery"]),
        flags=frozenset(flags),
    )


def clean(line: bytes) -> str:
    """The text of a line without what some UPSes and converters put around it."""
    return line.strip(b"\n\x00 ").decode("ascii", errors="replace")


def _regulation(gain: float) -> UpsFlag:
    """What a UPS does whose output has so much of its input's voltage."""
    if gain < _TRIM_BELOW:
        return "TRIM"
    return "BOOST" if gain >= _BOOST_FROM else "BYPASS"


def _number(field: str) -> float | None:
    return float(field) if field[0].isdigit() else None
