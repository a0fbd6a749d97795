"""The one loop: nothing is said before it is durable, nothing is done after the disk has failed."""

import asyncio
import contextlib
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from kit.core import Step
from kit.effects import Reply
from kit.events import Booted, Event, Tick, UplinksUsable
from kit.facts import BootRecorded, Fact
from kit.journal.journal import Journal, JournalUnavailableError
from kit.runner import EVENTS_MAX, TICKS_MAX, Runner, StuckError
from kit.station import Station
from tests.kit.harness import ONE_TERMINAL, Branch
from tests.kit.staff import work_until
from tests.running import end

AT = "2027-06-18T14:31:00.000Z"


class Clock:
    """Monotonic time of the running loop, and a wall clock."""

    def monotonic_ms(self) -> int:
        return int(asyncio.get_running_loop().time() * 1000)

    def wall_ms(self) -> int:
        return 1_813_000_000_000


class Script:
    """A core that does what a test tells it, a journal and a release; all note in ``diary`` what happens to them."""

    def __init__(self) -> None:
        self.diary: list[str] = []
        self.answer: Callable[[Event], Step] = lambda _: Step()
        self.deadline: Callable[[], int | None] = lambda: None
        self.disk_fails = False

    def handle(self, event: Event, now: int) -> Step:
        assert now >= 0
        self.diary.append(f"handle {type(event).__name__}")
        return self.answer(event)

    def apply(self, fact: Fact) -> None:
        self.diary.append(f"apply {fact.boot_id}")  # type: ignore[union-attr]

    def wake_at(self) -> int | None:
        return self.deadline()

    def append(self, facts: Sequence[Fact]) -> Sequence[Fact]:
        if self.disk_fails:
            raise JournalUnavailableError("the disk refuses")
        self.diary.append(f"durable {' '.join(fact.boot_id for fact in facts)}")  # type: ignore[union-attr]
        return facts

    def release(self, effect: Any) -> None:
        self.diary.append(f"release {effect.reply}")

    def runner(self) -> Runner:
        return Runner(self, self, Clock(), self.release)  # type: ignore[arg-type]


def fact(name: str) -> Fact:
    return BootRecorded(at=AT, boot_id=name)


def news(name: str) -> Event:
    return UplinksUsable((name,))


async def run_for(runner: Runner, seconds: float = 0.05) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await runner.run()


async def test_effect_is_released_before_its_fact_is_durable() -> None:
    script = Script()
    script.answer = lambda _: Step([fact("a"), fact("b")], [Reply(1, {}), Reply(2, {})])
    runner = script.runner()
    runner.boot("boot")
    assert script.diary == [
        "handle Booted",
        "durable a b",
        "apply a",
        "apply b",
        "release 1",
        "release 2",
    ]


async def test_effects_without_facts_wait_for_the_disk() -> None:
    script = Script()
    script.disk_fails = True
    script.answer = lambda _: Step([], [Reply(1, {})])
    script.runner().boot("boot")
    assert script.diary == ["handle Booted", "release 1"]


async def test_disk_fails_and_the_effect_is_released_all_the_same() -> None:
    script = Script()
    runner = script.runner()
    runner.boot("boot")
    script.disk_fails = True
    script.answer = lambda _: Step([fact("a")], [Reply(1, {})])
    runner.post(news("x"))
    runner.post(news("y"))
    with pytest.raises(JournalUnavailableError):
        await runner.run()
    assert script.diary == ["handle Booted", "handle UplinksUsable"], "it went on after the disk had failed"


async def test_core_fails_and_the_loop_goes_on() -> None:
    script = Script()
    runner = script.runner()
    runner.boot("boot")

    def bug(event: Event) -> Step:
        raise AssertionError(f"a bug in {event}")

    script.answer = bug
    runner.post(news("x"))
    with pytest.raises(AssertionError, match="a bug in Upl"):
        await runner.run()


async def test_events_overtake_each_other() -> None:
    script = Script()
    seen: list[Event] = []

    def note(event: Event) -> Step:
        seen.append(event)
        return Step()

    script.answer = note
    runner = script.runner()
    events = [news(str(number)) for number in range(100)]
    for event in events:
        runner.post(event)
    await run_for(runner)
    assert seen == events


async def test_event_that_an_effect_posts_is_lost() -> None:
    script = Script()
    runner = script.runner()
    script.answer = lambda event: Step([], [Reply(1, {})] if event == news("first") else [])
    release = script.release

    def release_and_post(effect: Any) -> None:
        release(effect)
        runner.post(news("second"))

    runner._release = release_and_post
    runner.post(news("first"))
    await run_for(runner)
    assert script.diary == ["handle UplinksUsable", "release 1", "handle UplinksUsable"]


async def test_deadline_overtakes_an_event_that_waits() -> None:
    script = Script()
    script.deadline = lambda: None if "handle Tick" in script.diary else 0
    runner = script.runner()
    runner.post(news("x"))
    await run_for(runner)
    assert script.diary == ["handle UplinksUsable", "handle Tick"]


async def test_deadline_is_slept_through() -> None:
    script = Script()
    clock = Clock()
    start = clock.monotonic_ms()
    ticked: list[int] = []

    def tick(event: Event) -> Step:
        assert isinstance(event, Tick)
        ticked.append(clock.monotonic_ms() - start)
        return Step()

    script.answer = tick
    script.deadline = lambda: start + 30 * (len(ticked) + 1)
    await run_for(script.runner(), 0.2)
    assert 3 <= len(ticked) <= 7
    assert all(at >= 30 * number for number, at in enumerate(ticked, 1)), "woken before the deadline"


async def test_event_wakes_nobody_while_a_far_deadline_is_awaited() -> None:
    script = Script()
    script.deadline = lambda: 10**12
    runner = script.runner()
    asyncio.get_running_loop().call_later(0.02, runner.post, news("x"))
    await run_for(runner, 0.1)
    assert script.diary == ["handle UplinksUsable"]


async def test_core_wants_the_next_tick_at_once_for_ever() -> None:
    script = Script()
    script.deadline = lambda: 0
    with pytest.raises(StuckError, match=f"{TICKS_MAX} ticks in a row"):
        await script.runner().run()


async def test_events_come_faster_than_they_are_handled() -> None:
    runner = Script().runner()
    for _ in range(EVENTS_MAX):
        runner.post(news("x"))
    with pytest.raises(StuckError, match=f"{EVENTS_MAX} events wait"):
        runner.post(news("x"))


async def test_runner_is_told_to_stop_and_leaves_a_timer_behind() -> None:
    script = Script()
    script.deadline = lambda: 10**12
    runner = script.runner()
    task = asyncio.create_task(runner.run())
    await asyncio.sleep(0.01)
    assert runner._timer is not None
    await end(task)
    assert task.cancelled()
    assert runner._timer is None


async def test_replay_releases_effects_or_writes(tmp_path: Any) -> None:
    """A whole day is folded from a real journal: nothing is asked, nothing is sent, nothing is written."""
    day = work_until(Branch(), "delivered")
    path = tmp_path / "journal.db"
    journal = Journal(path)
    assert not list(journal.replay())
    journal.append(day.journal.facts)
    journal.close()
    journal = Journal(path)
    released: list[Any] = []
    station: Station = day._make()
    runner = Runner(station, journal, Clock(), released.append)
    assert runner.replay() == len(day.journal.facts)
    assert not released
    assert journal.checkpoint() == day.journal.checkpoint()
    assert station.day.state.phase == "delivered"
    assert station.outbox.delivered == [1, 2]
    assert ONE_TERMINAL.loaded.branch("branch-1").device == "device-1"
    journal.close()


async def test_first_event_of_a_life_is_not_its_birth() -> None:
    script = Script()
    seen: list[Event] = []
    script.answer = lambda event: (seen.append(event), Step())[1]
    script.runner().boot("boot-7")
    assert seen == [Booted("boot-7", Clock().wall_ms())]
