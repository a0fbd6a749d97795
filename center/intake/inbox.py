"""Messages that came in and wait for the next batch. Bounded: what does not fit stays with the broker."""

import asyncio  # noqa: TID251 - the daemon's own queue: part of its shell
from collections import deque
from typing import Final

from center.ports import Delivery

INBOX_MAX: Final = 2_048  # messages
INBOX_BYTES_MAX: Final = 64 * 1024 * 1024  # bytes of payload


class Inbox:
    """A bounded queue with one reader, who takes batches."""

    def __init__(self) -> None:
        self._queue: deque[Delivery] = deque()
        self._bytes = 0
        self._enough = 1
        self._signal = asyncio.Event()

    def push(self, delivery: Delivery) -> bool:
        """Take one message in; False when there is no room for it."""
        size = len(delivery.payload)
        if len(self._queue) >= INBOX_MAX or self._bytes + size > INBOX_BYTES_MAX:
            return False
        self._queue.append(delivery)
        self._bytes += size
        if len(self._queue) >= self._enough:
            self._signal.set()
        return True

    @property
    def share(self) -> float:
        """How full it is, 0 to 1."""
        return max(len(self._queue) / INBOX_MAX, self._bytes / INBOX_BYTES_MAX)

    def wake(self) -> None:
        """Let the reader look around at once, whether there is a message or not."""
        self._signal.set()

    async def take(self, *, count_max: int, wait_ms: int, idle_ms: int) -> list[Delivery]:
        """The next batch: up to ``count_max`` messages, gathered for ``wait_ms`` after the first.

        Empty after ``idle_ms`` without a message, or when woken.
        """
        await self._until(1, idle_ms)
        if self._queue:
            await self._until(count_max, wait_ms)
        batch = [self._queue.popleft() for _ in range(min(count_max, len(self._queue)))]
        self._bytes -= sum(len(delivery.payload) for delivery in batch)
        return batch

    async def _until(self, enough: int, timeout_ms: int) -> None:
        self._enough = enough
        if len(self._queue) >= enough:
            return
        try:
            async with asyncio.timeout(timeout_ms / 1000):
                await self._signal.wait()
        except TimeoutError:
            pass
        finally:
            self._signal.clear()
