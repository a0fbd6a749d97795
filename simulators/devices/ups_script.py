"""What a script may do to a simulated UPS, as it is typed."""

from collections.abc import Sequence
from typing import Final

from simulators.devices.ups_dialects import Dialect
from simulators.devices.ups_power import NOMINAL_V, UpsPower
from simulators.stand.model import CommandError

LOAD_MAX_W: Final = 100_000
INPUT_MAX_V: Final = 400

COMMANDS: Final = {
    "mains on": "the mains are there, at 230 V",
    "mains off": "the mains fail",
    "mains N V": "the mains have N volts (0 to 400): boosted below 207, trimmed above 253, none below 160 or above 290",
    "load N W": "what hangs on the output draws N watts",
    "charge N %": "the battery is so full now (0 to 100)",
    "battery lies": "the UPS claims a full battery while its energy drops, and never says that it is low",
    "battery honest": "ends battery lies",
    "battery worn N %": "so much of the promised capacity is left (1 to 100)",
    "fail": "the UPS tells a fault",
    "repair": "ends fail",
    "reboot": "the UPS's logic starts anew: silent for two seconds, tests and shutdowns forgotten",
}


def obey(words: Sequence[str], power: UpsPower, dialect: Dialect) -> str:
    """Do it and return a sentence; raises CommandError."""
    match list(words):
        case ["mains", "on" | "off" as way]:
            power.input_v = NOMINAL_V if way == "on" else 0.0
        case ["mains", number] | ["mains", number, "V"]:
            power.input_v = float(_whole(number, "V", 0, INPUT_MAX_V))
        case ["load", number] | ["load", number, "W"]:
            power.load_w = _whole(number, "W", 0, LOAD_MAX_W)
        case ["charge", number] | ["charge", number, "%"]:
            power.battery.put(_whole(number, "%", 0, 100))
        case ["battery", "lies" | "honest" as way]:
            dialect.lies = way == "lies"
        case ["battery", "worn", number] | ["battery", "worn", number, "%"]:
            power.battery.wear(_whole(number, "%", 1, 100))
        case ["fail" | "repair" as way]:
            power.failed = way == "fail"
        case ["reboot"]:
            power.reboot()
            dialect.muted_beeper = False
        case _:
            raise CommandError(
                f"{' '.join(words)!r} is no command of a UPS; there are: {', '.join(COMMANDS)}"
            )
    line = f"mains {power.input_v:g} V, load {power.load_w} W, battery {100 * power.battery.share:.0f} %"
    return f"{' '.join(words)}: done; {line}"


def _whole(text: str, unit: str, low: int, high: int) -> int:
    number = text.removesuffix(unit)
    value = int(number) if number.isascii() and number.isdigit() else -1
    if not low <= value <= high:
        raise CommandError(f"{text!r}: a whole number from {low} to {high} is needed (in {unit})")
    return value
