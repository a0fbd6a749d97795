"""Power: what the UPS says and what we reckon from it, made into one of four states. Silence is never fine."""

from typing import Final

from drivers.ports import UpsCommandEnded, UpsReading
from failover.events import Instant
from kit.core import Step
from kit.events import Booted, Event, UpsHeard
from kit.facts import Fact, PowerChanged, PowerState
from kit.power.endurance import SILENT, Endurance, EnduranceEstimator, Ratings
from kit.wall import Wall

TABLE: Final[dict[PowerState, tuple[PowerState, ...]]] = {
    "unknown": ("mains", "battery", "low"),
    "mains": ("battery", "low", "unknown"),
    "battery": ("mains", "low", "unknown"),
    "low": ("mains", "battery", "unknown"),
}
"""From which state a reading may lead to which other: all of them, since a UPS may say anything at any time."""


def state_of(reading: UpsReading, *, reckoned_low: bool = False) -> PowerState:
    """Low battery counts only on battery: a battery that charges after an outage is low too, and no danger.

    A UPS that is about to switch off (FSD) is low whatever it runs on. ``reckoned_low``: we reckon that what is left is
    needed for the way to a safe state, whatever the UPS says.
    """
    if "FSD" in reading.flags:
        return "low"
    if not reading.on_battery:
        return "mains"
    return "low" if reading.battery_low or reckoned_low else "battery"


class Power:
    """Core of the power wing. Durable: the last state; volatile: the last reading, and what we reckon."""

    def __init__(self, ratings: Ratings | None = None) -> None:
        self.state: PowerState = "unknown"
        self.reading: UpsReading | None = None
        self.endurance: Endurance = SILENT
        self._estimator = EnduranceEstimator(ratings)
        self._wall = Wall()

    @property
    def heard(self) -> PowerState:
        """The state for people. That there was mains before a restart is no reason to call it fine."""
        return "unknown" if self.reading is None and self.state == "mains" else self.state

    def handle(self, event: Event, now: Instant) -> Step:
        """A changed state is a fact; a reading alone is not (and would tell how busy the terminal is)."""
        if isinstance(event, Booted):
            self._wall.set(event.wall_ms, now)
        if not isinstance(event, UpsHeard) or isinstance(event.event, UpsCommandEnded):
            return Step()
        heard = event.event
        state: PowerState = "unknown"
        if isinstance(heard, UpsReading):
            self.reading = heard
            self.endurance = self._estimator.heard(heard, now)
            state = state_of(heard, reckoned_low=self.endurance.low)
        else:
            self.reading, self.endurance = None, SILENT
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
