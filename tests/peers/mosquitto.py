"""An installed mosquitto with a configuration of its own: started, frozen, killed and started again."""

import asyncio
import getpass
import os
import signal
import subprocess
from pathlib import Path
from typing import Final

from tests.center.site import free_port
from tests.peers import require_program
from tests.peers.program import end, listens

HOST: Final = "127.0.0.1"
START_MAX: Final = 10.0  # seconds until it must listen
INFLIGHT_MAX: Final = 5  # messages that a client may leave unacknowledged
_POLL: Final = 0.02  # seconds
_CONFIG: Final = """\
listener {port} {listen}
allow_anonymous true
user {user}
persistence true
persistence_location {folder}/
log_dest stderr
log_type all
max_inflight_messages {inflight}
{more}
"""


class Mosquitto:
    """A broker as an operator would set it up: it keeps sessions on disk, at its own leisure (``autosave_interval``).

    ``more``: lines of mosquitto.conf(5); ``listen``: at HOST, or a broader address. What it says is in ``log``. It may
    be started again after ``stop`` and ``kill``, on the same port and with what it saved.
    """

    def __init__(self, folder: Path, *more: str, port: int | None = None, listen: str = HOST) -> None:
        self._program = require_program("mosquitto")
        self._folder = folder / "mosquitto"
        self._folder.mkdir()
        self._more, self._listen = more, listen
        self._process: subprocess.Popen[bytes] | None = None
        self.port = port or free_port()
        self.log = self._folder / "log"

    async def start(self) -> None:
        """Start it and wait until it listens."""
        config = self._folder / "mosquitto.conf"
        # As root, mosquitto would become another user, who may not write here; for others "user" means nothing.
        config.write_text(
            _CONFIG.format(
                port=self.port,
                listen=self._listen,
                user=getpass.getuser(),
                folder=self._folder,
                inflight=INFLIGHT_MAX,
                more="\n".join(self._more),
            ),
            encoding="utf-8",
        )
        process = self._process = self._spawn(config)
        async with asyncio.timeout(START_MAX):
            while not await listens(HOST, self.port):
                assert process.poll() is None, self.said()
                await asyncio.sleep(_POLL)
            await asyncio.sleep(_POLL)  # where somebody else has the port, it ends now
            assert process.poll() is None, self.said()

    def stop(self) -> None:
        """Ask it to end (it saves what it has), and wait until it has. Idempotent."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """SIGKILL: what it has not saved is gone. Idempotent."""
        self._end(signal.SIGKILL)

    def reload(self) -> None:
        """It reads its certificates again; sessions stay."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGHUP)

    def freeze(self) -> None:
        """It keeps its connections and does nothing any more."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    def said(self) -> str:
        """Everything that it has logged, in all its lives."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    def _spawn(self, config: Path) -> subprocess.Popen[bytes]:
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [self._program, "-c", str(config)], stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )

    def _end(self, how: signal.Signals) -> None:
        process, self._process = self._process, None
        end(process, how)
