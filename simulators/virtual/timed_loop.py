"""An event loop whose clock jumps: while a callback is ready it runs, and when none is, the next timer is now.

Two runs with one seed make the same steps in the same order: timers carry a tiny seeded jitter (so that another seed
gives another order), and equal times are settled by a counter.
"""

import asyncio
import contextvars
import heapq
import random
from collections import deque
from collections.abc import Callable
from contextvars import Context
from typing import Final, TypeVarTuple

from simulators.virtual.errors import DeadlockError, LivelockError, SimulationError
from simulators.virtual.steps import SimTask, Timer

STEPS_PER_INSTANT_MAX: Final = 1_000_000  # callbacks without the clock moving: beyond this the world spins
LISTED_MAX: Final = 20  # tasks named in a deadlock report
SWEEP_MIN: Final = 64  # cancelled timers below which the heap is left alone
START_S: Final = 1_000.0  # the clock at the start: never zero, which some libraries take for "not set"

Ts = TypeVarTuple("Ts")


class TimedLoop(asyncio.BaseEventLoop):
    """Time and callbacks. ``seed`` and ``jitter_s`` as for VirtualLoop.

    An exception that leaves a callback ends the run as SimulationError, where asyncio would only log it.
    """

    def __init__(self, *, seed: int | str, jitter_s: float) -> None:
        super().__init__()
        self.seed = seed
        self.callbacks = 0
        """Callbacks run so far, counted at each move of the clock."""
        self._now = START_S
        self._random = self.stream("jitter").random
        self._jitter = jitter_s
        self._ready: deque[Timer] = deque()
        self._timers: list[tuple[float, int, Timer]] = []
        self._cancelled = 0
        self._serial = 0
        self._stopping = False
        self._buried = False
        self._fatal: BaseException | None = None

    def stream(self, name: str) -> random.Random:
        """A random stream of its own for one part of the world, the same for the same seed and name."""
        return random.Random(f"{self.seed}/{name}")

    def _next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def time(self) -> float:
        """Virtual monotonic seconds."""
        return self._now

    def call_soon(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As asyncio: first come, first served."""
        if context is None:
            context = contextvars.copy_context()
        timer = Timer(self._now, callback, args, context, self._count_cancelled)
        if self._buried:
            timer.gone = True
        else:
            self._ready.append(timer)
        return timer

    def call_soon_threadsafe(
        self, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.Handle:
        """As call_soon: there are no threads."""
        return self.call_soon(callback, *args, context=context)

    def call_later(
        self, delay: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio, in virtual seconds, up to ``jitter_s`` late."""
        return self.call_at(self._now + delay, callback, *args, context=context)

    def call_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As asyncio, in virtual seconds, up to ``jitter_s`` late."""
        when += self._random() * self._jitter
        return self.call_exactly_at(when, callback, *args, context=context)

    def call_exactly_at(
        self, when: float, callback: Callable[[*Ts], object], *args: *Ts, context: Context | None = None
    ) -> asyncio.TimerHandle:
        """As call_at without jitter, for what the world itself plans."""
        if context is None:
            context = contextvars.copy_context()
        timer = Timer(when, callback, args, context, self._count_cancelled)
        if self._buried:
            timer.gone = True
        else:
            heapq.heappush(self._timers, (when, self._next_serial(), timer))
        return timer

    def _count_cancelled(self) -> None:
        self._cancelled += 1
        if self._cancelled > SWEEP_MIN and self._cancelled * 2 > len(self._timers):
            self._sweep()

    def _sweep(self) -> None:
        # In place: the running loop holds this very list.
        self._timers[:] = [entry for entry in self._timers if not entry[2].gone]
        heapq.heapify(self._timers)
        self._cancelled = 0

    def stop(self) -> None:
        """Return from run_forever after the running callback."""
        self._stopping = True

    def fail(self, error: SimulationError) -> None:
        """End the run with this error after the running callback, whoever swallows the exception on its way up."""
        if self._fatal is None:
            self._fatal = error
        self._stopping = True

    def run_for(self, seconds: float) -> None:
        """Run for so many virtual seconds, whatever is or isn't going on.

        Raises:
            SimulationError: a bug was found.
        """
        self.call_exactly_at(self._now + seconds, self.stop, context=Context())
        self.run_forever()

    def _run_once(self) -> None:
        """All iterations until ``stop``: asyncio's run_forever calls this in a loop that ends with it."""
        while not self._stopping:
            if self._ready:
                self._run_ready()
            elif self._timers:
                self._advance()
            else:
                raise DeadlockError(self._who_waits())
        if self._fatal is not None:
            raise self._fatal

    def _advance(self) -> None:
        """Move the clock to the next timer."""
        when, _, timer = heapq.heappop(self._timers)
        if not timer.gone:
            self._now = max(self._now, when)
            self._ready.append(timer)

    def _run_ready(self) -> None:
        """Run everything that is due at this instant."""
        ready, steps = self._ready, 0
        while ready and not self._stopping:
            timer = ready.popleft()
            life = timer.life
            if timer.gone or (life is not None and life.dead):
                continue
            try:
                timer.ctx.run(timer.call, *timer.arguments)
            except (SystemExit, KeyboardInterrupt):
                raise
            except BaseException as error:  # noqa: BLE001 - asyncio catches the same
                self._callback_failed(timer, error)
            steps += 1
            if steps > STEPS_PER_INSTANT_MAX:
                raise LivelockError(
                    f"{steps} callbacks at {self._now:.6f} s and the clock stands still; the last was {timer!r}. "
                    "Something is polled or woken in a circle: give it a timer"
                )
        self.callbacks += steps

    def _callback_failed(self, timer: Timer, error: BaseException) -> None:
        if isinstance(error, SimulationError):
            raise error
        if timer.life is None or not timer.life.dead:
            raise SimulationError(f"{timer!r} failed at {self._now:.6f} s: {error!r}") from error

    def _who_waits(self) -> str:
        waiting = sorted((task for task in self._tasks() if not task.dead), key=SimTask.__hash__)
        return (
            f"deadlock at {self._now:.6f} s: nothing is ready and no timer is set, and {len(waiting)} tasks wait: "
            + "; ".join(task.describe() for task in waiting[:LISTED_MAX])
        )

    def _tasks(self) -> list[SimTask]:
        return [task for task in asyncio.all_tasks(self) if isinstance(task, SimTask)]
