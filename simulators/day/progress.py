"""What a running day tells whoever watches: a live table, plain lines, or JSON."""

import json
import sys
import time
from collections.abc import Mapping
from typing import Any, Final, Protocol, TextIO


class Watcher(Protocol):
    """Somebody who watches a day. All calls come from one event loop."""

    def stage(self, text: str) -> None:
        """The day as a whole moved on."""

    def note(self, branch: str, text: str) -> None:
        """Something happened at one branch."""

    def fault(self, branch: str, text: str) -> None:
        """Somebody broke something."""

    def status(self, branch: str, status: Mapping[str, Any], votes: tuple[int, int]) -> None:
        """A branch's status, about twice a second, with ballots cast and expected."""

    def close(self) -> None:
        """The day is over."""


class PlainLog:
    """One line an event, for logs and pipes."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._start: Final = time.monotonic()
        self._phases: dict[str, str] = {}

    def stage(self, text: str) -> None:
        """A line."""
        self._line("==", text)

    def note(self, branch: str, text: str) -> None:
        """A line."""
        self._line(branch, text)

    def fault(self, branch: str, text: str) -> None:
        """A line."""
        self._line(branch, f"FAULT: {text}")

    def status(self, branch: str, status: Mapping[str, Any], votes: tuple[int, int]) -> None:
        """A line when the phase changed."""
        if self._phases.get(branch) == status["phase"]:
            return
        self._phases[branch] = status["phase"]
        usable = "+".join(status["uplinks"]["usable"]) or "none"
        counted = f"{votes[0]}/{votes[1]} ballots"
        power = status["power"]["state"]
        self._line(branch, f"{status['phase']} (uplinks: {usable}; power: {power}; {counted})")

    def close(self) -> None:
        """Nothing to tidy."""

    def _line(self, who: str, text: str) -> None:
        print(f"{time.monotonic() - self._start:6.1f} s  {who:<8} {text}", file=self._stream, flush=True)


class JsonLines:
    """One JSON object an event on standard output."""

    def __init__(self) -> None:
        self._start: Final = time.monotonic()

    def stage(self, text: str) -> None:
        """An object."""
        self._print({"event": "stage", "text": text})

    def note(self, branch: str, text: str) -> None:
        """An object."""
        self._print({"event": "note", "branch": branch, "text": text})

    def fault(self, branch: str, text: str) -> None:
        """An object."""
        self._print({"event": "fault", "branch": branch, "text": text})

    def status(self, branch: str, status: Mapping[str, Any], votes: tuple[int, int]) -> None:
        """Too much for a machine that waits for the end."""

    def close(self) -> None:
        """Nothing to tidy."""

    def _print(self, value: dict[str, object]) -> None:
        print(json.dumps({"seconds": round(time.monotonic() - self._start, 3), **value}), flush=True)
