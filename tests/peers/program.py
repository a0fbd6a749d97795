"""Other people's programs as tests hold them: whether they listen, and how they end."""

import asyncio
import contextlib
import os
import signal
import subprocess
from typing import Any, Final

from tests.peers import require_program

DAEMON_STOP_MAX: Final = 20.0  # seconds, of one that lets a modem finish
STOP_MAX: Final = 5.0  # seconds until it is killed instead of asked


async def listens(host: str, port: int) -> bool:
    """Whether anybody takes calls there."""
    try:
        _, writer = await asyncio.open_connection(host, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def end(process: "subprocess.Popen[Any] | None", how: signal.Signals) -> None:
    """Send a signal, wake what was stopped, and see the program out."""
    if process is None:
        return
    process.send_signal(how)
    process.send_signal(signal.SIGCONT)
    try:
        process.wait(STOP_MAX)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


async def start_daemon(name: str, *words: str) -> asyncio.subprocess.Process:
    """Start a program in a session of its own, quietly; where it is missing, the test is skipped."""
    quiet = asyncio.subprocess.DEVNULL
    return await asyncio.create_subprocess_exec(
        require_program(name), *words, stdin=quiet, stdout=quiet, stderr=quiet, start_new_session=True
    )


async def end_daemon(process: asyncio.subprocess.Process | None) -> None:
    """Ask it to end, and see it out with all the processes that it made."""
    if process is None or process.returncode is not None:
        return
    process.terminate()
    try:
        await asyncio.wait_for(process.wait(), DAEMON_STOP_MAX)
    except TimeoutError:
        os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
