"""Power: what the UPS says, made into one of four states. Silence is *unknown*, never fine."""

from typing import Final

from drivers.ports import UpsReading
from failover.events import Instant
from kit.core import Step
from kit.events import Booted, Event, UpsHeard
from kit.facts import Fact, PowerChanged, PowerState
from kit.wall import Wall

TABLE: Final[dict[PowerState, tuple[PowerState, ...]]] = {
    "unknown": ("mains", "battery", "low"),
    "mains": ("battery", "low", "unknown"),
    "battery": ("mains", "low", "unknown"),
    "low": ("mains", "battery", "unknown"),
}
"""From which state a reading may lead to which other: all of them, since a UPS may say anything at any time."""


def state_of(reading: UpsReading) -> PowerState:
    """Low battery counts only on battery: a battery that charges after an outage is low too, and no danger."""
    if not reading.on_battery:
        return "mains"
    return "low" if reading.battery_low else "battery"


class Power:
    """Core of the power wing. Durable: the last state; volatile: the last reading."""

    def __init__(self) -> None:
        self.state: PowerState = "unknown"
        self.reading: UpsReading | None = None
        self._wall = Wall()

    def handle(self, event: Event, now: Instant) -> Step:
        """A changed state is a fact; a reading alone is not (and would tell how busy the terminal is)."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
        if not isinstance(event, UpsHeard):
            return Step()
        heard = event.event
        self.reading = heard if isinstance(heard, UpsReading) else None
        state: PowerState = state_of(heard) if isinstance(heard, UpsReading) else "unknown"
        if state == self.state:
            return Step()
        return Step(facts=[PowerChanged(at=self._wall.text(now), state=state)])

    def apply(self, fact: Fact) -> None:
        """Fold."""
        if isinstance(fact, PowerChanged):
            self.state = fact.state

    def wake_at(self) -> Instant | None:
        """Power has no deadlines of its own: the driver reports silence."""
        return None
