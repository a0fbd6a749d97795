"""The one loop: take an event or a deadline, handle it, make the facts durable, fold them, release the effects."""

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Final

from kit.core import Core
from kit.effects import Effect
from kit.events import Booted, Event, Tick
from kit.journal.journal import Journal
from kit.journal.signed import SignedJournal
from kit.ports import Clock

EVENTS_MAX: Final = 10_000  # events that wait; more means that the loop is stuck, and a restart replays
TICKS_MAX: Final = 10_000  # ticks in a row without an event or a pause: a core that is never satisfied


class StuckError(Exception):
    """A bug: the loop cannot keep up, or a core always wants the next tick at once. Crash, restart, replay."""


class Runner:
    """Drives one core. ``release`` only enqueues; outcomes come back through ``post``."""

    def __init__(
        self, core: Core, journal: Journal | SignedJournal, clock: Clock, release: Callable[[Effect], None]
    ) -> None:
        self._core, self._journal, self._clock, self._release = core, journal, clock, release
        self._events: deque[Event] = deque()
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None

    def post(self, event: Event) -> None:
        """Queue an event, from any edge of the same event loop."""
        if len(self._events) >= EVENTS_MAX:
            raise StuckError(f"{EVENTS_MAX} events wait")
        self._events.append(event)
        self._wake.set()

    def replay(self) -> int:
        """Fold the whole journal; returns the number of facts."""
        count = 0
        for fact in self._journal.replay():
            self._core.apply(fact)
            count += 1
        return count

    def boot(self, boot_id: str, *, journal_key_lost: str | None = None) -> None:
        """The first event of this life; before it nobody may ask the core anything."""
        self._turn(Booted(boot_id, self._clock.wall_ms(), journal_key_lost))

    async def run(self) -> None:
        """Run until cancelled. Exceptions of cores and of the disk end the daemon: it restarts and replays."""
        ticks = 0
        while True:
            if self._events:
                self._turn(self._events.popleft())
                ticks = 0
                continue
            wake_at, now = self._core.wake_at(), self._clock.monotonic_ms()
            if wake_at is not None and wake_at <= now:
                self._turn(Tick())
                ticks += 1
                if ticks > TICKS_MAX:
                    raise StuckError(f"{TICKS_MAX} ticks in a row without a pause")
                continue
            ticks = 0
            await self._pause(None if wake_at is None else wake_at - now)

    def _turn(self, event: Event) -> None:
        step = self._core.handle(event, self._clock.monotonic_ms())
        if step.facts:
            for fact in self._journal.append(step.facts):
                self._core.apply(fact)
        for effect in step.effects:
            self._release(effect)

    async def _pause(self, pause_ms: int | None) -> None:
        """Wait for an event, or until the deadline."""
        self._wake.clear()
        if pause_ms is not None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(pause_ms / 1000, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            if self._timer is not None:
                self._timer.cancel()
                self._timer = None
