"""What modems and the fibre line say, made into what failover needs to know of the lines under uplinks.

A device's word is evidence, no proof: failover ranks by it and probes, and no session ends of it.
"""

from collections.abc import Mapping
from typing import Final

from drivers.ports import (
    FibreEvent,
    FibreLost,
    FibreReading,
    ModemEvent,
    ModemLost,
    ModemReading,
    ModemReset,
)
from failover.events import LineGrade, LineSensed, SimUsed
from kit.devices import FIBRE
from kit.events import Event, FibreHeard, ModemHeard
from kit.sims.plan import SimPlan

_Line = tuple[LineGrade, str]
NOT_KNOWN: Final[_Line] = ("good", "line not known")
"""A device that is gone says nothing against the line: probes do."""
MODEM: Final = "modem:"  # begins the name of a line that is a modem's

_SIM: Final[dict[str, _Line]] = {
    "absent": ("none", "no SIM"),
    "failure": ("none", "the SIM fails"),
    "pin-required": ("none", "the SIM asks for its PIN"),
    "puk-required": ("none", "the SIM asks for its PUK"),
}
_REGISTRATION: Final[dict[str, _Line]] = {
    "searching": ("none", "searching for the network"),
    "not-registered": ("none", "not registered with a network"),
    "denied": ("none", "the network denies access"),
    "emergency-only": ("none", "emergency calls only"),
}


class Lines:
    """Translator. ``lines``: the line of each uplink that has one, as in the configuration (``[[uplinks]] line``).

    ``sims``: what hangs on each modem.
    """

    def __init__(self, lines: Mapping[str, str], sims: Mapping[str, SimPlan] | None = None) -> None:
        self._sims, self._slots = sims or {}, dict[str, int]()
        self._uplinks: dict[str, list[str]] = {}
        for uplink, line in lines.items():
            self._uplinks.setdefault(line, []).append(uplink)
        self._told: dict[str, _Line] = {}
        self._had_bearer: set[str] = set()

    def hear(self, event: Event) -> tuple[LineSensed | SimUsed, ...]:
        """What an event of a device says of uplinks; nothing where it is not new."""
        match event:
            case ModemHeard(modem, heard):
                return *self._sim_of(modem, heard), *self._tell(MODEM + modem, self._of_modem(modem, heard))
            case FibreHeard(heard):
                return self._tell(FIBRE, _of_fibre(heard))
            case _:
                return ()

    def _sim_of(self, modem: str, heard: ModemEvent) -> tuple[SimUsed, ...]:
        if not isinstance(heard, ModemReading) or self._slots.get(modem) == heard.sim_slot:
            return ()
        self._slots[modem] = heard.sim_slot
        uplinks = self._sims[modem].uplinks if modem in self._sims else ()
        return tuple(SimUsed(uplink, heard.sim_slot) for uplink in uplinks)

    def _tell(self, line: str, now: _Line | None) -> tuple[LineSensed, ...]:
        if now is None or line not in self._uplinks or self._told.get(line) == now:
            return ()
        self._told[line] = now
        return tuple(LineSensed(uplink, *now) for uplink in self._uplinks[line])

    def _of_modem(self, modem: str, heard: ModemEvent) -> _Line | None:
        match heard:
            case ModemReading():
                if heard.bearer_up:
                    self._had_bearer.add(modem)
                return _of_reading(heard, had_bearer=modem in self._had_bearer)
            case ModemReset():
                return "none", "the modem is being reset"
            case ModemLost():
                return NOT_KNOWN
            case _:
                return None  # messages are not about the line


def silence(reading: ModemReading, *, had_bearer: bool) -> str:
    """Why nothing can come over a modem's line, in words; empty where something may."""
    grade, words = _of_reading(reading, had_bearer=had_bearer)
    return words if grade == "none" else ""


def _of_reading(reading: ModemReading, *, had_bearer: bool) -> _Line:
    """The first thing that is wrong. Some modems never tell of their bearer: only one that had it can lose it."""
    if reading.sim in _SIM:
        return _SIM[reading.sim]
    if reading.registration in _REGISTRATION:
        return _REGISTRATION[reading.registration]
    if had_bearer and not reading.bearer_up:
        return "none", "the data bearer is down"
    grade = reading.signal.grade
    if grade == "none":  # none measured: with a registration, that is no proof of silence
        return "good", "signal not measured"
    return grade, f"signal {grade}"


def _of_fibre(heard: FibreEvent) -> _Line:
    match heard:
        case FibreLost():
            return NOT_KNOWN
        case FibreReading(present=False):
            return "none", "its interface is not there"
        case FibreReading(optical=optical) if optical is not None and optical.los:
            return "none", "no light"
        case FibreReading(carrier=False):
            return "none", "no carrier"
        case FibreReading(optical=None):
            return "good", "carrier"
        case FibreReading():
            return "good", "light and carrier"
