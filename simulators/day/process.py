"""A program under the day's care: started, waited for by sd_notify, stopped, killed, started again."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

START_TIMEOUT_S: Final = 60.0
STOP_TIMEOUT_S: Final = 10.0
LOG_TAIL: Final = 2_000  # characters of a log that an error shows


class ProgramError(Exception):
    """A program did not start, or ended by itself; the message ends with the last lines of its log."""


def entry(point: str, *arguments: str) -> list[str]:
    """The command line of an entry point (``module:function``) in this interpreter, installed or not."""
    module, function = point.split(":")
    return [sys.executable, "-c", f"from {module} import {function}; {function}()", *arguments]


class Program:
    """One program. Its standard error goes to ``log``; READY=1 comes over a notify socket beside it."""

    def __init__(self, name: str, command: Sequence[str], folder: Path) -> None:
        self.name, self.log = name, folder / f"{name}.log"
        self._command = list(command)
        self._notify_path = folder / f"{name}.notify"
        self._process: subprocess.Popen[bytes] | None = None
        self._notify: socket.socket | None = None
        self._ready = False

    @property
    def pid(self) -> int | None:
        """Process id while it runs."""
        return self._process.pid if self._process is not None and self._process.poll() is None else None

    def start(self) -> None:
        """Start without waiting. Call it on the event loop that goes on to run: it must hear the program all day."""
        self._close_notify()
        self._ready = False
        self._notify_path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(self._notify_path))
        # The queue of such a socket is short, and a program that reports to a full one may wait there for ever.
        asyncio.get_running_loop().add_reader(self._notify, self._heard)
        environment = os.environ | {"NOTIFY_SOCKET": str(self._notify_path)}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=environment
            )

    async def ready(self) -> None:
        """Wait until it says READY=1; raises ProgramError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + START_TIMEOUT_S
        while loop.time() < deadline:
            if self._ready:
                return
            self.check()
            await asyncio.sleep(0.02)
        raise ProgramError(f"{self.name} was not ready within {START_TIMEOUT_S:.0f} s{self._tail()}")

    def check(self) -> None:
        """Raise ProgramError if it ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            raise ProgramError(f"{self.name} ended with exit code {self._process.returncode}{self._tail()}")

    def kill(self) -> None:
        """SIGKILL: no last words, no flushing."""
        if self._process is not None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
            self._process = None

    async def stop(self) -> int | None:
        """SIGTERM, then SIGKILL if it will not; returns the exit code."""
        process, self._process = self._process, None
        if process is None:
            return None
        if process.poll() is None:
            process.terminate()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + STOP_TIMEOUT_S
        while process.poll() is None and loop.time() < deadline:  # noqa: ASYNC110 - a process sets no Event
            await asyncio.sleep(0.02)
        if process.poll() is None:
            process.kill()
            process.wait()
        self._close_notify()
        return process.returncode

    def _heard(self) -> None:
        assert self._notify is not None  # noqa: S101 - its reader is removed before it is closed
        self._ready |= b"READY=1" in self._notify.recv(4096)

    def _close_notify(self) -> None:
        if self._notify is not None:
            asyncio.get_running_loop().remove_reader(self._notify)
            self._notify.close()
            self._notify = None

    def _tail(self) -> str:
        text = self.log.read_text(encoding="utf-8", errors="replace")[-LOG_TAIL:] if self.log.exists() else ""
        return f"; the end of {self.log}:\n{text}" if text else ""
