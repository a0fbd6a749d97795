"""What went over a simulated device's line, and what was done to the device: JSON Lines, one event a line."""

import json
from typing import Final, Literal, TextIO

Direction = Literal["to-device", "from-device", "command", "said", "line"]
"""Bytes to and from the device; a script's command and the answer to it; what became of the line itself."""


class Transcript:
    """Writes events as they happen. ``None`` writes nowhere.

    Each line is an object: ``at_ms`` (milliseconds since the stand was started), ``what`` (a Direction); for bytes
    ``hex`` and ``text`` (ASCII, anything else as escapes); for the rest ``text``.
    """

    def __init__(self, out: TextIO | None) -> None:
        self._out: Final = out

    def moved(self, what: Direction, data: bytes, at_ms: int) -> None:
        """Bytes went over the line; none are no event."""
        if data:
            text = data.decode("ascii", errors="backslashreplace")
            self._write({"at_ms": at_ms, "what": what, "hex": data.hex(), "text": text})

    def noted(self, what: Direction, text: str, at_ms: int) -> None:
        """Something else happened."""
        self._write({"at_ms": at_ms, "what": what, "text": text})

    def _write(self, event: dict[str, object]) -> None:
        if self._out is not None:
            self._out.write(json.dumps(event, ensure_ascii=False) + "\n")
            self._out.flush()
