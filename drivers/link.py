"""Holds one dialogue up over a line that comes and goes: open, converse, and on loss wait a little longer each time."""

import asyncio
from collections.abc import Callable
from typing import Final, Generic, TypeVar

from drivers.dialogue import Dialogue, Step
from drivers.ports import ByteStream, OpenStream, StreamClosedError

BACKOFF_MIN_MS: Final = 250  # wait before the first attempt to open the line again
BACKOFF_MAX_MS: Final = 5_000  # the wait doubles up to this
STABLE_MS: Final = 5_000  # a line that stood this long starts again at BACKOFF_MIN_MS
OPEN_TIMEOUT_MS: Final = 5_000  # a line that takes longer to open counts as not there
WRITE_TIMEOUT_MS: Final = 2_000  # a line that takes no bytes for so long is let go and opened anew
FLOOD_RATE: Final = 64 * 1024  # bytes a second that are heard for long: five times the fastest serial line
FLOOD_BURST: Final = (
    512 * 1024
)  # bytes that are heard at once; what comes faster waits, and holds the device up

E = TypeVar("E")


class Link(Generic[E]):
    """The one shell around a device's dialogue.

    Two tasks while the line stands: one reads, the other writes and sleeps until the dialogue's next deadline.
    A read is never cancelled by a deadline, so no byte can get lost between the two.

    A stream may have a method ``offer(data: bytes) -> int`` besides those of ``ByteStream``: it takes what the line
    takes at once, returns how many bytes that were, and never raises. Then most requests wait for no task to go out.
    """

    def __init__(
        self,
        open_stream: OpenStream,
        now: Callable[[], int],
        dialogue: Dialogue[E],
        emit: Callable[[E], None],
    ) -> None:
        self._open_stream = open_stream
        self._now = now
        self._dialogue = dialogue
        self._emit = emit
        self._out = bytearray()
        self._wake = asyncio.Event()
        self._hang_up: str | None = None  # why the dialogue wants the line let go of
        self._offer: Callable[[bytes], int] | None = (
            None  # of a stream that takes bytes at once, between two writes
        )
        self._armed: int | None = None  # the instant at which the sleeper wakes by itself

    async def run(self) -> None:
        """Hold the line up until cancelled; never returns by itself."""
        backoff_ms = BACKOFF_MIN_MS
        while True:
            began = self._now()
            reason = await self._session()
            if self._now() - began >= STABLE_MS:
                backoff_ms = BACKOFF_MIN_MS
            self.take(self._dialogue.handle_line_lost(reason, self._now()))
            await self._sit_out(self._now() + backoff_ms)
            backoff_ms = min(2 * backoff_ms, BACKOFF_MAX_MS)

    def take(self, step: Step[E]) -> None:
        """Carry a step of the dialogue out: bytes first, for a listener may ask for more at once."""
        if step.send:
            self._out += step.send
            if self._offer is not None:
                del self._out[: self._offer(bytes(self._out))]
        if step.hang_up is not None:
            self._hang_up = step.hang_up
        if (
            self._out
            or self._hang_up is not None
            or not self._sleeps_no_longer_than(self._dialogue.wake_at())
        ):
            self._wake.set()
        for event in step.events:
            self._emit(event)

    async def _session(self) -> str:
        """Open the line and converse until it is gone; returns why."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_MS / 1000):
                stream = await self._open_stream()
        except StreamClosedError as gone:
            return str(gone)
        except TimeoutError:
            return f"the line could not be opened within {OPEN_TIMEOUT_MS} ms"
        self._out.clear()
        self._hang_up = None
        self._offer = offer = getattr(stream, "offer", None)
        reader = asyncio.create_task(self._read(stream))
        reader.add_done_callback(lambda _: self._wake.set())
        try:
            self.take(self._dialogue.handle_line_up(self._now()))
            return await self._converse(stream, reader, offer)
        finally:
            self._offer = None
            reader.cancel()
            stream.close()
            await asyncio.wait((reader,))

    async def _read(self, stream: ByteStream) -> str:
        """Feed the dialogue until the line is gone; returns why. A device that floods us is heard slowly."""
        allowance, last = FLOOD_BURST, self._now()
        try:
            while data := await stream.read():
                now = self._now()
                self.take(self._dialogue.handle_bytes(data, now))
                allowance = min(FLOOD_BURST, allowance + (now - last) * FLOOD_RATE // 1000) - len(data)
                last = now
                if allowance < 0:
                    await asyncio.sleep(-allowance / FLOOD_RATE)
        except StreamClosedError as gone:
            return str(gone)
        return "the line ended"

    async def _converse(
        self, stream: ByteStream, reader: asyncio.Task[str], offer: Callable[[bytes], int] | None
    ) -> str:
        """Write what the dialogue says and wake it at its deadlines; returns why the line is gone."""
        while not reader.done():
            if self._out:
                data = bytes(self._out)
                self._out.clear()
                self._offer = None  # nothing may overtake what is being written
                try:
                    async with asyncio.timeout(WRITE_TIMEOUT_MS / 1000):
                        await stream.write(data)
                except StreamClosedError as gone:
                    return str(gone)
                except TimeoutError:
                    return f"the line took no bytes for {WRITE_TIMEOUT_MS} ms"
                if not self._out:
                    self._offer = offer
            elif self._hang_up is not None:
                return self._hang_up
            elif not self._tick():
                await self._sleep(self._dialogue.wake_at())
        return reader.result()

    async def _sit_out(self, until: int) -> None:
        """Wait until an instant without a line; the dialogue's deadlines are still served."""
        while self._now() < until:
            if not self._tick():
                wake_at = self._dialogue.wake_at()
                await self._sleep(until if wake_at is None else min(until, wake_at))

    def _tick(self) -> bool:
        """Serve the dialogue's deadline if it has come."""
        now, wake_at = self._now(), self._dialogue.wake_at()
        if wake_at is None or now < wake_at:
            return False
        self.take(self._dialogue.handle_tick(now))
        return True

    async def _sleep(self, until: int | None) -> None:
        """Sleep until an instant or until something happens, with at most one timer."""
        self._wake.clear()
        self._armed = until
        timer = None
        if until is not None:
            delay_s = max(0, until - self._now()) / 1000
            timer = asyncio.get_running_loop().call_later(delay_s, self._wake.set)
        try:
            await self._wake.wait()
        finally:
            self._armed = None
            if timer is not None:
                timer.cancel()

    def _sleeps_no_longer_than(self, deadline: int | None) -> bool:
        """Whether nobody needs to be woken for this deadline: whoever sleeps has a timer for it, or for earlier."""
        return deadline is None or (self._armed is not None and self._armed <= deadline)
