"""An event loop whose clock jumps to the next timer, and an in-memory line on it: hours pass in milliseconds."""

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from contextvars import Context
from typing import Any

from drivers.ports import StreamClosedError


class _Selector(selectors.DefaultSelector):
    clock = 0.0

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        assert timeout is not None, "everything waits and nothing is due"
        self.clock += max(0.0, timeout)
        return super().select(0)


class VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.selector = _Selector()
        super().__init__(self.selector)
        self.timers = 0

    def time(self) -> float:
        return self.selector.clock

    def call_at(  # type: ignore[override]  # the stub ties callback and args together; here they only pass through
        self, when: float, callback: Callable[..., object], *args: Any, context: Context | None = None
    ) -> asyncio.TimerHandle:
        self.timers += 1
        return super().call_at(when, callback, *args, context=context)


def now() -> int:
    return int(asyncio.get_running_loop().time() * 1000)


def run_virtual(main: Coroutine[Any, Any, None]) -> int:
    """Run to the end; returns how many timers were set."""
    loops: list[VirtualLoop] = []

    def make() -> VirtualLoop:
        loops.append(VirtualLoop())
        return loops[0]

    with asyncio.Runner(loop_factory=make) as runner:
        runner.run(main)
    return loops[0].timers


class Line:
    """A ByteStream to a far end that is a function: bytes heard to bytes answered, after a latency."""

    def __init__(self, hear: Callable[[bytes], bytes], latency_ms: int = 5) -> None:
        self.hear = hear
        self.latency_ms = latency_ms
        self.closed = False
        self.stuck = False
        """Takes no bytes any more."""
        self.written = 0
        self._gone: str | None = None
        self._bytes = bytearray()
        self._news = asyncio.Event()

    async def read(self) -> bytes:
        while not self._bytes:
            if self._gone:
                raise StreamClosedError(self._gone)
            self._news.clear()
            await self._news.wait()
        data = bytes(self._bytes)
        self._bytes.clear()
        return data

    async def write(self, data: bytes) -> None:
        if self.stuck:
            await asyncio.sleep(3600)
        if self._gone:
            raise StreamClosedError(self._gone)
        self.written += len(data)
        if answer := self.hear(data):
            asyncio.get_running_loop().call_later(self.latency_ms / 1000, self.arrive, answer)

    def close(self) -> None:
        self.closed = True

    def arrive(self, data: bytes) -> None:
        self._bytes += data
        self._news.set()

    def hang_up(self, reason: str = "unplugged") -> None:
        self._gone = reason
        self._news.set()
