"""How long the battery lasts, as we reckon it: UPSes lie. Sans-I/O: readings and monotonic time in, an estimate out.

Three reckonings, of which the most pessimistic counts: the nominal capacity, less a safety factor, at the present load;
the slope at which charge and voltage really fall; and the UPS's own claim, which is only ever an upper bound.
"""

from collections import deque
from dataclasses import dataclass
from statistics import median
from typing import Final, NamedTuple

from drivers.ports import UpsReading
from failover.events import Instant
from kit.power.discharge import Fall

RESERVE_S: Final = 300.0  # for closing, the tape and one delivery
CLEAR_FACTOR: Final = 1.5  # of the reserve: a battery that was low must last so long to be no longer low
SAFETY: Final = 0.7  # of the nominal capacity is counted on: batteries age, and inverters get warm
SAFETY_LYING: Final = 0.4  # where the UPS was found out: the battery is as old as its claims are false
RECHARGE_S: Final = 36_000.0  # from empty to full
SETTLE_MS: Final = 15_000  # after the mains fail the voltage drops at once: that is no slope
LOADS_MAX: Final = 3  # readings of the load that are smoothed together
GAPS_MAX: Final = 3  # the shortest of so many gaps between readings is the pace of the polls
LOAD_MIN_PERCENT: Final = 1.0  # UPSes round a small load to none
CELL_EMPTY_V: Final = 1.77  # of a lead cell under load; UPSes switch off between 1.60 and 1.75
CELL_FLOAT_V: Final = 2.25  # of a lead cell on mains
CELL_LOADED_V: Final = 2.07  # of one that is fairly full, on battery
CELL_TOLD_MAX_V: Final = 3.0  # below, the UPS tells the voltage of one cell and not of the battery
BLOCK_CELLS: Final = 6  # lead batteries come in blocks of so many cells
LIE_EXPECTED_SHARE: Final = 0.3  # of the capacity must be used before a claim can be false
LIE_FACTOR: Final = 3.0  # between what is used and what the UPS admits
LIE_VOLTAGE_SHARE: Final = 0.5  # of the way to empty, while the charge is said to be full
FULL_PERCENT: Final = 95.0


@dataclass(frozen=True, slots=True)
class Ratings:
    """What is known of the UPS and its battery; None: nothing. ``reserve_s``: what must be left when it counts as low.

    ``battery_empty_v`` and ``battery_full_v`` are as the UPS tells them under load: of the battery, or of one cell.
    """

    battery_wh: float | None = None
    rated_w: float | None = None
    battery_empty_v: float | None = None
    battery_full_v: float | None = None
    reserve_s: float = RESERVE_S


@dataclass(frozen=True, slots=True)
class Endurance:
    """``runtime_s``: on the battery at the present load; None: not known, and ``why`` says why.

    ``low``: what is left is needed for the way to a safe state. ``lies``: the UPS claims what cannot be.
    """

    runtime_s: float | None
    low: bool
    lies: bool
    why: str


class _Bound(NamedTuple):
    runtime_s: float
    why: str


UNKNOWN: Final = (
    "not known yet: the battery has not fallen measurably, and [battery] does not say capacity_wh and rated_w"
)
SILENT: Final = Endurance(None, low=False, lies=False, why="the UPS is silent")


class EnduranceEstimator:
    """Watches one UPS. Memory is bounded; nothing is kept over a restart, after which a battery counts as full."""

    def __init__(self, ratings: Ratings | None = None) -> None:
        self._ratings: Final = ratings or Ratings()
        self._voltage: Final = Fall()
        self._charge: Final = Fall()
        self._loads: deque[float] = deque(maxlen=LOADS_MAX)
        self._last: UpsReading | None = None
        self._last_at: Instant = 0
        self._gaps: deque[float] = deque(maxlen=GAPS_MAX)
        self._battery_since: Instant | None = None
        self._use = 0.0  # load-seconds of this discharge
        self._spent_wh = 0.0  # in this discharge
        self._gone_wh = 0.0  # missing from a full battery, at the nominal loads
        self._start_charge: float | None = None
        self._floor_v = self._ratings.battery_empty_v
        self._lies = False
        self._low = False

    def heard(self, reading: UpsReading, now: Instant) -> Endurance:
        """Take one reading at ``now`` (monotonic ms, never falling) and return the estimate."""
        self._account(reading, now)
        if not reading.on_battery:
            return self._on_mains(reading)
        if self._battery_since is None:
            self._battery_since = now
            self._start_charge = reading.battery_charge_percent
        self._watch(reading, now - self._battery_since)
        self._find_lies(reading)
        bounds = self._bounds(reading)
        bound = min(bounds, default=None)
        runtime_s = None if bound is None else bound.runtime_s
        self._judge(reading, runtime_s)
        why = UNKNOWN if bound is None else bound.why
        if self._lies:
            why += "; the UPS claims more than can be"
        if reading.battery_low or "FSD" in reading.flags:
            why = f"the UPS says so; {why}"
        return Endurance(runtime_s, self._low, self._lies, why)

    def _account(self, reading: UpsReading, now: Instant) -> None:
        """Count what was used since the last reading; where in between the mains failed is not known: all of it."""
        last, last_at, self._last, self._last_at = self._last, self._last_at, reading, now
        if reading.load_percent is not None:
            self._loads.append(max(LOAD_MIN_PERCENT, reading.load_percent))
        if last is None:
            return
        gap_s = (now - last_at) / 1000
        self._gaps.append(gap_s)
        if last.on_battery or reading.on_battery:
            self._use += self._load() * gap_s
            watts = self._watts()
            if watts is not None:
                self._spent_wh += watts * gap_s / 3600
                self._gone_wh += watts * gap_s / 3600
        elif self._ratings.battery_wh is not None:
            self._gone_wh = max(0.0, self._gone_wh - self._ratings.battery_wh * gap_s / RECHARGE_S)

    def _on_mains(self, reading: UpsReading) -> Endurance:
        self._voltage.rest()
        self._charge.rest()
        self._battery_since, self._use, self._spent_wh = None, 0.0, 0.0
        if self._ratings.battery_empty_v is None and reading.battery_voltage_v:
            self._floor_v = CELL_EMPTY_V * _cells(reading.battery_voltage_v, CELL_FLOAT_V)
        self._low = "FSD" in reading.flags
        bound = self._from_capacity(reading)
        if self._low:
            return Endurance(None, low=True, lies=self._lies, why="the UPS is about to switch off")
        if bound is None:
            return Endurance(None, low=False, lies=self._lies, why="on mains")
        return Endurance(bound.runtime_s, low=False, lies=self._lies, why=f"on mains; {bound.why}")

    def _watch(self, reading: UpsReading, on_battery_ms: int) -> None:
        if self._floor_v is None and reading.battery_voltage_v:  # born in an outage
            self._floor_v = CELL_EMPTY_V * _cells(reading.battery_voltage_v, CELL_LOADED_V)
        if on_battery_ms < SETTLE_MS:
            return
        if reading.battery_voltage_v is not None and self._floor_v is not None:
            self._voltage.fed(reading.battery_voltage_v, self._use, self._floor_v)
        if reading.battery_charge_percent is not None:
            self._charge.fed(reading.battery_charge_percent, self._use, 0.0)

    def _find_lies(self, reading: UpsReading) -> None:
        """A claim is false for good once it is a third of what was used, or says full over a voltage that is not."""
        charge = reading.battery_charge_percent
        voltage_share = None if self._floor_v is None else self._voltage.used_share(self._floor_v)
        if charge is not None and charge >= FULL_PERCENT and (voltage_share or 0.0) >= LIE_VOLTAGE_SHARE:
            self._lies = True
        if self._ratings.battery_wh is None or not self._loads:
            return
        used_share = self._spent_wh / self._ratings.battery_wh
        if used_share < LIE_EXPECTED_SHARE:
            return
        admitted = voltage_share
        if charge is not None and self._start_charge is not None:
            admitted = (self._start_charge - charge) / 100
        if admitted is not None and admitted * LIE_FACTOR < used_share:
            self._lies = True

    def _bounds(self, reading: UpsReading) -> list[_Bound]:
        bounds = [self._from_capacity(reading)]
        for what, fall, empty in (
            ("voltage", self._voltage, self._floor_v),
            ("charge", self._charge, 0.0),
        ):
            left = None if empty is None else fall.use_left(self._use, empty)
            if left is not None:
                bounds.append(_Bound(left / self._load(), f"the battery's {what} falls so fast"))
        if reading.battery_runtime_s is not None:
            bounds.append(_Bound(reading.battery_runtime_s, "the UPS itself says no more"))
        return [bound for bound in bounds if bound is not None]

    def _from_capacity(self, reading: UpsReading) -> _Bound | None:
        watts = self._watts()
        if self._ratings.battery_wh is None or watts is None:
            return None
        safety = SAFETY_LYING if self._lies else SAFETY
        left_wh = max(0.0, safety * self._ratings.battery_wh - self._gone_wh)
        for share in (self._charge_share(reading), self._voltage_share(reading)):
            if share is not None:
                left_wh = min(left_wh, safety * self._ratings.battery_wh * share)
        return _Bound(
            left_wh * 3600 / watts, f"{safety:.0%} of the battery's {self._ratings.battery_wh:g} Wh"
        )

    def _charge_share(self, reading: UpsReading) -> float | None:
        percent = reading.battery_charge_percent
        return None if percent is None else percent / 100

    def _voltage_share(self, reading: UpsReading) -> float | None:
        """How full the battery is by its voltage under load, where both ends are configured."""
        full, empty, volts = (
            self._ratings.battery_full_v,
            self._ratings.battery_empty_v,
            reading.battery_voltage_v,
        )
        if full is None or empty is None or volts is None or not reading.on_battery:
            return None
        return min(1.0, max(0.0, (volts - empty) / (full - empty)))

    def _judge(self, reading: UpsReading, runtime_s: float | None) -> None:
        """Low at once, no longer low only with room to spare. The next reading comes a poll later."""
        reserve_s = self._ratings.reserve_s + min(self._gaps, default=0.0)
        if reading.battery_low or "FSD" in reading.flags:
            self._low = True
        elif runtime_s is None:
            self._low = False
        elif runtime_s <= reserve_s:
            self._low = True
        elif runtime_s > CLEAR_FACTOR * reserve_s:
            self._low = False

    def _load(self) -> float:
        """Percent; 100 where the UPS does not tell."""
        return float(median(self._loads)) if self._loads else 100.0

    def _watts(self) -> float | None:
        return None if self._ratings.rated_w is None else self._ratings.rated_w * self._load() / 100


def _cells(battery_v: float, cell_v: float) -> int:
    """How many lead cells in series a voltage is of, where one has about ``cell_v``."""
    if battery_v < CELL_TOLD_MAX_V:
        return 1
    return max(1, round(battery_v / (BLOCK_CELLS * cell_v))) * BLOCK_CELLS
