"""Runs one UPS driver and waits for what it should say, on whatever clock the running loop has."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Final, TypeVar

from drivers.ports import Ups, UpsCommandEnded, UpsEvent, UpsLost, UpsReading

PATIENCE_S: Final = 40.0  # until something counts as not happening; the machine may be busy with others
E = TypeVar("E", UpsReading, UpsLost, UpsCommandEnded)


def now() -> int:
    """The running loop's clock, ms."""
    return int(asyncio.get_running_loop().time() * 1000)


class UpsListener:
    """``events``: all that the driver has said, oldest first. What ``next`` has passed over, it never returns again."""

    def __init__(self) -> None:
        self.events: list[UpsEvent] = []
        self._passed = 0
        self._news = asyncio.Event()

    def hear(self, event: UpsEvent) -> None:
        """The driver's ``emit``."""
        self.events.append(event)
        self._news.set()

    async def next(self, kind: type[E], fits: Callable[[E], bool] = lambda _: True) -> E:
        """Wait for the next event of this kind that fits."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while True:
                    while self._passed < len(self.events):
                        event = self.events[self._passed]
                        self._passed += 1
                        if isinstance(event, kind) and fits(event):
                            return event
                    self._news.clear()
                    await self._news.wait()
        except TimeoutError:
            raise AssertionError(f"no {kind.__name__} that fits; the last: {self.events[-3:]}") from None

    async def silent_for(self, seconds: float) -> None:
        """Nothing is said for so long."""
        heard = len(self.events)
        await asyncio.sleep(seconds)
        assert self.events[heard:] == []


@contextlib.asynccontextmanager
async def running(ups: Ups) -> AsyncIterator[None]:
    """The driver runs meanwhile; a bug in it ends the test."""
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(ups.run())
        yield
        assert not task.done(), "run() has returned"
        task.cancel()
