"""One branch of a world: a box that runs the real kit, its devices, its two uplinks, its disk; and what befalls it.

Where the election has spares, a standby terminal has a cable of its own, and a standby kit is a box like the first.
"""

import asyncio
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

from crypto.codec import from_bytes, unb64
from crypto.envelope import Envelope
from crypto.statements import JournalCheckpoint, Order
from drivers.ports import OpenStream
from kit.config import Config, TerminalLine, Trust, Uplink, UpsLine
from kit.daemon import Daemon
from kit.journal.journal import Journal
from kit.journal.seeds import seeds_in
from kit.journal.signed import SEEDS_FILE
from kit.ports import Ports
from kit.tables.uplinks import UplinkInterface, UplinkKind
from simulators.devices.pipe import PipeLine
from simulators.devices.terminal import TerminalModel
from simulators.devices.terminal_reports import TerminalSetup
from simulators.devices.ups import UpsModel
from simulators.election import Election, device_of, spare_of, terminal_of
from simulators.officials import Officials
from simulators.results import Station
from simulators.virtual.clock import NodeClock, SeededEntropy
from simulators.virtual.disk import SimDisk
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.net import Network
from simulators.virtual.steps import current_life
from simulators.world.boot_checks import deed_findings, promise_findings
from simulators.world.machine import Machine
from simulators.world.quiet import NodeLog

UPLINKS: Final = ("fibre", "4g")
HOST: Final = "broker"
BROKER_PORT: Final = 1883
KINDS: Final[dict[str, tuple[UplinkKind, tuple[float, float]]]] = {
    "fibre": ("fibre", (0.005, 0.03)),
    "4g": ("4g", (0.03, 0.2)),
    "satellite": ("satellite", (0.24, 0.35)),
}
"""By name: what an uplink is, and the shortest and longest one-way delay of a good one, seconds."""
ADDRESSES: Final = {name: f"198.51.100.{place}" for place, name in enumerate(KINDS, 1)}
"""By name: where an uplink that is bound to no interface reaches the broker. No names: worlds have no resolver."""
LOAD_W: Final = 60
LINE_LATENCY_MS: Final = 1
POLL_S: Final = 5.0  # how often officials look
RESTART_S: Final = (3.0, 120.0)  # from a crash or cut until the box is up again
PATIENCE_S: Final = 4 * 3600.0


class Branch:
    """Life and fate of one kit."""

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        election: Election,
        station: Station,
        *,
        wall_start_ms: int,
        verbose: bool,
        first: "Branch | None" = None,
        poll: Literal["first", "re-vote"] = "first",
        uplinks: tuple[str, ...] = UPLINKS,
        bound: bool = False,
    ) -> None:
        """Where it stands.

        ``first``: the branch's own kit, where this is its standby: not plugged in anywhere, and not started. ``bound``:
        whether its uplinks are bound to interfaces.
        """
        self.station, self.name = station, station.branch_id
        self.device = device_of(self.name) if first is None else spare_of(device_of(self.name))
        self.node, self._poll = self.device, poll
        self._standby = None if first is None else self.device
        self._loop, self._network, self._election = loop, network, election
        self.rng: Random = loop.stream(f"branch/{self.name if first is None else self.device}")
        self.true_clock = NodeClock(loop, wall_start_ms=wall_start_ms)
        self.clock = NodeClock(loop, wall_start_ms=wall_start_ms, drift_ppm=self.rng.randint(-50, 50))
        self.disk = SimDisk(seed=loop.seed, name=self.node)
        self.disk.on_cut = self._power_went
        self._entropy = SeededEntropy(loop.seed, self.node)
        self._tables: dict[str, Any] = {}
        self.terminals: dict[str, TerminalModel] = self._new_terminals() if first is None else first.terminals
        """All of the branch, by id: those of its kits are the same."""
        self.terminal = self.terminals[terminal_of(self.name)]
        """The one that voters go to."""
        self.ups = UpsModel(load_w=LOAD_W, now_ms=0)
        self.lines = {self._port(name): self._line(model) for name, model in self.terminals.items()}
        self.lines["ups"] = PipeLine(self._ups_answer, latency_ms=LINE_LATENCY_MS)
        for name, model in self.terminals.items():
            if first is not None or model is not self.terminal:
                self.unplug(name)
        self.links = {
            name: network.add_link(
                f"{self.name if first is None else self.device}/{name}",
                host=HOST if bound else ADDRESSES[name],
                port=BROKER_PORT,
                node=self.node,
                source=name if bound else "",
                latency_s=KINDS[name][1],
            )
            for name in uplinks
        }
        self.machine = Machine(network, self.links, HOST) if bound else None
        """Its network cards, where uplinks are bound to them."""
        self._log = NodeLog(loop, self.node, verbose=verbose)
        self.daemon: Daemon | None = None
        self.lives = 0
        self.broken: list[str] = []
        """What went wrong in the branch's life, in sentences."""
        self.promised: list[tuple[str, int]] = []
        """Kind and serial of every order of which officials were told that it is accepted."""
        self.ambush: int | None = None
        """The next order meets a power cut, so many disk operations after it was handed in."""
        self.checkpoints: list[JournalCheckpoint] = []
        """The journal's size and root at each death: all of them must be prefixes of the final journal."""
        self.officials = Officials(
            election, self.name, self.ask, poll_s=POLL_S, patience_s=PATIENCE_S, standby=self._standby
        )
        self._over = False

    @property
    def now_ms(self) -> int:
        """True time since the world began, milliseconds: what the UPS model lives by."""
        return self.true_clock.monotonic_ms()

    @property
    def running(self) -> bool:
        """Whether a daemon runs."""
        return self.daemon is not None and self._loop.alive(self.node)

    def start(self) -> None:
        """Boot the box, unless it runs."""
        if self.running or self._over:
            return
        self._bury_daemon()
        self.disk.power_on()
        self.clock.boot()
        self.lives += 1
        self._loop.spawn(self.node, self._supervised())
        self._loop.call_soon(self._replayed)  # after the first step, in which the journal is folded

    def cut(self) -> None:
        """The box loses power, or its daemon dies: unsynced writes are gone."""
        self.disk.cut()

    def reboot_terminal(self) -> None:
        """The terminal restarts; what it counted and signed survives."""
        self.terminal.reboot(self.terminal.boot_id + 1)

    def equip(self, port: str, line: PipeLine, **tables: Any) -> None:
        """Before it starts: one more device at a port, and what kitd.toml says of it (fields of kit.config.Config)."""
        self.lines[port] = line
        self._tables |= tables

    def plug(self, terminal: str) -> None:
        """Put the cable of this kit into a terminal (by id), to which voters go from now on."""
        self.lines[self._port(terminal)].plug()
        self.terminal = self.terminals[terminal]

    def unplug(self, terminal: str) -> None:
        """Pull the cable of this kit out of a terminal."""
        self.lines[self._port(terminal)].unplug()

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """The control socket."""
        if not self.running or self.daemon is None:
            raise ConnectionError("no daemon")
        if request["op"] == "order" and self.ambush is not None:
            self.disk.cut_after(self.ambush)
            self.ambush = None
        answer = await self.daemon.control.handle(request)
        if answer.get("accepted"):
            order = from_bytes(Envelope.from_bytes(unb64(request["envelope"])).payload, Order)
            self.promised.append((order.kind, order.serial))
        return answer

    async def vote(self, open_s: float, close_s: float, step_s: float = 60.0) -> None:
        """Voters come evenly until closing time; then those who still wait. Officials resume a suspended poll."""
        while True:
            done, voters = self.terminal.cast_progress
            if done >= voters:
                return
            share = min(1.0, (self._loop.time() - open_s) / (close_s - open_s))
            for _ in range(max(0, round(share * voters) - done)):
                if not self.terminal.cast(self.rng):
                    break
            if self.terminal.phase == "suspended":
                await self.officials.resume_when_possible()
            await asyncio.sleep(step_s)

    def read_journal(self) -> tuple[list[Any], list[bytes]]:
        """All facts and leaf hashes of the journal as it lies on the disk; the daemon must be down."""
        self.disk.power_on()
        journal = Journal(self._journal_path, vfs=self.disk.vfs_name)
        try:
            facts = list(journal.replay())
            return facts, journal.leaf_hashes()
        finally:
            journal.close()

    def read_evidence(self) -> tuple[list[bytes], dict[int, bytes]]:
        """The bytes of all facts, and the seeds of the journal's keys, as they lie on the disk; the daemon is down."""
        self.disk.power_on()
        journal = Journal(self._journal_path, vfs=self.disk.vfs_name)
        try:
            seeds = self.disk.content(str(Path(self.node) / SEEDS_FILE)) or b""
            return journal.bodies(), seeds_in(seeds)
        finally:
            journal.close()

    def destroy(self) -> None:
        """The box burns, at this moment: it never boots again, and its cables hang loose."""
        self.end()
        for terminal in self.terminals:
            self.unplug(terminal)

    def end(self) -> dict[str, Any] | None:
        """The world is over for this kit: the last status; then the daemon stops the hard way."""
        self._over = True
        status = None
        if self.running and self.daemon is not None:
            status = self.daemon.station.status(self.clock.monotonic_ms())
            self.cut()
        self._bury_daemon()
        return status

    # --- inside ---

    @property
    def _journal_path(self) -> Path:
        return Path(self.node) / "journal.db"

    async def _live(self) -> None:
        self.daemon = Daemon(
            self._config(),
            self._election.trusted,
            self._election.devices[self.node],
            Ports(
                clock=self.clock,
                entropy=self._entropy,
                open_stream=self._open_stream,
                vfs=self.disk.vfs_name,
                open_kernel=None if self.machine is None else self.machine.open_kernel,
            ),
            self._log,
        )
        await self.daemon.run(listen=False)

    async def _supervised(self) -> None:
        """As a supervisor does it: what ends by itself is started again. But nothing should: it is a finding."""
        try:
            await self._live()
        except Exception as error:  # noqa: BLE001 - whatever it was, it is reported
            life = current_life()
            if life is None or life.dead:
                return  # the last breath of a machine without power
            self.broken.append(f"{self.name}: kitd ended by itself: {error!r}")
            self.cut()

    def _replayed(self) -> None:
        if self.running and self.daemon is not None:
            state = self.daemon.station.day.state
            self.broken += promise_findings(self.name, self.promised, state)
            plugged = self.lines[self._port(self.terminal.setup.terminal)].plugged
            # What a terminal did before a standby took over, the standby answers for from then on.
            if plugged and (self._standby is None or state.phase != "commissioned"):
                self.broken += deed_findings(self.name, self.terminal, state)

    def _config(self) -> Config:
        return Config(
            branch=self.name,
            state_dir=self.node,
            manifest="",
            device_key="",
            control_socket="",
            trust=Trust(threshold=1, manifest_keys=("",)),
            device=self._standby,
            poll=self._poll,
            terminals=tuple(TerminalLine(id=name, port=self._port(name)) for name in self.terminals),
            uplinks=tuple(self._uplink(name) for name in self.links),
            ups=UpsLine(port="ups"),
            **self._tables,
        )

    def _uplink(self, name: str) -> Uplink:
        kind = KINDS[name][0]
        if self.machine is None:
            return Uplink(name=name, kind=kind, host=ADDRESSES[name], port=BROKER_PORT)
        card = UplinkInterface(mac=self.machine.mac(name))
        return Uplink(name=name, kind=kind, host=HOST, port=BROKER_PORT, interface=card)

    def _open_stream(self, port: str, baud: int) -> OpenStream:
        del baud
        return self.lines[port].open

    def _new_terminals(self) -> dict[str, TerminalModel]:
        models = {}
        for name in self._election.trusted.branch(self.name).all_terminals:
            setup = TerminalSetup.of(self._election.trusted, branch=self.name, terminal=name)
            noise = self.rng.randrange(2**31)
            models[name] = TerminalModel(
                setup,
                self._election.terminals[name],
                self.station.contests,
                boot_id=1,
                seed=noise,
                wall_offset_ms=self.true_clock.wall_ms() - self.now_ms,
            )
        return models

    def _port(self, terminal: str) -> str:
        return "terminal" if terminal == terminal_of(self.name) else "spare-terminal"

    def _line(self, model: TerminalModel) -> PipeLine:
        def answer(data: bytes) -> bytes:
            # Of a kit and its standby, whose boxes were switched on at different times, each feeds the same terminals.
            return model.feed(data, self.true_clock.wall_ms() - model.wall_offset_ms)

        return PipeLine(answer, latency_ms=LINE_LATENCY_MS)

    def _ups_answer(self, data: bytes) -> bytes:
        return self.ups.feed(data, self.now_ms)

    def _bury_daemon(self) -> None:
        # A dead life's connection closes into its ghost of a disk, now and not whenever garbage is collected.
        if self.daemon is not None:
            self.daemon.journal.close()
            self.daemon = None

    def _power_went(self) -> None:
        if self.daemon is not None and self._loop.alive(self.node):
            self.checkpoints.append(self.daemon.journal.checkpoint())
        self._loop.kill(self.node)
        if not self._over:
            pause_s = self.rng.uniform(*RESTART_S)
            self._network.at(self._loop.time() + pause_s, self.start)
