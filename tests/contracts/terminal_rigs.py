"""Voting terminals that the kit's driver can be put before: over an in-memory line on virtual time, and over a pty.

Another far end is another subclass of ``TerminalRig``; the suite runs on whatever ``RIGS`` names.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final, TypeVar

from drivers.ports import OpenStream, TerminalAction, TerminalDone, TerminalEvent, TerminalRefused, TerminalUp
from drivers.terminal.driver import SerialTerminal
from drivers.uart import uart
from simulators.devices.pipe import PipeLine
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import TerminalSetup
from simulators.stand.lines import LinkedPty
from simulators.virtual.loop import VirtualLoop
from tests.crypto.election_fixture import make_election
from tests.simulators.terminal_asker import TRUTH

ELECTION: Final = make_election(branches=1, terminals_per_branch=2)
OURS, OTHER = "terminal-1-1", "terminal-1-2"
PATIENCE_S: Final = 30.0  # of the real or the virtual clock

E = TypeVar("E", bound=TerminalEvent)
Story = Callable[["TerminalRig"], Awaitable[None]]


class TerminalRig(ABC):
    """A driver, a line, and two terminals, of which ``far`` is at the other end of it."""

    status_interval_ms = 100

    def __init__(self) -> None:
        self.events: list[TerminalEvent] = []
        self.driver: SerialTerminal
        self.far: TerminalModel
        self.ours: TerminalModel
        self.other: TerminalModel

    @abstractmethod
    def run(self, story: Story) -> None:
        """Live the story to its end, whatever its clock is."""

    @abstractmethod
    def now_ms(self) -> int:
        """The monotonic clock of driver and terminals."""

    @abstractmethod
    def open_stream(self) -> OpenStream:
        """The driver's end of the line."""

    @abstractmethod
    def plug(self) -> None:
        """Put the line in."""

    @abstractmethod
    def unplug(self) -> None:
        """Pull the line out."""

    def hear(self, data: bytes) -> bytes:
        """What the terminal at the far end says."""
        return self.far.feed(data, self.now_ms())

    def command(self, *words: str) -> str:
        """Script the terminal at the far end."""
        return self.far.command(words, self.now_ms())

    async def live(self, story: Story) -> None:
        """Terminals are set up, the driver runs, and the story with it. The terminals' day begins before the tally."""
        self.ours, self.other = (self._terminal(name) for name in (OURS, OTHER))
        self.far = self.ours
        self.driver = SerialTerminal(
            self.open_stream(),
            self.now_ms,
            self.events.append,
            OURS,
            session=77,
            status_interval_ms=self.status_interval_ms,
        )
        self.plug()
        running = asyncio.ensure_future(self.driver.run())
        try:
            await self.until(TerminalUp)
            await story(self)
        finally:
            running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await running
            self.unplug()

    def said(self, kind: type[E]) -> list[E]:
        """What was said of this kind so far."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(
        self, kind: type[E], condition: Callable[[E], bool] = lambda _: True, *, after: int = 0
    ) -> E:
        """The first event of this kind that fulfils the condition, from the event with number ``after`` on."""
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.events[after:]:
                    if isinstance(event, kind) and condition(event):
                        return event
                await asyncio.sleep(0.01)

    async def outcome(self, action: TerminalAction) -> TerminalDone | TerminalRefused:
        """Request an action and wait for what comes of it."""
        after = len(self.events)
        self.driver.request(action)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.events[after:]:
                    if isinstance(event, TerminalDone | TerminalRefused):
                        return event
                await asyncio.sleep(0.01)

    async def do(self, *actions: TerminalAction) -> TerminalDone:
        """Actions that must be carried out; returns the last outcome."""
        for action in actions:
            done = await self.outcome(action)
            assert isinstance(done, TerminalDone), f"{action}: {done}"
            assert done.action == action
        return done

    def _terminal(self, name: str) -> TerminalModel:
        setup = TerminalSetup.of(ELECTION.loaded, branch="branch-1", terminal=name)
        lead_ms = setup.tally_not_before_ms - 3_600_000 - self.now_ms()
        return TerminalModel(setup, ELECTION.terminals[name], TRUTH, boot_id=1, wall_offset_ms=lead_ms)


class PipeRig(TerminalRig):
    """The simulator behind an in-memory line, on virtual time."""

    status_interval_ms = 10_000

    def run(self, story: Story) -> None:
        with VirtualLoop(seed=1) as loop:
            loop.run_until_complete(self.live(story))

    def now_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def open_stream(self) -> OpenStream:
        self._line = PipeLine(self.hear, latency_ms=3)
        return self._line.open

    def plug(self) -> None:
        self._line.plug()

    def unplug(self) -> None:
        self._line.unplug()


class PtyRig(TerminalRig):
    """The simulator behind a pseudo-terminal, in real time."""

    def run(self, story: Story) -> None:
        folder = Path(tempfile.mkdtemp(prefix="terminal-"))
        self._line = LinkedPty(folder / "line", self.hear)
        try:
            asyncio.run(self.live(story))
        finally:
            self._line.close()
            shutil.rmtree(folder)

    def now_ms(self) -> int:
        return time.monotonic_ns() // 1_000_000

    def open_stream(self) -> OpenStream:
        return uart(str(self._line._link), 115_200)

    def plug(self) -> None:
        self._line.plug()

    def unplug(self) -> None:
        self._line.unplug()


RIGS: Final[dict[str, Callable[[], TerminalRig]]] = {
    "simulator over a pipe": PipeRig,
    "simulator over a pty": PtyRig,
}
