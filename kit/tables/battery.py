"""What the configuration says of the UPS's battery, from its label: for our own reckoning of the run time."""

from typing import Annotated

from msgspec import Meta

from kit.power.endurance import RESERVE_S, Ratings
from kit.tables.devices import ConfigError, Section

Volts = Annotated[float, Meta(gt=0, le=1_000)]


class BatteryTable(Section, frozen=True):
    """All of it may be left out: then the slopes of voltage and charge alone tell, and lies are not found out.

    ``empty_v`` and ``full_v`` are under load, as the UPS tells them: of the whole battery, or of one cell. Without them
    it is taken for lead; a battery of lithium needs them.
    """

    capacity_wh: Annotated[float, Meta(ge=1, le=100_000)] | None = None
    """What the label promises: volts times ampere-hours."""
    rated_w: Annotated[float, Meta(ge=10, le=100_000)] | None = None
    """What the UPS can feed: it tells its load in percent of this."""
    empty_v: Volts | None = None
    full_v: Volts | None = None
    reserve_s: Annotated[float, Meta(ge=30, le=7_200)] = RESERVE_S
    """What must be left for closing, the tape and one delivery: below it the battery is low."""

    def ratings(self) -> Ratings:
        """For the estimate; raises ConfigError where the keys do not fit together."""
        if (self.capacity_wh is None) != (self.rated_w is None):
            raise ConfigError(
                "[battery] capacity_wh and rated_w tell something only together: give both, or none"
            )
        if self.full_v is not None and (self.empty_v is None or self.empty_v >= self.full_v):
            raise ConfigError("[battery] full_v needs an empty_v below it")
        return Ratings(self.capacity_wh, self.rated_w, self.empty_v, self.full_v, self.reserve_s)
