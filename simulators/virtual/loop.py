"""asyncio on virtual time: no sockets, no threads, and nodes whose plug can be pulled at any moment.

The loop is a discrete-event simulator with asyncio's interface; timed_loop.py says how its time goes. Two runs with one
seed make the same steps in the same order: tasks, too, hash by number, so that even a ``set`` of them (as in
``asyncio.TaskGroup``) is walked in the same order everywhere.
"""

import asyncio
import contextlib
import gc
import sys
import warnings
from collections.abc import Callable, Coroutine, Generator, Iterator
from concurrent.futures import Executor
from contextvars import Context
from functools import partial
from types import AsyncGeneratorType, TracebackType
from typing import Any, Final, NoReturn, Self, TypeVar, TypeVarTuple

from simulators.virtual.errors import SimulationError
from simulators.virtual.steps import LIFE, Life, SimTask, SimulatedFile, current_life, nothing
from simulators.virtual.trace import Trace
from simulators.virtual.watching_loop import WatchingLoop

__all__ = ["Life", "SimulatedFile", "VirtualLoop", "current_life"]

COMPLAINTS_MAX: Final = 100  # complaints kept

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class VirtualLoop(WatchingLoop):
    """An event loop on virtual time, of nodes with lives.

    ``seed``: decides the jitter, and with it the order of timers that would be due together. ``jitter_s``: each timer
    fires up to this many virtual seconds late. Use it as a context manager, or call ``bury`` at the end.
    """

    def __init__(self, *, seed: int | str = 0, jitter_s: float = 1e-4, trace: Trace | None = None) -> None:
        super().__init__(seed=seed, jitter_s=jitter_s)
        self.trace = Trace() if trace is None else trace
        self.complaints: list[str] = []
        """What asyncio would have logged: exceptions that nobody retrieved, pending tasks that nobody held. When they
        come depends on the garbage collector, so they are not part of the trace."""
        self.on_kill: list[Callable[[Life], None]] = []
        """Called with each life that ends, after its last step was forgotten."""
        self._lives: dict[str, Life] = {}
        self._graveyard: list[SimTask] = []
        self._blocked_s = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.bury()

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
