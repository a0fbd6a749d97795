"""The modems and the fibre line: what their drivers say, made into one word each. They carry no votes; uplinks do.

A word is journaled only when it has stood for HOLD_MS: a village's mast flickers, and flash wears out.
"""

from dataclasses import dataclass
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
from failover.events import Instant
from kit.core import Step
from kit.events import Booted, Event, FibreHeard, ModemHeard, ReadinessItem
from kit.facts import DeviceChanged, DeviceState, Fact
from kit.wall import Wall

HOLD_MS: Final = 30_000  # how long a word must stand before it is journaled
FIBRE: Final = "fibre"

_SIM: Final[dict[str, DeviceState]] = {
    "absent": "sim-absent",
    "failure": "sim-failure",
    "pin-required": "pin-required",
    "puk-required": "puk-required",
    "unknown": "unknown",
}
_REGISTRATION: Final[dict[str, DeviceState]] = {
    "searching": "searching",
    "not-registered": "searching",
    "emergency-only": "denied",
    "denied": "denied",
    "unknown": "unknown",
}
_GRADE: Final[dict[str, DeviceState]] = {"poor": "weak", "none": "weak"}


def modem_state(reading: ModemReading) -> DeviceState:
    """The first thing that is wrong, in the order in which a technician would mend it."""
    if reading.sim != "ready":
        return _SIM[reading.sim]
    if reading.registration not in ("home", "roaming"):
        return _REGISTRATION[reading.registration]
    return _GRADE.get(reading.signal.grade, "ok")


def fibre_state(reading: FibreReading) -> DeviceState:
    """The light comes first: without it the cable to the box tells nothing."""
    if not reading.present:
        return "not-there"
    if reading.optical is not None and reading.optical.los:
        return "no-light"
    return "ok" if reading.carrier else "no-carrier"


@dataclass(slots=True)
class _Watched:
    """One device. ``told`` is durable; the rest is volatile."""

    told: DeviceState = "unknown"
    state: DeviceState = "unknown"
    since: Instant = 0
    reading: ModemReading | FibreReading | None = None
    fault: str | None = None
    resets: int = 0
    messages: int = 0

    @property
    def heard(self) -> DeviceState:
        """The state for people. That it was fine before a restart is no reason to call it so."""
        return "unknown" if self.reading is None and self.state == "ok" else self.state


class Devices:
    """Core of the modems and the fibre line. ``modems``: their names, at most 8."""

    def __init__(self, modems: tuple[str, ...], *, has_fibre: bool) -> None:
        self.modems = modems
        self.has_fibre = has_fibre
        names = (*(_name(modem) for modem in modems), *((FIBRE,) if has_fibre else ()))
        self._watched = {name: _Watched() for name in names}
        self._wall = Wall()

    def handle(self, event: Event, now: Instant) -> Step:
        """Take a reading in; journal what has stood long enough."""
        match event:
            case Booted():
                self._wall.set(event.wall_ms, now)
                for watched in self._watched.values():
                    watched.state, watched.since = watched.told, now
            case ModemHeard(modem, heard):
                self._heard(self._watched[_name(modem)], heard, now)
            case FibreHeard(heard):
                self._heard(self._watched[FIBRE], heard, now)
            case _:
                pass
        due = [name for name, watched in self._watched.items() if _due(watched) is not None]
        at = self._wall.text(now) if due else ""
        facts: list[Fact] = [
            DeviceChanged(at=at, device=name, state=self._watched[name].state)
            for name in due
            if now >= self._watched[name].since + HOLD_MS
        ]
        return Step(facts=facts)

    def apply(self, fact: Fact) -> None:
        """Fold. A device that the configuration no longer has is of no account."""
        if isinstance(fact, DeviceChanged) and fact.device in self._watched:
            self._watched[fact.device].told = fact.state

    def wake_at(self) -> Instant | None:
        """When a changed word will have stood long enough."""
        deadlines = [
            deadline for watched in self._watched.values() if (deadline := _due(watched)) is not None
        ]
        return min(deadlines, default=None)

    def state(self, name: str) -> DeviceState:
        """How a device is right now; ``name`` as in facts: ``modem NAME`` or ``fibre``."""
        return self._watched[name].heard

    def count_message(self, modem: str) -> None:
        """A binary SMS came; what is in it is for others (``kit.sms.inbox``)."""
        self._watched[_name(modem)].messages += 1

    def messages(self, modem: str) -> int:
        """How many binary SMS came in this life."""
        return self._watched[_name(modem)].messages

    def modem(self, modem: str) -> tuple[DeviceState, ModemReading | None, str | None, int]:
        """State, last reading, what is wrong in words, and how often it was reset in this life."""
        watched = self._watched[_name(modem)]
        reading = watched.reading if isinstance(watched.reading, ModemReading) else None
        return watched.heard, reading, watched.fault, watched.resets

    def fibre(self) -> tuple[DeviceState, FibreReading | None, str | None]:
        """State, last reading, what is wrong in words; only where there is a fibre line."""
        watched = self._watched[FIBRE]
        reading = watched.reading if isinstance(watched.reading, FibreReading) else None
        return watched.heard, reading, watched.fault

    def readiness(self) -> tuple[ReadinessItem, ...]:
        """For the check list of the morning. None of them keeps a branch from opening: an uplink that works does."""
        return tuple(
            ReadinessItem(
                name, ok=True, detail="ok" if watched.heard == "ok" else f"warning: {watched.heard}"
            )
            for name, watched in self._watched.items()
        )

    def _heard(self, watched: _Watched, heard: ModemEvent | FibreEvent, now: Instant) -> None:
        match heard:
            case ModemReading():
                watched.reading, watched.fault = heard, None
                state = modem_state(heard)
            case FibreReading():
                watched.reading, watched.fault = heard, heard.optical_fault
                state = fibre_state(heard)
            case ModemLost(reason=reason) | FibreLost(reason=reason):
                watched.reading, watched.fault = None, reason
                state = "unknown"
            case ModemReset():
                watched.resets += 1
                return
            case _:
                return  # messages are not about how the modem is
        if state != watched.state:
            watched.state, watched.since = state, now


def _name(modem: str) -> str:
    return f"modem {modem}"


def _due(watched: _Watched) -> Instant | None:
    return None if watched.state == watched.told else watched.since + HOLD_MS
