"""What every driver of a UPS owes the kit, whatever is at its far end: see ``ups_rigs`` for the far ends."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator

import pytest

from drivers.ports import Ups, UpsCommandEnded, UpsLost, UpsReading
from tests.contracts.ups_listener import UpsListener, running
from tests.contracts.ups_rigs import RIGS, UpsdOnDummy, UpsRig
from tests.drivers.virtual_time import run_virtual
from tests.peers import require_program
from tests.running import end

Story = Callable[[UpsRig, UpsListener, Ups], Awaitable[None]]
Tell = Callable[[Story], None]


@pytest.fixture(scope="module", autouse=True)
def shared_far_ends() -> Iterator[None]:
    yield
    UpsdOnDummy.end()


@pytest.fixture(params=RIGS)
def tell(request: pytest.FixtureRequest) -> Tell:
    """Runs a story at one far end, on the clock that it needs."""
    rig = RIGS[request.param]()
    for program in rig.programs:
        require_program(program)

    async def play(story: Story) -> None:
        listener = UpsListener()
        try:
            ups = await rig.start(listener.hear)
            await story(rig, listener, ups)
        finally:
            await rig.stop()

    def run(story: Story) -> None:
        run_virtual(play(story)) if rig.virtual else asyncio.run(play(story))

    return run


def test_outage_is_told_late_or_never(tell: Tell) -> None:
    async def story(rig: UpsRig, listener: UpsListener, ups: Ups) -> None:
        async with running(ups):
            first = await listener.next(UpsReading)
            assert (first.on_battery, first.battery_low) == (False, False)
            assert first.input_voltage_v == pytest.approx(230, abs=5)
            assert first.load_percent is not None
            assert first.battery_voltage_v is not None
            await rig.mains(on=False)
            outage = await listener.next(UpsReading, lambda one: one.on_battery)
            assert not outage.battery_low
            await rig.battery_low()
            await listener.next(UpsReading, lambda one: one.on_battery and one.battery_low)
            await rig.mains(on=True)
            await listener.next(UpsReading, lambda one: not one.on_battery and not one.battery_low)
            assert not any(isinstance(event, UpsLost) for event in listener.events)

    tell(story)


def test_mute_ups_looks_fine(tell: Tell) -> None:
    async def story(rig: UpsRig, listener: UpsListener, ups: Ups) -> None:
        async with running(ups):
            await listener.next(UpsReading)
            await rig.mute()
            lost = await listener.next(UpsLost)
            assert lost.reason
            await listener.silent_for(4 * rig.poll_ms / 1000)
            ups.command("beeper.toggle")
            await listener.next(UpsCommandEnded)
            await rig.heard()
            reading = await listener.next(UpsReading)
            assert not reading.on_battery
            assert [event for event in listener.events if isinstance(event, UpsLost)] == [lost]

    tell(story)


def test_command_has_no_end_or_two(tell: Tell) -> None:
    async def story(rig: UpsRig, listener: UpsListener, ups: Ups) -> None:
        async with running(ups):
            await listener.next(UpsReading)
            ups.command("beeper.toggle")
            ups.command("beeper.toggle")
            ended = await listener.next(UpsCommandEnded)
            assert ended.command == "beeper.toggle"
            assert ended.outcome in rig.outcomes
            assert ended.detail
            await listener.next(UpsReading)
            await listener.next(UpsReading)
            assert [event for event in listener.events if isinstance(event, UpsCommandEnded)] == [ended]

    tell(story)


def test_cancelled_driver_leaves_something_behind(tell: Tell) -> None:
    async def story(rig: UpsRig, listener: UpsListener, ups: Ups) -> None:
        before = asyncio.all_tasks()
        task = asyncio.create_task(ups.run())
        await listener.next(UpsReading)
        await end(task)
        assert task.cancelled()
        assert asyncio.all_tasks() == before
        await listener.silent_for(2 * rig.poll_ms / 1000)

    tell(story)
