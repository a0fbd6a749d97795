"""A real kitd as a process, its terminal and UPS on pseudo-terminals, and nobody at the other end of its uplinks."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

from kit.facts import Fact
from kit.journal.journal import Journal
from simulators.devices.pty import PtyLine
from simulators.devices.terminal import TerminalModel
from simulators.devices.ups import UpsModel
from tests.kit.commission import ROOT, command, commission
from tests.kit.harness import Branch

PATIENCE_S: Final = 20.0
POLL_S: Final = 0.03


def monotonic_ms() -> int:
    return time.monotonic_ns() // 1_000_000


class RealKit:
    """``branch``: a day on the table that the process takes over, with its journal and its terminal."""

    def __init__(self, folder: Path, branch: Branch, port: int = 1) -> None:
        self.folder = folder
        self.branch = branch
        self.terminal: TerminalModel = branch.lines["terminal-1-1"].model
        self.ups = UpsModel(load_w=60, now_ms=monotonic_ms())
        self.spoil: Callable[[bytes], bytes] = lambda answer: answer
        self.terminal_line = PtyLine(self._answer)
        self.ups_line = PtyLine(lambda data: self.spoil(self.ups.feed(data, monotonic_ms())))
        self.config = commission(
            folder,
            election=branch.election,
            port=port,
            terminal=self.terminal_line.path,
            ups=self.ups_line.path,
            device=branch.device,
        )
        self.socket = folder / "kitd.sock"
        self.log = folder / "log"
        self.notified: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._notify.bind(str(folder / "notify"))
        (folder / "state").mkdir()
        if branch.journal.facts:
            with self.journal() as journal:
                assert not list(journal.replay())
                journal.append(branch.journal.facts)

    def journal(self) -> "OpenJournal":
        return OpenJournal(self.folder / "state" / "journal.db")

    def facts(self) -> list[Fact]:
        """All facts; only while the process is down."""
        with self.journal() as journal:
            return list(journal.replay())

    async def start(self) -> None:
        """Start it and wait for READY=1."""
        self.notified.clear()
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "NOTIFY_SOCKET": str(self.folder / "notify"),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(  # noqa: ASYNC220 - it only forks, and outlives this loop
                command("kitd", "--config", self.config),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
        await self.until(lambda: "READY=1" in self.heard(), "READY=1")

    def heard(self) -> list[str]:
        """What it has told systemd in this life."""
        try:
            while True:
                self.notified += self._notify.recv(4096).decode().split("\n")
        except BlockingIOError:
            return self.notified

    async def until(self, condition: Callable[[], Any], what: str) -> None:
        """Wait for something that needs no answer of the process."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            if time.monotonic() > deadline:
                raise AssertionError(f"{what} did not come; the log says:\n{self.log.read_text()[-2000:]}")
            await asyncio.sleep(POLL_S)

    async def until_status(self, condition: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        """Ask for the status until it is as expected."""
        deadline = time.monotonic() + PATIENCE_S
        while True:
            status: dict[str, Any] = (await self.ask({"op": "status"}))["status"]
            if condition(status):
                return status
            assert time.monotonic() < deadline, f"{what} did not come: {status}"
            await asyncio.sleep(POLL_S)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """One request over the control socket."""
        reader, writer = await asyncio.open_unix_connection(self.socket, limit=1 << 22)
        writer.write(json.dumps(request).encode() + b"\n")
        answer: dict[str, Any] = json.loads(await reader.readline())
        writer.close()
        await writer.wait_closed()
        return answer

    async def ctl(self, *arguments: str, stdin: str = "", **environment: str) -> tuple[int, str, str]:
        """Run kitctl; the event loop goes on answering for the devices meanwhile."""
        env = {**os.environ, "PYTHONPATH": str(ROOT), "KITD_SOCKET": str(self.socket), **environment}
        process = await asyncio.create_subprocess_exec(
            *command("kitctl", *arguments),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=env,
        )
        out, err = await process.communicate(stdin.encode())
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    async def end(self, *, kill: bool = False) -> int:
        """SIGTERM or SIGKILL; returns the exit code."""
        process = self.process
        assert process is not None
        process.kill() if kill else process.terminate()
        await self.until(lambda: process.poll() is not None, "the end")
        return process.wait()

    def close(self) -> None:
        """Leave nothing behind."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.terminal_line.close()
        self.ups_line.close()
        self._notify.close()

    def _answer(self, data: bytes) -> bytes:
        return self.spoil(self.terminal.feed(data, self.branch.wall_ms))


class OpenJournal:
    """``with``: the journal, closed again before the process wants it."""

    def __init__(self, path: Path) -> None:
        self._journal = Journal(path)

    def __enter__(self) -> Journal:
        return self._journal

    def __exit__(self, *_: object) -> None:
        self._journal.close()


@asynccontextmanager
async def real_kit(
    branch: Branch, port: int = 1, *, narrow: bool = False, tables: str = ""
) -> AsyncIterator[RealKit]:
    """A started kit, and its end. Not in ``tmp_path``: paths of Unix sockets are short.

    ``port``: of the broker; ``narrow``: whether its uplinks say that they carry no proofs; ``tables``:
    more of its configuration.
    """
    folder = Path(tempfile.mkdtemp(prefix="kit-"))
    kit = RealKit(folder, branch, port)
    if narrow:
        text = kit.config.read_text(encoding="utf-8")
        kit.config.write_text(
            text.replace(f"port = {port}", f"port = {port}\nnarrow = true"), encoding="utf-8"
        )
    with kit.config.open("a", encoding="utf-8") as config:
        config.write(tables)
    try:
        kit.terminal_line.start()
        kit.ups_line.start()
        await kit.start()
        yield kit
    finally:
        kit.close()
        shutil.rmtree(folder)
