"""The centre of a world: the real centerd on a simulated disk, behind a simulated broker.

Its spool, where it has one, is a folder of this machine: what people bring is no matter of power cuts here.
"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from center.config import Setup
from center.daemon import CenterDaemon
from center.intake.spool import Spool, Verdict
from center.log.entries import Entry
from center.log.ledger import Ledger
from center.log.ledger_file import LedgerIdentity
from center.mqtt import MqttSession
from center.opening.types import Opening
from center.ports import CenterPorts
from crypto.notes import NoteSigner
from simulators.election import LOG_NAME, Election
from simulators.virtual.clock import NodeClock
from simulators.virtual.disk import SimDisk
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.net import Network
from simulators.world.opening import open_by_trustees
from simulators.world.witnesses import Witnesses

NODE: Final = "center"
HOST: Final = "broker"
PORT: Final = 1883
LATENCY_S: Final = (0.001, 0.005)
LEDGER: Final = "center/ledger.db"
SPOOL_LOOK_S: Final = 0.5
SPOOL_PATIENCE_S: Final = 600.0


class NotTakenError(Exception):
    """centerd said nothing about a file for SPOOL_PATIENCE_S."""


class Centre:
    """Life and fate of centerd. ``spool_dir``: the state directory whose spool it looks into; None: no spool."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        election: Election,
        *,
        wall_start_ms: int,
        spool_dir: Path | None = None,
    ) -> None:
        self._loop, self._election = loop, election
        self._spool = None if spool_dir is None else Spool(spool_dir)
        self.signer = NoteSigner(LOG_NAME, election.log_key)
        self.clock = NodeClock(loop, wall_start_ms=wall_start_ms)
        self.witnesses = Witnesses(election, self.clock)
        self.disk = SimDisk(seed=loop.seed, name=NODE)
        self.disk.on_cut = lambda: loop.kill(NODE)
        self.link = network.add_link("center/lan", host=HOST, port=PORT, node=NODE, latency_s=LATENCY_S)
        self.lives = 0

    @property
    def running(self) -> bool:
        """Whether a centerd runs."""
        return self._loop.alive(NODE)

    def start(self) -> None:
        """Boot, unless it runs."""
        if self.running:
            return
        self.disk.power_on()
        self.lives += 1
        self._loop.spawn(NODE, self._live())

    def cut(self) -> None:
        """Power cut or kill: unsynced writes are gone."""
        self.disk.cut()

    async def submit(self, data: bytes) -> Verdict:
        """As ``center submit`` does it: bring a file, and wait until centerd says what became of it.

        Raises NotTakenError.
        """
        assert self._spool is not None  # noqa: S101 - whoever submits has made a centre with a spool
        self._spool.prepare()
        name = self._spool.bring(data, wall_ms=self.clock.wall_ms(), index=0)
        deadline = self._loop.time() + SPOOL_PATIENCE_S
        while (verdict := self._spool.verdict(name)) is None:
            if self._loop.time() > deadline:
                raise NotTakenError(f"{name}: still in the spool after {SPOOL_PATIENCE_S:.0f} s")
            await asyncio.sleep(SPOOL_LOOK_S)
        return verdict

    @contextmanager
    def reader(self) -> Iterator[Ledger]:
        """A copy of the ledger, as another program reads it at this moment, whether centerd runs or not."""
        with TemporaryDirectory() as folder:
            for name in (LEDGER, f"{LEDGER}-wal"):
                content = self.disk.content(name)
                if content is not None:
                    (Path(folder) / Path(name).name).write_bytes(content)
            copy = str(Path(folder) / Path(LEDGER).name)
            ledger = Ledger.open(
                copy, self._identity, exclusive=True
            )  # it folds the WAL in, which is a write
            try:
                yield ledger
            finally:
                ledger.close()

    def entries(self) -> list[Entry]:
        """The log as it lies on the disk; centerd must be down."""
        ledger = self._open()
        try:
            return list(ledger.entries())
        finally:
            ledger.close()

    def open(self, wall_ms: int) -> Opening:
        """The whole opening; centerd must be down."""
        ledger = self._open()
        try:
            return open_by_trustees(ledger, self._election, self.signer, wall_ms)
        finally:
            ledger.close()

    @property
    def _identity(self) -> LedgerIdentity:
        manifest = self._election.trusted.manifest
        return LedgerIdentity(manifest.election, manifest.round, self.signer.name)

    def _open(self) -> Ledger:
        self.disk.power_on()
        return Ledger.open(LEDGER, self._identity, vfs=self.disk.vfs_name, exclusive=True)

    async def _live(self) -> None:
        setup = Setup(
            state_dir=Path(NODE),
            ledger_path=LEDGER,
            manifest=self._election.trusted,
            signer=self.signer,
            host=HOST,
            port=PORT,
            client_id="centerd",
            witnesses=self.witnesses.addresses,
        )
        spool = self._spool
        ports = CenterPorts(
            wall_ms=self.clock.wall_ms,
            lock=lambda _: lambda: None,
            notify=lambda _: None,
            session=MqttSession,
            vfs=self.disk.vfs_name,
            exclusive_locking=True,
            probe_payload_limit=False,
            ask_witness=self.witnesses.ask,
            spool=None if spool is None else lambda _: spool,
        )
        await CenterDaemon(setup, ports).run()
