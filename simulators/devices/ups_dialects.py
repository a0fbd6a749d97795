"""What simulated UPSes answer: Megatec, plain Q1, Voltronic-QS. Commands come and answers go without their CR.

Megatec "UPS Communication Protocol" V2.06; Voltronic Power's QS protocol differs in the question for the status and
in how it refuses. Commands that only do something are answered by silence.
"""

import re
from typing import Final, Literal

from simulators.devices.ups_power import NOMINAL_V, UpsPower

UpsModelName = Literal["megatec", "q1", "voltronic-qs"]
MODELS: Final[tuple[UpsModelName, ...]] = ("megatec", "q1", "voltronic-qs")

QUICK_TEST_MS: Final = 10_000
RESTART_MS: Final = 10_000  # the output rests at least so long after a shutdown that names no time
_MINUTE_MS: Final = 60_000
_HERTZ: Final = 50.0
_CELLS: Final = 6  # of a 12 V lead battery
_BATTERY_V: Final = 12.0
_FLOAT_V: Final = 2.27  # a cell on mains
_FULL_V: Final = 2.10  # a full cell under load
_EMPTY_V: Final = 1.67
_CELSIUS: Final = 25.0
_SHUTDOWN: Final = re.compile(r"S(?P<off>\.[2-9]|[0-9]{2})(?:R(?P<rest>[0-9]{4}))?")
_TIMED_TEST: Final = re.compile(r"T(?P<minutes>[0-9]{2})")


class Dialect:
    """One UPS's way to answer. ``lies``: it tells of a battery that is full for ever."""

    def __init__(self, name: UpsModelName) -> None:
        self.name: Final = name
        self.lies = False
        self.muted_beeper = False
        self._question: Final = "QS" if name == "voltronic-qs" else "Q1"

    def answer(self, line: bytes, power: UpsPower) -> bytes:
        """What is said to one command; empty where nothing is."""
        text = line.decode("latin-1")
        if text == self._question:
            return self._status(power).encode()
        answer = None if self.name == "q1" else self._ask(text, power)
        if answer is None:
            return b"(NAK" if self.name == "voltronic-qs" else line
        return answer.encode()

    def _ask(self, text: str, power: UpsPower) -> str | None:
        """Answer or do; None where the command is not known."""
        if text == "F":
            current_a = -(-power.rating.rated_w // int(NOMINAL_V))
            return f"#{NOMINAL_V:05.1f} {current_a:03d} {_BATTERY_V:05.1f} {_HERTZ:04.1f}"
        if text == "M" and self.name == "voltronic-qs":
            return "V"
        if text == "I" and self.name == "megatec":
            return f"#{'KITSIM':<15} {f'M{power.rating.rated_w}':<10} {'V1.00':<10}"
        return "" if self._do(text, power) else None

    def _do(self, text: str, power: UpsPower) -> bool:
        """Whether the command was one that does something, and did."""
        shutdown = _SHUTDOWN.fullmatch(text)
        timed = _TIMED_TEST.fullmatch(text) if self.name == "megatec" else None
        if text == "Q":
            self.muted_beeper = not self.muted_beeper
        elif text == "C":
            power.cancel()
        elif text == "T":
            power.start_test(QUICK_TEST_MS)
        elif text == "TL" and self.name == "megatec":
            power.start_test(None)
        elif text == "CT" and self.name == "megatec":
            power.test = None
        elif timed is not None:
            power.start_test(int(timed["minutes"]) * _MINUTE_MS)
        elif shutdown is not None:
            rest = shutdown["rest"]
            rest_ms = RESTART_MS if rest is None else int(rest) * _MINUTE_MS or None
            power.shut_down(int(float(shutdown["off"]) * _MINUTE_MS), rest_ms)
        else:
            return False
        return True

    def _status(self, power: UpsPower) -> str:
        on_battery = not power.on_line
        low = on_battery and power.low and not self.lies
        testing, leaving = power.test is not None, power.off_at_ms is not None or power.switched_off
        beeps = on_battery and not self.muted_beeper
        standby = power.rating.standby
        flags = (on_battery, low, power.regulating, power.failed, standby, testing, leaving, beeps)
        bits = "".join("1" if flag else "0" for flag in flags)
        load_percent = min(999, power.load_w * 100 // power.rating.rated_w) if power.output_on else 0
        fault_v = power.input_v if on_battery else NOMINAL_V
        return (
            f"({power.input_v:05.1f} {fault_v:05.1f} {power.output_v:05.1f} {load_percent:03d} {_HERTZ:04.1f} "
            f"{self._battery_text(power)} {_CELSIUS:04.1f} {bits}"
        )

    def _battery_text(self, power: UpsPower) -> str:
        cell_v = _FLOAT_V
        if not power.on_line or power.test is not None:
            share = 1.0 if self.lies else power.battery.share
            cell_v = _EMPTY_V + (_FULL_V - _EMPTY_V) * share
        return f"{cell_v * _CELLS:04.1f}" if power.rating.standby else f"{cell_v:04.2f}"
