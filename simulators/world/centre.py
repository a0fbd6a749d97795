"""The centre of a world: the real centerd on a simulated disk, behind a simulated broker."""

from pathlib import Path
from typing import Final

from center.config import Setup
from center.daemon import CenterDaemon
from center.ledger import Entry, Ledger, LedgerIdentity
from center.mqtt import MqttSession
from center.opening_types import Opening
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


class Centre:
    """Life and fate of centerd."""

    def __init__(
        self, loop: VirtualLoop, network: Network, election: Election, *, wall_start_ms: int
    ) -> None:
        self._loop, self._election = loop, election
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

    def _open(self) -> Ledger:
        self.disk.power_on()
        manifest = self._election.trusted.manifest
        identity = LedgerIdentity(manifest.election, manifest.round, self.signer.name)
        return Ledger.open(LEDGER, identity, vfs=self.disk.vfs_name, exclusive=True)

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
        ports = CenterPorts(
            wall_ms=self.clock.wall_ms,
            lock=lambda _: lambda: None,
            notify=lambda _: None,
            session=MqttSession,
            vfs=self.disk.vfs_name,
            exclusive_locking=True,
            probe_payload_limit=False,
            ask_witness=self.witnesses.ask,
        )
        await CenterDaemon(setup, ports).run()
