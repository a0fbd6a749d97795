"""The other side of a real-process day: the broker, the centre, and the witnesses."""

import contextlib
import sqlite3
from pathlib import Path
from typing import Final

from crypto.codec import b64
from simulators.day.observers import Observers
from simulators.day.process import Program, entry
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

{witnesses}
"""


class Headquarters:
    """Broker, centre and witnesses on loopback. ``start_broker`` first: the manifest names its port.

    ``broker``: None for the demo's own.
    """

    def __init__(self, folder: Path, broker: Broker | None = None) -> None:
        self._folder = folder
        self.broker = broker or MqttBroker()
        self.config = folder / "centerd.toml"
        self._observers: Observers | None = None
        self.centerd = Program(
            "centerd", entry("center.cli:main_centerd", "--config", str(self.config)), folder
        )

    async def start_broker(self) -> int:
        """Start the broker; returns its port."""
        await self.broker.start()
        return self.broker.port

    async def start_center(self, election: Election) -> None:
        """Write the configuration, start the witnesses and centerd."""
        keys = ", ".join(f'"{b64(key.public)}"' for key in election.manifest_keys)
        (self._folder / "center").mkdir(mode=0o700)
        self._observers = Observers(election, self._folder)
        text = CONFIG.format(
            threshold=MANIFEST_THRESHOLD,
            keys=keys,
            port=self.broker.port,
            witnesses=await self._observers.start(),
        )
        self.config.write_text(text, encoding="utf-8")
        self.centerd.start()
        await self.centerd.ready()

    def received(self) -> list[str]:
        """The branch of every sealed tally in the centre's log, read from the ledger file itself."""
        uri = f"file:{self._folder}/center/ledger.db?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True)) as ledger:
            rows = ledger.execute("select branch from envelopes where type = 'sealed-tally' order by leaf")
            return [str(branch) for (branch,) in rows]

    async def close(self) -> None:
        """Stop centre, witnesses and broker."""
        await self.centerd.stop()
        if self._observers is not None:
            await self._observers.close()
        self.broker.stop()
