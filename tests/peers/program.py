"""Other people's programs as tests hold them: whether they listen, and how they end."""

import asyncio
import contextlib
import signal
import subprocess
from typing import Any, Final

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
