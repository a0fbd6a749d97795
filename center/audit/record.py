"""What an audit writes down while it goes: what is wrong, what it checked, and what it could not."""

from collections.abc import Callable
from dataclasses import dataclass, field

from center.audit.types import Remark

Progress = Callable[[str, int, int], None]
"""Called with what is being checked, how many are done, and of how many."""


@dataclass(slots=True)
class AuditRecord:
    """The record of one audit: every part of it writes here, in the order in which things are met."""

    progress: Progress | None = None
    faults: list[Remark] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)
    """How many of what were recomputed and agreed."""
    unchecked: list[str] = field(default_factory=list)
    """Sentences; the same one may be here twice."""

    def fault(self, file: str, problem: str) -> None:
        """The file is not what was signed, or contradicts another."""
        self.faults.append(Remark(file=printable(file), problem=printable(problem)))

    def remark(self, file: str, problem: str) -> None:
        """Nothing is wrong with the file, but something is absent, late or not witnessed."""
        self.remarks.append(Remark(file=printable(file), problem=printable(problem)))

    def show(self, what: str, done: int, total: int) -> None:
        """Tell whoever waits how far the audit is."""
        if self.progress is not None:
            self.progress(what, done, total)


def printable(text: str) -> str:
    """What a stranger wrote, made harmless for a terminal: no control characters, no broken names of files."""
    return "".join(char if char.isprintable() else ascii(char)[1:-1] for char in text)
