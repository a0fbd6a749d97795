"""Lines of the Megatec/Q1 protocol: ``Q1<CR>`` asks, ``(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7...b0<CR>`` answers.

Fields: input, fault and output voltage, load in percent, frequency, battery voltage, temperature, status bits. There is
no checksum: only the strict layout tells an answer from noise. (Megatec "UPS Communication Protocol" V2.06.)
"""

import re
from typing import Final

from drivers.errors import UpsLineError, UpsRefusedError
from drivers.ports import UpsReading

QUESTION: Final = b"Q1\r"
LINE_MAX: Final = 64  # bytes of one line, its CR not counted; an answer has 46
_END: Final = b"\r"

_NUMBER: Final = (
    r"([0-9]{1,3}(?:\.[0-9]{1,2})?|[-@.?]{1,6})"  # UPSes fill a field they do not measure with - or @
)
_TEMPERATURE: Final = r"(?:-?[0-9]{1,3}(?:\.[0-9]{1,2})?|[-@.?]{1,6})"
_ANSWER: Final = re.compile(
    rf"\((?P<input>{_NUMBER}) {_NUMBER} {_NUMBER} (?P<load>{_NUMBER}) {_NUMBER} (?P<battery>{_NUMBER}) {_TEMPERATURE}"
    r" (?P<utility_fail>[01])(?P<battery_low>[01])[01]{6}"
)


def parse(line: bytes) -> UpsReading:
    """Returns the reading in one line, without its CR. What stands before the last ``(`` is noise and passed over.

    Raises:
        UpsRefusedError: the UPS echoed the question, its way of saying that it does not know it.
        UpsLineError: anything else that is not an answer.
    """
    text = line.strip(b"\n\x00 ").decode("ascii", errors="replace")
    if text == "Q1":
        raise UpsRefusedError(
            "the UPS does not know Q1: set it to the Megatec protocol, or use its own software"
        )
    match = _ANSWER.fullmatch(text[max(text.rfind("("), 0) :])
    if match is None:
        raise UpsLineError(f"not a Q1 answer: {text[:LINE_MAX]!r}")
    return UpsReading(
        on_battery=match["utility_fail"] == "1",
        battery_low=match["battery_low"] == "1",
        input_voltage_v=_number(match["input"]),
        load_percent=_number(match["load"]),
        battery_voltage_v=_number(match["battery"]),
    )


def _number(field: str) -> float | None:
    return float(field) if field[0].isdigit() else None


class LineDecoder:
    """Cuts a stream of bytes into lines. Keeps at most LINE_MAX bytes; longer lines are thrown away and counted."""

    def __init__(self) -> None:
        self.discards = 0
        self._line = bytearray()
        self._overlong = False

    def feed(self, data: bytes) -> list[bytes]:
        """Returns the lines that these bytes complete, without their CR; empty ones are left out."""
        *ended, rest = data.split(_END)
        lines: list[bytes] = []
        for part in ended:
            self._extend(part)
            if self._overlong:
                self.discards += 1
            elif self._line:
                lines.append(bytes(self._line))
            self.clear()
        self._extend(rest)
        return lines

    def clear(self) -> None:
        """Forget a half line."""
        self._line.clear()
        self._overlong = False

    def _extend(self, part: bytes) -> None:
        if self._overlong or len(self._line) + len(part) > LINE_MAX:
            self._overlong = True
            self._line.clear()
        else:
            self._line += part
