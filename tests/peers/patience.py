"""Waiting for what other programs do: until a condition holds, however busy the machine."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

EVER_S: Final = 90.0  # by when anything has happened
_POLL_S: Final = 0.02


async def until(
    what: Callable[[], bool], complaint: Callable[[], str] = lambda: "it never came true"
) -> None:
    """Wait until ``what`` holds; after ``EVER_S`` the test fails with the complaint."""
    began = time.monotonic()
    while not what():
        assert time.monotonic() - began < EVER_S, complaint()
        await asyncio.sleep(_POLL_S)
