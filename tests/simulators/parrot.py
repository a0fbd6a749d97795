"""The smallest device: repeats what it hears, and says ``TICK`` a while after it was told to."""

from collections.abc import Mapping, Sequence
from typing import Any

from simulators.stand.model import CommandError


class Parrot:
    """Implements simulators.stand.model.DeviceModel."""

    def __init__(self) -> None:
        self.due: int | None = None
        self.heard = 0

    def feed(self, data: bytes, now_ms: int) -> bytes:
        del now_ms
        self.heard += len(data)
        return data

    def tick(self, now_ms: int) -> bytes:
        if self.due is None or now_ms < self.due:
            return b""
        self.due = None
        return b"TICK\r"

    def wake_at(self) -> int | None:
        return self.due

    def command(self, words: Sequence[str], now_ms: int) -> str:
        match list(words):
            case ["say", "later"]:
                self.due = now_ms + 20
                return "will be said"
            case ["say", "now"]:
                self.due = now_ms
                return "said"
        raise CommandError(f"unknown: {' '.join(words)!r}; known: say now, say later")

    def state(self, now_ms: int) -> Mapping[str, Any]:
        del now_ms
        return {"heard": self.heard}

    @property
    def commands(self) -> Mapping[str, str]:
        return {"say now|later": "sends TICK"}
