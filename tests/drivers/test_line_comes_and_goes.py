"""The link under both drivers: lines that break, hang, refuse to open; and what an idle day costs."""

import asyncio
from collections.abc import Callable
from itertools import pairwise

import pytest
from terminal_far_end import FarTerminal
from virtual_time import Line, now, run_virtual

from drivers.link import BACKOFF_MAX_MS, BACKOFF_MIN_MS, OPEN_TIMEOUT_MS, WRITE_TIMEOUT_MS
from drivers.ports import (
    ByteStream,
    StreamClosedError,
    Terminal,
    TerminalDone,
    TerminalEvent,
    TerminalLost,
    TerminalStatus,
    TerminalUp,
    Ups,
    UpsEvent,
    UpsLost,
    UpsReading,
)
from drivers.terminal.driver import SerialTerminal
from drivers.ups.driver import MegatecUps
from tests.running import end

Q1 = b"(230.1 000.0 229.9 035 50.0 13.5 25.0 00000001\r"


class Cable:
    """Opens lines to one far end, while it is plugged in."""

    def __init__(self, hear: Callable[[bytes], bytes]) -> None:
        self.hear = hear
        self.plugged = True
        self.lines: list[Line] = []
        self.attempts: list[int] = []

    async def open(self) -> ByteStream:
        self.attempts.append(now())
        if not self.plugged:
            raise StreamClosedError("nothing there")
        self.lines.append(Line(self.hear))
        return self.lines[-1]

    def pull(self) -> None:
        self.plugged = False
        self.lines[-1].hang_up()


class Table:
    """A terminal driver on a cable, and what it said."""

    def __init__(self, status_interval_ms: int = 10_000) -> None:
        self.far = FarTerminal()
        self.cable = Cable(self.far.hear)
        self.events: list[TerminalEvent] = []
        self.driver = SerialTerminal(self.cable.open, now, self.events.append, "T-1", 1, status_interval_ms)

    def kinds(self) -> list[type]:
        return [type(event) for event in self.events]


def test_cable_is_pulled_and_plugged_in_again() -> None:
    async def main() -> None:
        table = Table()
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(60)
        table.cable.pull()
        await asyncio.sleep(60)
        assert table.events[-1] == TerminalLost("unplugged")
        assert table.kinds().count(TerminalLost) == 1
        table.driver.request("close")
        table.cable.plugged = True
        await asyncio.sleep(BACKOFF_MAX_MS / 1000 + 0.1)
        assert table.kinds()[-3:] == [TerminalUp, TerminalStatus, TerminalDone]
        assert all(line.closed for line in table.cable.lines[:-1])
        await end(task)
        assert table.cable.lines[-1].closed

    run_virtual(main())


def test_pauses_between_attempts_grow_and_are_bounded() -> None:
    async def main() -> None:
        table = Table()
        table.cable.plugged = False
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(600)
        task.cancel()
        at = table.cable.attempts
        pauses = [later - earlier for earlier, later in pairwise(at)]
        assert [round(pause, -1) for pause in pauses[:5]] == [BACKOFF_MIN_MS * 2**n for n in range(5)]
        assert BACKOFF_MAX_MS <= max(pauses) <= BACKOFF_MAX_MS + 2
        assert len(at) > 110, "it never gives up"
        assert table.events == [TerminalLost("nothing there")]

    run_virtual(main())


def test_line_that_stood_is_opened_again_without_the_long_pause() -> None:
    async def main() -> None:
        table = Table()
        table.cable.plugged = False
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(60)
        table.cable.plugged = True
        await asyncio.sleep(60)
        table.cable.lines[-1].hang_up()
        await asyncio.sleep(2 * BACKOFF_MIN_MS / 1000)
        assert table.kinds() == [
            TerminalLost,
            TerminalUp,
            *[TerminalStatus] * 6,
            TerminalLost,
            TerminalUp,
            TerminalStatus,
        ]
        task.cancel()

    run_virtual(main())


def test_line_that_breaks_at_once_is_not_opened_in_a_rush() -> None:
    async def main() -> None:
        table = Table()

        async def brittle() -> ByteStream:
            table.cable.attempts.append(now())
            line = Line(table.far.hear)
            line.hang_up("broken at once")
            return line

        driver = SerialTerminal(brittle, now, table.events.append, "T-1", 1, 10_000)
        task = asyncio.create_task(driver.run())
        await asyncio.sleep(60)
        task.cancel()
        assert len(table.cable.attempts) < 20
        assert table.events == [TerminalLost("broken at once")]

    run_virtual(main())


def test_line_never_opens() -> None:
    async def main() -> None:
        events: list[TerminalEvent] = []

        async def hanging() -> ByteStream:
            await asyncio.sleep(1e6)
            raise AssertionError

        task = asyncio.create_task(SerialTerminal(hanging, now, events.append, "T-1", 1, 10_000).run())
        await asyncio.sleep(60)
        task.cancel()
        assert events == [TerminalLost(f"the line could not be opened within {OPEN_TIMEOUT_MS} ms")]

    run_virtual(main())


def test_line_that_takes_no_bytes_is_opened_anew() -> None:
    async def main() -> None:
        table = Table()
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(5)
        table.cable.lines[-1].stuck = True
        await asyncio.sleep(10)
        assert table.events[2:] == [
            TerminalLost(f"the line took no bytes for {WRITE_TIMEOUT_MS} ms"),
            *table.events[:2],
        ]
        assert len(table.cable.lines) == 2
        task.cancel()

    run_virtual(main())


def test_words_meant_for_the_old_line_are_not_said_on_the_new_one() -> None:
    async def main() -> None:
        table = Table()
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(3)
        table.far.asked.clear()
        table.cable.lines[-1].hang_up()
        table.driver.request("close")
        await asyncio.sleep(3)
        assert table.far.kinds() == [0x01, 0x02, 0x15]
        task.cancel()

    run_virtual(main())


def test_request_wakes_a_sleeping_driver() -> None:
    async def main() -> None:
        table = Table()
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(3)
        table.driver.request("tally")
        await asyncio.sleep(0.1)
        assert table.events[-1] == TerminalDone("tally", 1, table.far.reports[0x17])
        task.cancel()

    run_virtual(main())


def test_listener_asks_for_more_while_it_is_told() -> None:
    async def main() -> None:
        table = Table()
        told: list[TerminalEvent] = []

        def listen(event: TerminalEvent) -> None:
            told.append(event)
            if event == TerminalDone("close", 1, None):
                driver.request("account")
            if isinstance(event, TerminalUp):
                driver.request("close")

        driver = SerialTerminal(table.cable.open, now, listen, "T-1", 1, 10_000)
        task = asyncio.create_task(driver.run())
        await asyncio.sleep(1)
        assert [type(event) for event in told] == [TerminalUp, TerminalStatus, TerminalDone, TerminalDone]
        assert told[-1] == TerminalDone("account", 1, b"account")
        task.cancel()

    run_virtual(main())


def test_listener_that_crashes_stops_the_driver() -> None:
    async def main() -> None:
        def crash(event: TerminalEvent) -> None:
            raise LookupError(str(event))

        driver = SerialTerminal(Table().cable.open, now, crash, "T-1", 1, 10_000)
        with pytest.raises(LookupError):
            await driver.run()

    run_virtual(main())


def test_counters_tell_what_the_line_did() -> None:
    async def main() -> None:
        table = Table()
        task = asyncio.create_task(table.driver.run())
        await asyncio.sleep(1)
        table.cable.lines[-1].arrive(b"noise\0" + table.far.answer(2, 200))
        await asyncio.sleep(1)
        task.cancel()
        found = {name: n for name, n in table.driver.counters().items() if n}
        assert found == {"discarded_cobs": 1, "stale": 1}

    run_virtual(main())


def test_idle_day_of_fourteen_hours_is_cheap() -> None:
    async def main() -> None:
        table = Table()
        driver: Terminal = table.driver
        task = asyncio.create_task(driver.run())
        await asyncio.sleep(14 * 3600)
        task.cancel()
        polls = table.kinds().count(TerminalStatus)
        assert 5035 <= polls <= 5041
        assert table.kinds()[0] is TerminalUp
        assert table.kinds().count(TerminalLost) == 0

    timers = run_virtual(main())
    assert timers <= 4 * 5041 + 20, (
        "per poll: sleep, write time-out, wait for the answer, and the test's own latency"
    )


def test_ups_is_polled_while_it_is_there_and_lost_with_its_line() -> None:
    async def main() -> None:
        cable = Cable(lambda _: Q1)
        events: list[UpsEvent] = []
        ups: Ups = MegatecUps(cable.open, now, events.append, 5_000)
        task = asyncio.create_task(ups.run())
        await asyncio.sleep(59)
        reading = UpsReading(False, False, 230.1, 35.0, 13.5, flags=frozenset({"OL"}))
        assert events == [reading] * 12
        cable.pull()
        await asyncio.sleep(60)
        assert events[12:] == [UpsLost("no believable answer in 3 polls: nothing there")]
        cable.plugged = True
        await asyncio.sleep(6)
        assert events[13] == reading
        task.cancel()

    run_virtual(main())


def test_ups_without_a_line_is_lost_in_time_however_long_the_link_waits() -> None:
    async def main() -> None:
        cable = Cable(lambda _: Q1)
        lost_at: list[int] = []

        def listen(event: UpsEvent) -> None:
            if isinstance(event, UpsLost):
                lost_at.append(now())

        task = asyncio.create_task(MegatecUps(cable.open, now, listen, 1_000).run())
        await asyncio.sleep(10.5)
        cable.pull()
        await asyncio.sleep(60)
        assert len(lost_at) == 1
        assert lost_at[0] <= 10_500 + 3 * 1_000 + 50
        task.cancel()

    run_virtual(main())


def test_ups_plug_that_wobbles_is_no_event() -> None:
    async def main() -> None:
        cable = Cable(lambda _: Q1)
        events: list[UpsEvent] = []
        task = asyncio.create_task(MegatecUps(cable.open, now, events.append, 5_000).run())
        for _ in range(20):
            await asyncio.sleep(7)
            cable.lines[-1].hang_up()
        task.cancel()
        assert not [event for event in events if isinstance(event, UpsLost)]

    run_virtual(main())
