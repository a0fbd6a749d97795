"""asyncio on virtual time: no sockets, no threads, and nodes whose plug can be pulled at any moment.

The loop is a discrete-event simulator with asyncio's interface: while a callback is ready it runs, and when none is,
the clock jumps to the next timer. Two runs with one seed make the same steps in the same order: timers carry a tiny
seeded jitter (so that another seed gives another order), equal times are settled by a counter, and tasks hash by
number, so that even a ``set`` of tasks (as in ``asyncio.TaskGroup``) is walked in the same order everywhere.
"""

import asyncio
import contextlib
import contextvars
import gc
import heapq
import random
import sys
import warnings
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from types import AsyncGeneratorType, TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar, TypeVarTuple

from simulators.virtual.errors import DeadlockError, LivelockError, SimulationError
from simulators.virtual.steps import LIFE, Life, SimTask, SimulatedFile, Timer, Watch, current_life, nothing
from simulators.virtual.trace import Trace

__all__ = ["Life", "SimulatedFile", "VirtualLoop", "current_life"]

STEPS_PER_INSTANT_MAX: Final = 1_000_000  # callbacks without the clock moving: beyond this the world spins
LISTED_MAX: Final = 20  # tasks named in a deadlock report
COMPLAINTS_MAX: Final = 100  # complaints kept
SWEEP_MIN: Final = 64  # cancelled timers below which the heap is left alone
START_S: Final = 1_000.0  # the clock at the start: never zero, which some libraries take for "not set"

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class VirtualLoop(asyncio.BaseEventLoop):
    """An event loop on virtual time.

    ``seed``: decides the jitter, and with it the order of timers that would be due together. ``jitter_s``: each timer
    fires up to this many virtual seconds late. Use it as a context manager, or call ``bury`` at the end.

    An exception that leaves a callback ends the run as SimulationError, where asyncio would only log it.
    """

    def __init__(self, *, seed: int | str = 0, jitter_s: float = 1e-4, trace: Trace | None = None) -> None:
        super().__init__()
        self.seed = seed
        self.trace = Trace() if trace is None else trace
        self.complaints: list[str] = []
        """What asyncio would have logged: exceptions that nobody retrieved, pending tasks that nobody held. When they
        come depends on the garbage collector, so they are not part of the trace."""
        self.on_kill: list[Callable[[Life], None]] = []
        """Called with each life that ends, after its last step was forgotten."""
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
        self._lives: dict[str, Life] = {}
        self._graveyard: list[SimTask] = []
        self._files: dict[int, SimulatedFile] = {}
        self._next_fd = 1_000_000
        self._readers: dict[int, Watch] = {}
        self._writers: dict[int, Watch] = {}
        self._blocked_s = 0.0
        self._buried = False
        self._fatal: BaseException | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bury()

    # --- time and callbacks ------------------------------------------------------------------------------------

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

    # --- tasks and nodes ---------------------------------------------------------------------------------------

    def create_task(
        self,
        coro: Coroutine[Any, Any, T] | Generator[Any, None, T],
        *,
        name: object = None,
        context: Context | None = None,
        **_: Any,
    ) -> asyncio.Task[T]:
        """As asyncio."""
        if not asyncio.iscoroutine(coro):
            raise TypeError(f"a coroutine was expected, got {coro!r}")
        task = SimTask(
            coro, serial=self._next_serial(), loop=self, name=str(name) if name else None, context=context
        )
        if self._buried:
            task.bury()
        elif task.life is not None and task.life.dead:
            self._graveyard.append(task)
        return task

    def spawn(self, node: str, coro: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        """Run a coroutine on a node. The first one after a ``kill`` begins a new life of that node."""
        life = self._lives.get(node)
        if life is None or life.dead:
            life = self._lives[node] = Life(node, life.number + 1 if life else 1)
            self.trace.event(self._now, node, "born", life.number.to_bytes(4, "big"))
        context = Context()
        context.run(LIFE.set, life)
        return self.create_task(coro, context=context)

    def alive(self, node: str) -> bool:
        """Whether this node is in one of its lives."""
        life = self._lives.get(node)
        return life is not None and not life.dead

    def kill(self, node: str) -> None:
        """Pull the plug: nothing that this node began ever runs again, no ``finally``, no callback.

        A dead or unborn node stays as it is. When a step of the node itself pulls the plug (its disk was cut), that
        one step unwinds to its end; see ``current_life``.
        """
        life = self._lives.get(node)
        if life is None or life.dead:
            return
        life.dead = True
        # Held until the end: a coroutine that is collected is closed, and a closed one runs its finally.
        self._graveyard += sorted((t for t in self._tasks() if t.life is life), key=SimTask.__hash__)
        for entry in self._timers:
            if entry[2].life is life:
                entry[2].gone = True
        self._sweep()
        self.trace.event(self._now, node, "killed", life.number.to_bytes(4, "big"))
        for hook in self.on_kill:
            hook(life)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[*Ts], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Run the function at once, in this thread; its outcome is known a moment later, as with a real executor.

        What the function says it would have waited for (``block``) is how long the outcome takes.
        """
        del executor
        outcome: asyncio.Future[T] = self.create_future()
        before, self._blocked_s = self._blocked_s, 0.0
        try:
            settle = partial(outcome.set_result, func(*args))
        except Exception as error:  # noqa: BLE001 - the caller of the executor gets it
            settle = partial(outcome.set_exception, error)
        finally:
            waited_s, self._blocked_s = self._blocked_s, before
        self.call_later(waited_s, _settle, outcome, settle)
        return outcome

    def block(self, seconds: float) -> None:
        """Say, from inside an executor's function, that it would have blocked for so many virtual seconds."""
        self._blocked_s += seconds

    # --- file descriptors --------------------------------------------------------------------------------------

    def open_file(self, file: SimulatedFile) -> int:
        """Give a simulated file a descriptor; ``poll`` it whenever it may have become readable or writable."""
        self._next_fd += 1
        self._files[self._next_fd] = file
        return self._next_fd

    def close_file(self, fd: int) -> None:
        """Forget a descriptor and whoever watches it."""
        self._files.pop(fd, None)
        self.remove_reader(fd)
        self.remove_writer(fd)

    def add_reader(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As asyncio, level-triggered; only for descriptors of ``open_file``."""
        self.remove_reader(fd)
        self._readers[fd] = Watch(self._file(fd).readable, callback, args)
        self.poll(fd)

    def remove_reader(self, fd: Any) -> bool:
        """As asyncio."""
        return _forget(self._readers.pop(fd, None))

    def add_writer(self, fd: Any, callback: Callable[[*Ts], Any], *args: *Ts) -> None:
        """As asyncio, level-triggered; only for descriptors of ``open_file``."""
        self.remove_writer(fd)
        self._writers[fd] = Watch(self._file(fd).writable, callback, args)
        self.poll(fd)

    def remove_writer(self, fd: Any) -> bool:
        """As asyncio."""
        return _forget(self._writers.pop(fd, None))

    def poll(self, fd: int) -> None:
        """Wake whoever watches this descriptor if it is ready for them."""
        for watch in (self._readers.get(fd), self._writers.get(fd)):
            if watch is not None:
                self._wake(watch)

    def _file(self, fd: int) -> SimulatedFile:
        file = self._files.get(fd)
        if file is None:
            raise SimulationError(
                f"descriptor {fd!r} is not open in this world: a closed socket is being watched"
            )
        return file

    def _wake(self, watch: Watch) -> None:
        if not watch.queued and not watch.gone and watch.ready():
            watch.queued = True
            self.call_soon(self._fire, watch, context=watch.ctx)

    def _fire(self, watch: Watch) -> None:
        watch.queued = False
        if not watch.gone and watch.ready():
            watch.call(*watch.arguments)
            self._wake(watch)

    # --- what asyncio says, and the end ------------------------------------------------------------------------

    def call_exception_handler(self, context: dict[str, Any]) -> None:
        """Keep what asyncio would have logged about a living node's tasks as a complaint."""
        source = context.get("task") or context.get("future")
        life = source.life if isinstance(source, SimTask) else None
        plain_future = source is not None and not isinstance(source, SimTask)
        # A bare future that nobody asked is ordinary (aiomqtt leaves them) and says nothing about whose it was.
        if self._buried or plain_future or (life is not None and life.dead):
            return
        if len(self.complaints) < COMPLAINTS_MAX:
            where = life.node if life else "the world"
            self.complaints.append(f"{context.get('message')} on {where}: {context.get('exception')!r}")

    def _asyncgen_finalizer_hook(self, agen: AsyncGeneratorType[Any, Any]) -> None:
        # asyncio would schedule aclose() now; but "now" is when the collector came by, which no seed decides.
        if not self._buried and len(self.complaints) < COMPLAINTS_MAX:
            self.complaints.append(
                f"async generator {agen.__qualname__} was dropped unfinished: use aclosing()"
            )

    def _refuse(self, *_: object, **__: object) -> NoReturn:
        raise SimulationError(
            "there are no real sockets in virtual time: use the simulated network or a stream"
        )

    create_connection = create_server = create_datagram_endpoint = getaddrinfo = getnameinfo = _refuse

    def _write_to_self(self) -> None:
        """Nothing to wake: no selector sleeps."""

    def bury(self) -> None:
        """End the world: clear everything away without a warning. Leftover ``finally`` blocks run in the void.

        Nothing that they schedule, send or trace has an effect any more. Idempotent.
        """
        if self.is_closed():
            return
        self._buried = True
        self.trace.close()
        with _silence():
            for task in sorted({*self._graveyard, *self._tasks()}, key=SimTask.__hash__):
                task.bury()
            for cleared in (
                self._graveyard,
                self._ready,
                self._timers,
                self._files,
                self._readers,
                self._writers,
            ):
                cleared.clear()
            self.on_kill.clear()
            self.close()
            gc.collect()


def _settle(outcome: "asyncio.Future[Any]", settle: Callable[[], None]) -> None:
    if not outcome.done():
        settle()


def _forget(watch: Watch | None) -> bool:
    if watch is None:
        return False
    watch.gone = True
    return True


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    """Let no warning out: what is collected here was cut off in the middle, and has every reason to complain."""
    before = sys.unraisablehook
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        sys.unraisablehook = nothing
        try:
            yield
        finally:
            sys.unraisablehook = before
