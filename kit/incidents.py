"""What was recorded as an incident in this life: each thing once, and not without end."""

from collections.abc import Iterable
from typing import Final

from kit.core import Step
from kit.facts import IncidentRecorded

INCIDENTS_MAX: Final = (
    20  # of one code in one life: neither a flapping line nor a hostile centre may fill the flash
)
DETAIL_MAX: Final = 500  # characters (kit.facts.Text)


class Incidents:
    """Volatile: after a restart the same thing may be recorded again."""

    def __init__(self) -> None:
        self._recorded: dict[str, set[str]] = {}

    def record(self, code: str, detail: str, at: str) -> list[IncidentRecorded]:
        """The fact to be journaled; none if it is known, or if there were too many of its code."""
        detail = detail.encode("utf-8", "replace").decode()[
            :DETAIL_MAX
        ]  # no fact holds half a Unicode character
        details = self._recorded.setdefault(code, set())
        if detail in details or len(details) >= INCIDENTS_MAX:
            return []
        details.add(detail)
        return [IncidentRecorded(at=at, code=code, detail=detail)]

    def step(self, troubles: Iterable[tuple[str, str]], at: str) -> Step:
        """The facts of several, each a code and a sentence."""
        return Step(facts=[fact for code, detail in troubles for fact in self.record(code, detail, at)])
