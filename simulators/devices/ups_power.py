"""What goes on inside a simulated UPS: mains, battery, output, self-test, shutdown. No protocol, no clock.

Energy is kept in whole millijoules (1 W for 1 ms is 1 mJ), so that a day in a million steps ends as a day in one.
"""

from dataclasses import dataclass
from typing import Final

NOMINAL_V: Final = 230.0
LINE_MIN_V: Final = 160.0  # below, the UPS calls it no mains
LINE_MAX_V: Final = 290.0
BOOST_BELOW_V: Final = 207.0
TRIM_ABOVE_V: Final = 253.0
BOOST: Final = 1.15  # output over input
TRIM: Final = 0.87
REBOOT_MS: Final = 2_000  # the UPS's own logic starts anew; the output is not touched
_WH: Final = 3_600_000  # millijoules in a watt-hour


@dataclass(frozen=True, slots=True)
class UpsRating:
    """What it says on the box. ``standby``: an offline UPS, which tells the battery's voltage and not a cell's."""

    capacity_wh: int = 84
    rated_w: int = 360
    charger_w: int = 12
    low_percent: int = 20
    standby: bool = False


@dataclass(frozen=True, slots=True)
class BatteryTest:
    """A self-test on the battery: until an instant (None: for ever) or until so much energy is left."""

    until_ms: int | None
    floor_mj: int


class Battery:
    """Energy that comes and goes. ``worn_percent``: what is left of the capacity that the box promises."""

    def __init__(self, capacity_wh: int) -> None:
        self._nominal_mj: Final = capacity_wh * _WH
        self.worn_percent = 100
        self.energy_mj = self._nominal_mj

    @property
    def capacity_mj(self) -> int:
        """What fits in now."""
        return self._nominal_mj * self.worn_percent // 100

    @property
    def share(self) -> float:
        """How full it is, 0.0 to 1.0."""
        return self.energy_mj / self.capacity_mj if self.capacity_mj else 0.0

    def wear(self, percent: int) -> None:
        """Let ``percent`` of the promised capacity be left; the battery is as full as before."""
        energy_mj, old_mj = self.energy_mj, self.capacity_mj
        self.worn_percent = percent
        self.energy_mj = energy_mj * self.capacity_mj // old_mj if old_mj else 0

    def put(self, percent: int) -> None:
        """Fill it to ``percent`` of what fits in now."""
        self.energy_mj = self.capacity_mj * percent // 100

    def flow(self, watts: int, ms: int) -> None:
        """Charge it, or with fewer than 0 watts discharge it."""
        self.energy_mj = min(self.capacity_mj, max(0, self.energy_mj + watts * ms))


class UpsPower:
    """The truth about one UPS, fully charged and on mains at ``now_ms``. Every method brings it to its ``now_ms``."""

    def __init__(self, rating: UpsRating, *, load_w: int, now_ms: int) -> None:
        self.rating: Final = rating
        self.battery: Final = Battery(rating.capacity_wh)
        self.input_v = NOMINAL_V
        self.load_w = load_w
        self.failed = False
        """The UPS tells a fault: a script said so, or the battery gave out in a test."""
        self.switched_off = False
        self.off_at_ms: int | None = None
        self.on_at_ms: int | None = None
        """Not on again before, once off; None: stays off until it is told."""
        self.returns = False
        self.rest_ms = 0
        self.test: BatteryTest | None = None
        self.silent_until_ms = now_ms
        self._at_ms = now_ms

    @property
    def on_line(self) -> bool:
        """Whether the mains are good enough."""
        return LINE_MIN_V <= self.input_v <= LINE_MAX_V

    @property
    def output_on(self) -> bool:
        """Whether the output carries power."""
        return not self.switched_off and (self.on_line or self.battery.energy_mj > 0)

    @property
    def awake(self) -> bool:
        """Whether the logic has power and is not just starting."""
        return (self.on_line or self.output_on) and self._at_ms >= self.silent_until_ms

    @property
    def low(self) -> bool:
        """Whether an honest UPS says that the battery is low."""
        return self.battery.energy_mj * 100 <= self.battery.capacity_mj * self.rating.low_percent

    @property
    def regulating(self) -> bool:
        """Whether the output is boosted or trimmed."""
        return self.on_line and not BOOST_BELOW_V <= self.input_v <= TRIM_ABOVE_V

    @property
    def output_v(self) -> float:
        """At the output, where it is on."""
        if not self.output_on:
            return 0.0
        if not self.on_line:
            return NOMINAL_V
        if self.input_v < BOOST_BELOW_V:
            return self.input_v * BOOST
        return self.input_v * TRIM if self.input_v > TRIM_ABOVE_V else self.input_v

    def advance(self, now_ms: int) -> None:
        """Live until ``now_ms``; a time before the last one changes nothing."""
        self._act()
        while self._at_ms < now_ms:
            until_ms = min([now_ms, *(due for due in self._due() if due > self._at_ms)])
            self.battery.flow(self._watts(), until_ms - self._at_ms)
            self._at_ms = until_ms
            self._act()

    def start_test(self, ms: int | None) -> None:
        """Run on the battery for so long, or until it is low."""
        if self.on_line and not self.switched_off:
            floor_mj = self.battery.capacity_mj * self.rating.low_percent // 100 if ms is None else 0
            self.test = BatteryTest(None if ms is None else self._at_ms + ms, floor_mj)

    def shut_down(self, delay_ms: int, rest_ms: int | None) -> None:
        """Switch the output off after a while, and on again after ``rest_ms`` with mains; None: not by itself."""
        self.off_at_ms = self._at_ms + delay_ms
        self.returns, self.rest_ms = rest_ms is not None, rest_ms or 0
        self._act()

    def cancel(self) -> None:
        """No shutdown, and where the output is off, on."""
        self.off_at_ms = None
        if self.switched_off and self.on_line:
            self.switched_off, self.on_at_ms = False, None

    def reboot(self) -> None:
        """The logic starts anew: tests and shutdowns are forgotten."""
        self.test = self.off_at_ms = None
        self.silent_until_ms = self._at_ms + REBOOT_MS

    def empty_at_ms(self) -> int | None:
        """When the output will fail if nothing changes; None on mains or without load."""
        if self.on_line or self.switched_off or self.load_w == 0:
            return None
        return self._at_ms + -(-self.battery.energy_mj // self.load_w)

    def _watts(self) -> int:
        """Into the battery."""
        if self.switched_off:
            return self.rating.charger_w if self.on_line else 0
        return self.rating.charger_w if self.on_line and self.test is None else -self.load_w

    def _due(self) -> list[int]:
        """When something happens by itself; instants that passed may be among them."""
        due = [at for at in (self.off_at_ms, self.on_at_ms if self.switched_off else None) if at is not None]
        if self.test is not None:
            if self.test.until_ms is not None:
                due.append(self.test.until_ms)
            if self.load_w:
                due.append(self._at_ms + -(-(self.battery.energy_mj - self.test.floor_mj) // self.load_w))
        return due

    def _act(self) -> None:
        """Do what is due now."""
        test = self.test
        if test is not None:
            exhausted = self.battery.energy_mj <= test.floor_mj
            if exhausted and test.until_ms is not None and self.on_line:
                self.failed = True
            if not self.on_line or exhausted or (test.until_ms is not None and self._at_ms >= test.until_ms):
                self.test = None
        if not (self.on_line or self.output_on):
            self.off_at_ms = None  # the logic lost its power
        if self.off_at_ms is not None and self._at_ms >= self.off_at_ms:
            self.off_at_ms, self.test, self.switched_off = None, None, True
            self.on_at_ms = self._at_ms + self.rest_ms if self.returns else None
        if self.switched_off and self.on_line and self.on_at_ms is not None and self._at_ms >= self.on_at_ms:
            self.switched_off, self.on_at_ms = False, None
