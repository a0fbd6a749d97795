"""A UPS that speaks Megatec/Q1, without input or output. Time is an argument: whole monotonic milliseconds.

Commands end in a carriage return. ``Q1`` is answered by ``(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7...b0`` and a
carriage return; anything else is echoed, which is how these devices refuse. Energy is kept in whole millijoules
(1 W for 1 ms is 1 mJ), so that a day in a million steps ends as a day in one.
"""

from dataclasses import dataclass
from typing import Final

from simulators.devices.noise import LineNoise

COMMAND_MAX: Final = 64  # bytes before a carriage return; more is thrown away
_WH: Final = 3_600_000  # millijoules in a watt-hour
_NOMINAL_V: Final = 230.0
_HERTZ: Final = 50.0
_CELLS: Final = 6  # of a 12 V lead battery
_FLOAT_V: Final = 2.27  # a cell on mains
_FULL_V: Final = 2.10  # a full cell under load
_EMPTY_V: Final = 1.67
_CELSIUS: Final = 25.0


@dataclass(frozen=True, slots=True)
class UpsRating:
    """What it says on the box. ``standby``: an offline UPS, which tells the battery's voltage and not a cell's."""

    capacity_wh: int = 84
    rated_w: int = 360
    charger_w: int = 12
    low_percent: int = 20
    standby: bool = False


@dataclass(slots=True)
class UpsFaults:
    """What is wrong with the UPS right now. ``mute``: hears, and its answers are lost. ``failed``: tells a fault."""

    mute: bool = False
    failed: bool = False


class UpsModel:
    """One UPS, fully charged and on mains at ``now_ms``, feeding ``load_w`` watts. ``noise`` spoils the line."""

    def __init__(
        self, rating: UpsRating | None = None, *, load_w: int, now_ms: int, noise_seed: int = 0
    ) -> None:
        self.rating: Final = rating or UpsRating()
        self.faults: Final = UpsFaults()
        self.noise: Final = LineNoise(noise_seed)
        self._capacity_mj: Final = self.rating.capacity_wh * _WH
        self._energy_mj = self._capacity_mj
        self._mains = True
        self._load_w = load_w
        self._at_ms = now_ms
        self._command = bytearray()

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the line and return what the UPS sends: nothing when its battery is empty and mains off."""
        if not self.output_on(now_ms):
            self._command.clear()
            return b""
        answers = bytearray()
        for byte in self.noise.spoil(data):
            if byte != ord("\r"):
                if len(self._command) < COMMAND_MAX:
                    self._command.append(byte)
                continue
            answers += self._status() if self._command == b"Q1" else self._command
            answers += b"\r"
            self._command.clear()
        return b"" if self.faults.mute else self.noise.spoil(bytes(answers))

    def set_mains(self, on: bool, now_ms: int) -> None:
        """Mains comes or goes."""
        self._advance(now_ms)
        self._mains = on

    def set_load(self, load_w: int, now_ms: int) -> None:
        """What hangs on the output draws ``load_w`` watts from now on."""
        self._advance(now_ms)
        self._load_w = load_w

    def set_charge(self, percent: int, now_ms: int) -> None:
        """Put the battery at ``percent`` (0 to 100): drills need not wait for hours."""
        self._advance(now_ms)
        self._energy_mj = self._capacity_mj * percent // 100

    def charge_percent(self, now_ms: int) -> float:
        """What is left in the battery, 0.0 to 100.0."""
        self._advance(now_ms)
        return 100.0 * self._energy_mj / self._capacity_mj

    def output_on(self, now_ms: int) -> bool:
        """Whether the output carries power: mains, or something left in the battery."""
        self._advance(now_ms)
        return self._mains or self._energy_mj > 0

    def empty_at_ms(self, now_ms: int) -> int | None:
        """When the output will fail if nothing changes; None on mains or without load."""
        self._advance(now_ms)
        if self._mains or self._load_w == 0:
            return None
        return now_ms + -(-self._energy_mj // self._load_w)

    def _advance(self, now_ms: int) -> None:
        """Bring the battery to ``now_ms``; a time before the last one changes nothing."""
        passed_ms = max(0, now_ms - self._at_ms)
        self._at_ms += passed_ms
        watts = self.rating.charger_w if self._mains else -self._load_w
        self._energy_mj = min(self._capacity_mj, max(0, self._energy_mj + watts * passed_ms))

    def _status(self) -> bytes:
        on_battery = not self._mains
        low = on_battery and self._energy_mj * 100 <= self._capacity_mj * self.rating.low_percent
        flags = (on_battery, low, False, self.faults.failed, self.rating.standby, False, False, on_battery)
        bits = "".join("1" if flag else "0" for flag in flags)
        load_percent = min(999, self._load_w * 100 // self.rating.rated_w)
        input_v = 0.0 if on_battery else _NOMINAL_V
        fault_v = 0.0 if on_battery else _NOMINAL_V
        return (
            f"({input_v:05.1f} {fault_v:05.1f} {_NOMINAL_V:05.1f} {load_percent:03d} {_HERTZ:04.1f} "
            f"{self._battery_text()} {_CELSIUS:04.1f} {bits}"
        ).encode("ascii")

    def _battery_text(self) -> str:
        cell_v = _FLOAT_V
        if not self._mains:
            cell_v = _EMPTY_V + (_FULL_V - _EMPTY_V) * self._energy_mj / self._capacity_mj
        return f"{cell_v * _CELLS:04.1f}" if self.rating.standby else f"{cell_v:04.2f}"
