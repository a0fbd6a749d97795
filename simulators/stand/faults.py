"""Faults that any line can have, whatever device is at its end: it falls silent, or spoils bytes."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from simulators.devices.noise import LineNoise
from simulators.stand.model import CommandError, DeviceModel

_COMMANDS: Final = {
    "mute": "the device hears and acts, and its answers are lost",
    "deaf": "the device hears nothing",
    "heard": "ends mute and deaf",
    "garble N %": "each byte is spoilt with this chance, in both directions (0 to 100; 0 ends it)",
}


class FaultyLine:
    """Wraps a model: ``mute``, ``deaf``, ``heard``, ``garble N %``; other commands go through. Itself a DeviceModel."""

    def __init__(self, model: DeviceModel, *, seed: int = 0) -> None:
        self._model: Final = model
        self._noise: Final = LineNoise(seed)
        self._mute = self._deaf = False

    def feed(self, data: bytes, now_ms: int) -> bytes:
        """As the model, with the faults of the line."""
        return b"" if self._deaf else self._sent(self._model.feed(self._noise.spoil(data), now_ms))

    def tick(self, now_ms: int) -> bytes:
        """As the model, with the faults of the line."""
        return self._sent(self._model.tick(now_ms))

    def wake_at(self) -> int | None:
        """As the model."""
        return self._model.wake_at()

    def command(self, words: Sequence[str], now_ms: int) -> str:
        """The line's own commands, else the model's; raises CommandError."""
        match list(words):
            case ["mute"]:
                self._mute = True
                return "answers are lost from now on"
            case ["deaf"]:
                self._deaf = True
                return "nothing is heard from now on"
            case ["heard"]:
                self._mute = self._deaf = False
                return "the line carries everything again"
            case ["garble", percent] | ["garble", percent, "%"]:
                self._noise.chance = _percent(percent.removesuffix("%")) / 100
                return f"{100 * self._noise.chance:g} % of all bytes are spoilt"
            case _:
                return self._model.command(words, now_ms)

    def state(self, now_ms: int) -> Mapping[str, Any]:
        """The model's, and the line's."""
        line = {"mute": self._mute, "deaf": self._deaf, "garble_percent": 100 * self._noise.chance}
        return {**self._model.state(now_ms), "line": line}

    @property
    def commands(self) -> Mapping[str, str]:
        """The model's, and the line's."""
        return {**self._model.commands, **_COMMANDS}

    def _sent(self, data: bytes) -> bytes:
        return b"" if self._mute else self._noise.spoil(data)


def _percent(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 100:  # noqa: PLR2004 - percent
        raise CommandError(f"garble {text!r}: a number from 0 to 100 is needed, as in: garble 5 %")
    return value
