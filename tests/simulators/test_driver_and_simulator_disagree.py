"""The kit's drivers and the simulated devices, written apart from one specification, understand each other.

Each side has a codec of its own: where one of them read the specification differently, these tests show it.
"""

import asyncio
import contextlib
from collections.abc import Coroutine

from hypothesis import given
from hypothesis import strategies as st

from drivers.ports import (
    TerminalAction,
    TerminalDone,
    TerminalEvent,
    TerminalLost,
    TerminalRefused,
    TerminalUp,
    UpsEvent,
    UpsLost,
    UpsReading,
)
from drivers.terminal import frames
from drivers.terminal.driver import SerialTerminal
from drivers.ups.driver import MegatecUps
from simulators.devices.pipe import PipeLine
from simulators.devices.terminal_wire import Frame, FrameReader, encode_frame
from simulators.devices.ups import UpsModel, UpsRating
from simulators.virtual.loop import VirtualLoop
from tests.simulators.terminal_asker import (
    EVENING,
    SETUP,
    TERMINAL,
    VOTERS,
    account_of,
    make_terminal,
    tally_of,
    zero_of,
)

payloads = (
    st.binary(max_size=40) | st.binary(min_size=250, max_size=260) | st.binary(min_size=1010, max_size=1024)
)


@given(st.integers(0, 255), st.integers(0, 255), payloads)
def test_codecs_write_the_same_bytes_and_read_each_other(kind: int, frame_id: int, payload: bytes) -> None:
    ours, theirs = Frame(kind, frame_id, payload), frames.Frame(kind, frame_id, payload)
    line = encode_frame(ours)
    assert line == frames.encode(theirs)
    assert frames.Decoder().feed(line) == [theirs]
    assert FrameReader().feed(line) == [ours]


def loop_ms() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


async def beside(driver: Coroutine[object, object, None], script: Coroutine[object, object, None]) -> None:
    """Run a script while a driver runs."""
    running = asyncio.ensure_future(driver)
    try:
        await script
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


class TerminalDay:
    """A polling day of one terminal under the real driver, on virtual time."""

    def __init__(self, *, noise: float = 0.0) -> None:
        self.model = make_terminal(boot_id=1)
        self.model.noise.chance = noise
        self.line = PipeLine(lambda data: self.model.feed(data, EVENING), latency_ms=3)
        self.events: asyncio.Queue[TerminalEvent] = asyncio.Queue()
        self.seen: list[TerminalEvent] = []
        self.driver = SerialTerminal(self.line.open, loop_ms, self.events.put_nowait, TERMINAL, 7, 2_000)

    async def until(self, wanted: type[TerminalEvent]) -> TerminalEvent:
        while True:
            event = await asyncio.wait_for(self.events.get(), 600)
            self.seen.append(event)
            if isinstance(event, wanted):
                return event

    async def do(self, action: TerminalAction) -> bytes | None:
        self.driver.request(action)
        done = await self.until(TerminalDone)
        assert isinstance(done, TerminalDone)
        assert done.action == action
        return done.report

    async def work(self) -> None:
        """From the first HELLO to the tally, with a reboot and a pulled cable on the way."""
        await self.until(TerminalUp)
        await self.do("self-test")
        zero = await self.do("zero")
        assert zero is not None
        assert zero_of(zero).terminal == SETUP.terminal
        await self.do("open")
        self.model.cast_all()
        await self.do("suspend")
        self.model.reboot(2)
        up = await self.until(TerminalUp)
        assert isinstance(up, TerminalUp)
        assert up.identity.boot_id == 2
        assert up.identity.definition_sha256 == SETUP.definition_sha256
        await self.do("resume")
        self.line.unplug()
        await self.until(TerminalLost)
        self.line.plug()
        await self.do("close")
        account, tally = await self.do("account"), await self.do("tally")
        assert account is not None
        assert tally is not None
        assert account_of(account).public_counter == VOTERS
        assert tally_of(tally).public_counter == VOTERS
        assert tally == self.model.durable["reports"]["TALLY"].encode()


def run(seed: int, day: TerminalDay, script: Coroutine[object, object, None]) -> None:
    with VirtualLoop(seed=seed) as loop:
        loop.run_until_complete(beside(day.driver.run(), script))


def test_whole_day_over_a_clean_line() -> None:
    day = TerminalDay()
    run(1, day, day.work())
    assert day.model.discarded == 0
    assert sum(isinstance(event, TerminalLost) for event in day.seen) == 1  # the pulled cable


def test_whole_day_over_a_noisy_line() -> None:
    day = TerminalDay(noise=0.0005)
    run(2, day, day.work())
    counters = day.driver.counters()
    assert day.model.discarded + sum(count for name, count in counters.items() if "discarded" in name) > 0


def test_refusals_arrive_with_their_reason() -> None:
    async def script() -> None:
        await day.until(TerminalUp)
        day.driver.request("tally")
        assert await day.until(TerminalRefused) == TerminalRefused("tally", "wrong-phase")
        day.model.faults.self_test_fails = True
        day.driver.request("self-test")
        assert await day.until(TerminalRefused) == TerminalRefused("self-test", "self-test-failed")

    day = TerminalDay()
    run(3, day, script())


def test_mute_terminal_is_lost_and_found_again() -> None:
    async def script() -> None:
        await day.until(TerminalUp)
        day.model.faults.mute = True
        await day.until(TerminalLost)
        day.model.faults.mute = False
        await day.until(TerminalUp)

    day = TerminalDay()
    run(4, day, script())


def ups_events(rating: UpsRating, seconds: int, *, mute_after: int | None = None) -> list[UpsEvent]:
    """What the driver says of a UPS at 84 W whose mains fail in the first second, polled once a second."""
    events: list[UpsEvent] = []

    async def script() -> None:
        model = UpsModel(rating, load_w=84, now_ms=loop_ms())
        line = PipeLine(lambda data: model.feed(data, loop_ms()), latency_ms=20)
        driver = MegatecUps(line.open, loop_ms, events.append, 1_000)

        async def day() -> None:
            await asyncio.sleep(0.5)
            model.set_mains(False, loop_ms())
            for second in range(seconds):
                if second == mute_after:
                    model.faults.mute = True
                await asyncio.sleep(1)

        await beside(driver.run(), day())

    with VirtualLoop(seed=5) as loop:
        loop.run_until_complete(script())
    return events


def test_outage_reaches_the_kit_until_the_battery_is_empty() -> None:
    events = ups_events(UpsRating(capacity_wh=1), 60)  # 42.9 s at 84 W
    readings = [event for event in events if isinstance(event, UpsReading)]
    assert (readings[0].on_battery, readings[0].input_voltage_v, readings[0].load_percent) == (
        False,
        230.0,
        23.0,
    )
    assert (readings[1].on_battery, readings[1].battery_low, readings[1].input_voltage_v) == (
        True,
        False,
        0.0,
    )
    assert readings[-1].battery_low
    assert 40 <= len(readings) <= 44
    assert isinstance(events[-1], UpsLost)
    assert sum(isinstance(event, UpsLost) for event in events) == 1


def test_silent_ups_is_lost_and_not_fine() -> None:
    events = ups_events(UpsRating(standby=True), 20, mute_after=5)
    assert isinstance(events[-1], UpsLost)
    first = events[0]
    assert isinstance(first, UpsReading)
    assert first.battery_voltage_v == 13.6
