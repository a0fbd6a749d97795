"""The other side of a real-process day: the broker, the centre, and the opening."""

import asyncio
import contextlib
import json
import sqlite3
from pathlib import Path
from typing import Any, Final

from crypto.codec import b64
from simulators.day.process import Program, ProgramError, entry
from simulators.election import MANIFEST_THRESHOLD, Election
from simulators.loopback.broker import Broker, MqttBroker

CONFIG: Final = """\
state_dir = "center"
manifest = "manifest.dsse.json"
log_key = "keys/log.key"

[trust]
threshold = {threshold}
manifest_keys = [{keys}]

[broker]
host = "127.0.0.1"
port = {port}
"""


class Headquarters:
    """Broker and centre on loopback. ``start_broker`` first: the manifest names its port.

    ``broker``: None for the demo's own.
    """

    def __init__(self, folder: Path, broker: Broker | None = None) -> None:
        self._folder = folder
        self.broker = broker or MqttBroker()
        self.config = folder / "centerd.toml"
        self.centerd = Program(
            "centerd", entry("center.cli:main_centerd", "--config", str(self.config)), folder
        )

    async def start_broker(self) -> int:
        """Start the broker; returns its port."""
        await self.broker.start()
        return self.broker.port

    async def start_center(self, election: Election) -> None:
        """Write the configuration and start centerd."""
        keys = ", ".join(f'"{b64(key.public)}"' for key in election.manifest_keys)
        (self._folder / "center").mkdir(mode=0o700)
        self.config.write_text(
            CONFIG.format(threshold=MANIFEST_THRESHOLD, keys=keys, port=self.broker.port), encoding="utf-8"
        )
        self.centerd.start()
        await self.centerd.ready()

    async def open(self) -> dict[str, Any]:
        """Run ``center open`` as an official would; raises ProgramError when it refuses."""
        key = self._folder / "keys" / "election.key"
        command = entry(
            "center.cli:main_center", "open", "--config", str(self.config), "--key", str(key), "--json"
        )
        process = await asyncio.create_subprocess_exec(
            *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        out, err = await process.communicate()
        if not out:
            raise ProgramError(f"center open ended with exit code {process.returncode}: {err.decode()}")
        opening: dict[str, Any] = json.loads(out)
        return opening

    def received(self) -> list[str]:
        """The branch of every sealed tally in the centre's log, read from the ledger file itself."""
        uri = f"file:{self._folder}/center/ledger.db?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as ledger:
            rows = ledger.execute("select branch from envelopes where type = 'sealed-tally' order by leaf")
            return [str(branch) for (branch,) in rows]

    async def close(self) -> None:
        """Stop centre and broker."""
        await self.centerd.stop()
        self.broker.stop()
