"""Whoever is told to end does end, though a library swallowed the word."""

import asyncio


def end_if_cancelled() -> None:
    """Raise CancelledError where one was asked of this task and swallowed.

    asyncio.wait_for swallows a cancellation that comes as its future is done (Python 3.11), and the end of an aiomqtt
    session that fails puts its own error in the place of one. drivers.mqtt.Client does neither; this stands behind it.
    """
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
