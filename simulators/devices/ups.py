"""A UPS on a serial line, without input or output. Time is an argument: whole monotonic milliseconds.

Commands end in a carriage return. ``Q1`` (Voltronic: ``QS``) is answered by
``(MMM.M NNN.N PPP.P QQQ RR.R S.SS TT.T b7...b0`` and a carriage return; a command that the UPS does not know is echoed
(Voltronic: ``(NAK``), which is how these devices refuse.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from simulators.devices.noise import LineNoise
from simulators.devices.ups_dialects import MODELS, Dialect, UpsModelName
from simulators.devices.ups_power import NOMINAL_V, UpsPower, UpsRating
from simulators.devices.ups_script import COMMANDS, obey

__all__ = ["MODELS", "UpsFaults", "UpsModel", "UpsModelName", "UpsRating", "make_ups"]

COMMAND_MAX: Final = 64  # bytes before a carriage return; more is thrown away


@dataclass(slots=True)
class UpsFaults:
    """What is wrong with the line to the UPS right now. ``mute``: hears, and its answers are lost."""

    mute: bool = False


class UpsModel:
    """One UPS, fully charged and on mains at ``now_ms``, feeding ``load_w`` watts. ``noise`` spoils the line.

    Implements ``simulators.stand.model.DeviceModel``. ``name``: whose protocol it speaks; ``q1`` is the plainest, which
    knows its one question and nothing else.
    """

    def __init__(
        self,
        rating: UpsRating | None = None,
        *,
        load_w: int,
        now_ms: int,
        noise_seed: int = 0,
        name: UpsModelName = "q1",
    ) -> None:
        self.rating: Final = rating or UpsRating()
        self.faults: Final = UpsFaults()
        self.noise: Final = LineNoise(noise_seed)
        self._power: Final = UpsPower(self.rating, load_w=load_w, now_ms=now_ms)
        self._dialect: Final = Dialect(name)
        self._command = bytearray()

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """Take bytes from the line and return what the UPS sends: nothing when its battery is empty and mains off."""
        self._power.advance(now_ms)
        if not self._power.awake:
            self._command.clear()
            return b""
        answers = bytearray()
        for byte in self.noise.spoil(data):
            if byte != ord("\r"):
                if len(self._command) < COMMAND_MAX:
                    self._command.append(byte)
                continue
            command = bytes(self._command)
            self._command.clear()
            answer = self._dialect.answer(command, self._power)
            if answer or not command:
                answers += answer + b"\r"
        return b"" if self.faults.mute else self.noise.spoil(bytes(answers))

    def tick(self, now_ms: int) -> bytes:
        """Nothing: a UPS speaks only when it is asked."""
        self._power.advance(now_ms)
        return b""

    def wake_at(self) -> int | None:
        """None: whatever happens meanwhile is found out when somebody looks."""
        return None

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """Do what a script says; raises CommandError."""
        self._power.advance(now_ms)
        sentence = obey(words, self._power, self._dialect)
        self._power.advance(now_ms)
        return sentence

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """The truth, whatever the UPS claims."""
        power = self._power
        power.advance(now_ms)
        empty_at_ms = power.empty_at_ms()
        return {
            "model": self._dialect.name,
            "input_v": power.input_v,
            "output_v": round(power.output_v, 1),
            "output_on": power.output_on,
            "load_w": power.load_w,
            "charge_percent": round(100 * power.battery.share, 3),
            "battery_worn_percent": power.battery.worn_percent,
            "battery_lies": self._dialect.lies,
            "battery_low": power.low,
            "empty_in_ms": None if empty_at_ms is None else empty_at_ms - now_ms,
            "testing": power.test is not None,
            "shutdown_in_ms": None if power.off_at_ms is None else power.off_at_ms - now_ms,
            "switched_off": power.switched_off,
            "beeper_muted": self._dialect.muted_beeper,
            "failed": power.failed,
        }

    @property
    def commands(self) -> Mapping[str, str]:
        """What ``command`` knows."""
        return COMMANDS

    def set_mains(self, on: bool, now_ms: int) -> None:
        """Mains comes or goes."""
        self._power.advance(now_ms)
        self._power.input_v = NOMINAL_V if on else 0.0

    def set_load(self, load_w: int, now_ms: int) -> None:
        """What hangs on the output draws ``load_w`` watts from now on."""
        self._power.advance(now_ms)
        self._power.load_w = load_w

    def set_charge(self, percent: int, now_ms: int) -> None:
        """Put the battery at ``percent`` (0 to 100): drills need not wait for hours."""
        self._power.advance(now_ms)
        self._power.battery.put(percent)

    def charge_percent(self, now_ms: int) -> float:
        """What is left in the battery, 0.0 to 100.0."""
        self._power.advance(now_ms)
        return 100.0 * self._power.battery.share

    def output_on(self, now_ms: int) -> bool:
        """Whether the output carries power: mains, or something left in the battery, and not switched off."""
        self._power.advance(now_ms)
        return self._power.output_on

    def empty_at_ms(self, now_ms: int) -> int | None:
        """When the output will fail if nothing changes; None on mains or without load."""
        self._power.advance(now_ms)
        return self._power.empty_at_ms()


def make_ups(
    model: UpsModelName,
    *,
    now_ms: int,
    load_w: int = 60,
    capacity_wh: int = 84,
    rated_w: int = 360,
    standby: bool = True,
    noise_seed: int = 0,
) -> UpsModel:
    """A UPS for a stand: one of MODELS, fully charged and on mains.

    Args:
        model: whose protocol it speaks.
        now_ms: the monotonic clock of the stand.
        load_w: what hangs on the output.
        capacity_wh: of the battery.
        rated_w: the most that the output carries; loads are told in percent of it.
        standby: an offline UPS, which tells the battery's voltage; else an online one, which tells a cell's.
        noise_seed: of the line's noise.
    """
    rating = UpsRating(capacity_wh=capacity_wh, rated_w=rated_w, standby=standby)
    return UpsModel(rating, load_w=load_w, now_ms=now_ms, noise_seed=noise_seed, name=model)
