"""The live view: one row a branch, what was broken, what happens now. For terminals; needs rich."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

EVENTS_SHOWN: Final = 8
_PHASE_STYLE: Final = {"open": "green", "sealed": "yellow", "sending": "yellow", "delivered": "bold green"}
_POWER: Final = {
    "mains": "[green]mains[/]",
    "battery": "[yellow]battery[/]",
    "low": "[red]battery low[/]",
    "unknown": "[red]unknown[/]",
}


@dataclass(slots=True)
class Row:
    """What is shown of one branch."""

    status: Mapping[str, Any]
    votes: tuple[int, int]


class LiveView:
    """simulators.day.progress.Watcher on a terminal."""

    def __init__(self, console: Console, branches: int) -> None:
        self._start: Final = time.monotonic()
        self._branches = branches
        self._rows: dict[str, Row] = {}
        self._events: deque[Text] = deque(maxlen=EVENTS_SHOWN)
        self._stage = "starting"
        # The table alone on the screen while it runs; what is left at the end is the verdict.
        self._live = Live(console=console, get_renderable=self._render, refresh_per_second=4, transient=True)
        self._live.start()

    def stage(self, text: str) -> None:
        """The headline."""
        self._stage = text
        self._event(Text(text, style="bold"))

    def note(self, branch: str, text: str) -> None:
        """An event line."""
        self._event(Text(f"{branch}: {text}"))

    def fault(self, branch: str, text: str) -> None:
        """An event line in red."""
        self._event(Text(f"{branch}: {text}", style="red"))

    def status(self, branch: str, status: Mapping[str, Any], votes: tuple[int, int]) -> None:
        """A row."""
        self._rows[branch] = Row(status, votes)

    def close(self) -> None:
        """Leave the screen to the verdict."""
        self._live.stop()

    def _event(self, text: Text) -> None:
        seconds = f"{time.monotonic() - self._start:5.1f} s  "
        self._events.append(Text(seconds, style="dim").append_text(text))

    def _render(self) -> Group:
        table = Table(expand=True, title=f"{self._stage}  [{time.monotonic() - self._start:.0f} s]")
        for heading in ("station", "phase", "ballots", "power", "uplinks (* in use)", "receipts"):
            table.add_column(heading, no_wrap=True)
        for branch, row in sorted(self._rows.items())[: max(1, 40)]:
            table.add_row(branch, *self._cells(row))
        if not self._rows:
            table.add_row(f"{self._branches} to come", "", "", "", "", "")
        return Group(table, Panel(Group(*self._events), title="events"))

    def _cells(self, row: Row) -> tuple[Any, ...]:
        status, (done, all_) = row.status, row.votes
        phase = str(status["phase"])
        bar = Table.grid(padding=(0, 1))
        bar.add_row(ProgressBar(total=max(1, all_), completed=done, width=16), f"{done}/{all_}")
        preferred = status["uplinks"]["preferred"]
        links = "  ".join(
            f"[{'green' if name in status['uplinks']['usable'] else 'red'}]{name}"
            f"{'*' if name == preferred else ''}[/] {state}"
            for name, state in status["uplinks"]["states"].items()
        )
        waiting, delivered = len(status["outbox"]["waiting"]), len(status["outbox"]["delivered"])
        over = "+".join(sorted({fact["uplink"] for fact in status["outbox"]["receipts"].values()}))
        receipts = (
            f"{delivered} of {waiting + delivered}{f' over {over}' if over else ''}"
            if waiting + delivered
            else ""
        )
        return (
            Text(phase, style=_PHASE_STYLE.get(phase, "")),
            bar,
            _POWER[status["power"]["state"]],
            links,
            receipts,
        )
