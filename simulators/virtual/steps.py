"""What a virtual loop runs: callbacks, tasks and watches of descriptors, each knowing the life that it belongs to."""

import asyncio
import contextvars
from collections.abc import Callable, Coroutine
from contextvars import Context, ContextVar
from typing import Any, Final, Protocol

CLOSE_TRIES_MAX: Final = 16  # times a buried coroutine may refuse to end


class Life:
    """One life of a node, from its birth to the pulling of its plug."""

    __slots__ = ("dead", "node", "number")

    def __init__(self, node: str, number: int) -> None:
        self.node = node
        self.number = number
        """Counts from 1."""
        self.dead = False


LIFE: Final[ContextVar[Life | None]] = ContextVar("life", default=None)


def current_life() -> Life | None:
    """The life that the running step belongs to; None for the world itself.

    A life may be dead while its last step still unwinds (its disk was cut in the middle of the step): an edge that
    reaches the world must then do nothing.
    """
    return LIFE.get()


class Timer(asyncio.TimerHandle):
    """A callback to come, at a time or at once. Lean: none of asyncio's own bookkeeping."""

    __slots__ = ("arguments", "at", "call", "ctx", "gone", "life", "on_cancel")

    def __init__(
        self,
        at: float,
        call: Callable[..., object],
        arguments: tuple[Any, ...],
        ctx: Context,
        on_cancel: Callable[[], None],
    ) -> None:
        # No super().__init__(): every slot that it would fill has a counterpart here, and this line is the hottest.
        self.at = at
        self.call = call
        self.arguments = arguments
        self.ctx = ctx
        self.on_cancel = on_cancel
        self.life: Life | None = ctx.get(LIFE)
        self.gone = False

    def cancel(self) -> None:
        """As asyncio. Lets go of the callback at once."""
        if not self.gone:
            self.gone = True
            self.call = nothing
            self.arguments = ()
            self.on_cancel()

    def cancelled(self) -> bool:
        """As asyncio; also true for what died with its node."""
        return self.gone

    def when(self) -> float:
        """Virtual seconds at which it is due."""
        return self.at

    def __hash__(self) -> int:
        return hash(self.at)

    def __eq__(self, other: object) -> bool:
        return self is other

    def __repr__(self) -> str:
        name = getattr(self.call, "__qualname__", None) or repr(self.call)
        return f"<callback {name} on {self.life.node if self.life else 'the world'}>"


def nothing(*_: object) -> None:
    """Do nothing."""


class SimTask(asyncio.Task[Any]):
    """A task that hashes by its number, so that sets of tasks are walked in the same order in every run."""

    __slots__ = ("life", "serial")

    def __init__(
        self,
        coro: Coroutine[Any, Any, Any],
        *,
        serial: int,
        loop: asyncio.AbstractEventLoop,
        name: str | None,
        context: Context | None,
    ) -> None:
        self.serial = serial
        self.life: Life | None = LIFE.get() if context is None else context.get(LIFE)
        super().__init__(coro, loop=loop, name=name, context=context)

    def __hash__(self) -> int:
        return self.serial

    def __eq__(self, other: object) -> bool:
        return self is other

    @property
    def dead(self) -> bool:
        """Whether it died with its node."""
        return self.life is not None and self.life.dead

    def describe(self) -> str:
        """Name, coroutine and node, for reports."""
        coro = getattr(self.get_coro(), "__qualname__", "?")
        return f"{self.get_name()} ({coro}) on {self.life.node if self.life else 'the world'}"

    def bury(self) -> None:
        """End without a word: the coroutine is closed, and what it says or schedules meanwhile goes nowhere."""
        self._log_destroy_pending = False
        coro = self.get_coro()
        if self.done() or not asyncio.iscoroutine(coro):
            return
        for _ in range(CLOSE_TRIES_MAX):
            try:
                coro.close()
            except BaseException:  # noqa: BLE001, S112 - a coroutine that awaits in its finally says so here; try on
                continue
            return


class SimulatedFile(Protocol):
    """What stands behind a file descriptor of the loop."""

    def readable(self) -> bool:
        """Whether a read would give something (data, an end or an error) at once."""

    def writable(self) -> bool:
        """Whether a write would take something (or fail) at once."""


class Watch:
    """One add_reader or add_writer, in the context that asked for it."""

    __slots__ = ("arguments", "call", "ctx", "gone", "queued", "ready")

    def __init__(
        self, ready: Callable[[], bool], call: Callable[..., object], arguments: tuple[Any, ...]
    ) -> None:
        self.ready = ready
        self.call = call
        self.arguments = arguments
        self.ctx = contextvars.copy_context()
        self.queued = False
        self.gone = False
