"""A whole day of one kit with eight terminals on eight lines, each with the real driver, on virtual time."""

import asyncio
import contextlib
from collections.abc import Callable

from drivers.ports import TerminalDone, TerminalEvent, TerminalRefused
from drivers.terminal.driver import SerialTerminal
from kit.events import TerminalHeard
from kit.facts import IncidentRecorded, TallyTaken
from simulators.devices.pipe import PipeLine
from simulators.virtual.loop import VirtualLoop
from tests.kit.harness import CLOSE_MS, MAINS, OPEN_MS, Branch
from tests.kit.staff import order, readiness
from tests.kit.terminal_line import Line
from tests.kit.test_branch_has_eight_terminals import (
    EIGHT,
    NAMES,
    TALLY_MS,
    account,
    delivered_units,
    vote,
)

STATUS_MS = 10_000
PATIENCE_S = 3_600.0  # of virtual time


def loop_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


class DrivenLine(Line):
    """A terminal behind its driver: the table serves nothing here, the driver tells what happens."""

    def __init__(self, line: Line, hear: Callable[[TerminalEvent], None]) -> None:
        super().__init__(line.model)
        self.connected = False
        self.cable = PipeLine(lambda data: self.model.feed(data, loop_ms()), latency_ms=3)
        self.hear = hear
        self.driver: SerialTerminal
        self.running: asyncio.Task[None] | None = None

    def start(self) -> None:
        """The kit begins a life."""
        name = self.model.setup.terminal
        self.driver = SerialTerminal(self.cable.open, loop_ms, self.hear, name, 7, STATUS_MS)
        self.running = asyncio.ensure_future(self.driver.run())

    async def stop(self) -> None:
        """The kit's life ends in the middle of whatever it did."""
        if self.running is not None:
            self.running.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self.running

    def request(self, action: str) -> None:  # type: ignore[override]  # the table's own word for it
        """To the driver; what comes of it comes as an event."""
        self.driver.request(action)  # type: ignore[arg-type]


class DrivenDay:
    """The branch on the table, in step with the loop's clock."""

    def __init__(self) -> None:
        self.branch = Branch(EIGHT)
        self.branch.events = type(self.branch.events)(
            event for event in self.branch.events if not isinstance(event, TerminalHeard)
        )
        self.heard: list[tuple[str, TerminalEvent]] = []
        self.lines = {
            name: DrivenLine(line, lambda event, name=name: self.hear(name, event))  # type: ignore[misc]
            for name, line in self.branch.lines.items()
        }
        self.branch.lines = dict(self.lines)
        lead_ms = self.branch.wall_ms - loop_ms()
        self._ahead_ms = self.branch.now - loop_ms()
        for line in self.lines.values():
            line.model.wall_offset_ms = lead_ms

    def hear(self, name: str, event: TerminalEvent) -> None:
        self.heard.append((name, event))
        self.branch.post(TerminalHeard(name, event))

    async def pump(self) -> None:
        """What the runner does: events and deadlines as they come."""
        while True:
            self.sync()
            self.branch.settle()
            await asyncio.sleep(0.05)

    def sync(self) -> None:
        self.branch.now = loop_ms() + self._ahead_ms

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE_S):
            while not condition():  # noqa: ASYNC110 - virtual time
                await asyncio.sleep(0.1)
        self.sync()

    async def phase(self, phase: str) -> None:
        await self.until(lambda: self.branch.phase == phase)

    async def wall(self, wall_ms: int) -> None:
        await self.until(lambda: self.branch.wall_ms >= wall_ms)

    async def reboot_kit(self) -> None:
        """Nothing is left of the kit but its journal; terminals notice nothing."""
        for line in self.lines.values():
            await line.stop()
        self.branch.boot()
        for line in self.lines.values():
            line.start()

    async def live(self) -> None:
        for line in self.lines.values():
            line.start()
        pump = asyncio.ensure_future(self.pump())
        try:
            await self.story()
        finally:
            pump.cancel()
            for line in self.lines.values():
                await line.stop()

    async def story(self) -> None:
        branch = self.branch
        rebooting, lost, slow, noisy = (self.lines[name] for name in NAMES[1:5])
        slow.model.wall_offset_ms -= 40_000
        noisy.model.noise.chance = 0.0005
        await asyncio.sleep(5)
        branch.power(MAINS)
        readiness(branch)
        await self.phase("readiness")
        order(branch, "zero")
        await self.phase("zeroed")
        await self.wall(OPEN_MS)
        order(branch, "open")
        await self.phase("open")
        lost.cable.unplug()
        rebooting.model.reboot(2)
        vote(branch)
        await self.wall(CLOSE_MS)
        rebooting.model.reboot(3)
        order(branch, "close")
        await asyncio.sleep(60)
        assert branch.phase == "open", "one has not closed"
        assert [line.model.phase for line in self.lines.values()].count("closed") == 7
        await self.reboot_kit()
        await asyncio.sleep(60)
        lost.cable.plug()
        await self.phase("closed")
        account(branch)
        await self.until(lambda: "ACCOUNT" in rebooting.model.durable["reports"])
        await self.reboot_kit()  # in the middle of eight reports
        await self.phase("accounted")
        await self.wall(TALLY_MS)
        await self.phase("delivered")


def test_day_of_eight_lines_loses_or_doubles_a_unit() -> None:
    with VirtualLoop(seed=3) as loop:

        async def main() -> DrivenDay:
            day = DrivenDay()
            await day.live()
            return day

        day = loop.run_until_complete(main())
    branch = day.branch
    assert delivered_units(branch) == dict.fromkeys(NAMES, 1)
    assert len(branch.envelopes()) == 16
    assert len(branch.facts(TallyTaken)) == 8
    assert branch.station.day.state.findings == []
    assert {fact.code for fact in branch.facts(IncidentRecorded)} == {"terminal-lost"}
    refused = {(name, event.reason) for name, event in day.heard if isinstance(event, TerminalRefused)}
    assert refused == {(NAMES[3], "too-early")}
    noisy = day.lines[NAMES[4]]
    assert noisy.model.discarded + sum(noisy.driver.counters().values()) > 0
    for name, line in day.lines.items():
        given = {
            event.report
            for at, event in day.heard
            if at == name and isinstance(event, TerminalDone) and event.action == "tally"
        }
        assert given == {line.model.durable["reports"]["TALLY"].encode()}
