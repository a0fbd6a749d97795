"""What runs beside a test, and ends with it: what does not hear that it is told to end fails the test."""

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Final

END_S: Final = 10.0  # of the loop's time, from the cancellation to the end


@contextlib.asynccontextmanager
async def running(work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.Task[None]]:
    """A task while the body runs; raises what it stumbled over."""
    task = asyncio.get_running_loop().create_task(work)
    try:
        yield task
    finally:
        await end(task)


async def end(*tasks: asyncio.Task[None]) -> None:
    """Cancel them, and wait until they have ended; raises what any of them stumbled over."""
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=END_S)
    for task in tasks:
        assert task.done(), f"was cancelled, and goes on: {_where(task)}"
        if not task.cancelled():
            task.result()


def _where(task: asyncio.Task[None]) -> str:
    text = io.StringIO()
    task.print_stack(file=text)
    return text.getvalue()
