"""What runs beside a test is ended with it, within a time, and nothing that it stumbled over is lost."""

import asyncio

import pytest

from tests import running as beside
from tests.running import end, running


async def deaf() -> None:
    """Swallows a cancellation, and goes on."""
    try:
        await asyncio.Event().wait()
    except asyncio.CancelledError:
        await asyncio.sleep(0.2)


async def stumbling() -> None:
    try:
        await asyncio.Event().wait()
    finally:
        raise ValueError("stumbled")


async def test_what_does_not_end_is_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beside, "END_S", 0.05)
    task = asyncio.create_task(deaf())
    await asyncio.sleep(0)
    with pytest.raises(AssertionError, match=r"goes on(?s:.)*in deaf"):
        await end(task)
    await task


async def test_error_at_the_end_is_not_raised() -> None:
    with pytest.raises(ValueError, match="stumbled"):
        async with running(stumbling()):
            await asyncio.sleep(0)


async def test_sound_end_is_an_error() -> None:
    async with running(asyncio.sleep(60)) as task:
        assert not task.done()
    assert task.cancelled()
