"""Far ends of a fibre line: one small class for each, which the contract of the port holds the driver against."""

import asyncio
import contextlib
import socket
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Final, Protocol

from drivers.fibre.driver import FibreLine
from drivers.fibre.errors import OntSilentError
from drivers.fibre.oid_map import FlagObject, OidMap, PowerObject, SnmpValue
from drivers.fibre.ports import KernelLink, LinkState
from drivers.fibre.settings import Community, FibreSettings, OntSettings
from drivers.ports import FibreEvent, FibreReading, LinkCounters
from simulators.devices import snmp_wire as wire
from simulators.devices.ont import LOS_OID, RX_POWER_OID, TX_POWER_OID, OntModel, make_ont
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import UdpPort
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript
from tests.drivers import virtual_time
from tests.peers import netns, snmpd

PATIENCE_S: Final = 30.0  # for anything that a test waits for: machines are slow at times
ONT_TIMEOUT_MS: Final = 2_000
ONT_POLL_MS: Final = 300


class FibreRig(Protocol):
    """A line in some situation, and what its driver said. Light: -19.5 dBm arrive, 2.1 leave, at first."""

    heard: list[FibreEvent]

    @property
    def last(self) -> FibreReading:
        """The newest reading."""

    async def until(self, true: Callable[[FibreReading], bool]) -> FibreReading:
        """Wait for such a reading, from now on."""

    def cable_out(self) -> None: ...
    def cable_in(self) -> None: ...
    def card_out(self) -> None: ...
    def card_in(self) -> None: ...
    async def traffic(self) -> None: ...
    def fibre_cut(self) -> None: ...
    def fibre_back(self) -> None: ...
    def power_absurd(self) -> None: ...
    def ont_silent(self) -> None: ...
    def ont_heard(self) -> None: ...


Story = Callable[[FibreRig], Awaitable[None]]
RunStory = Callable[[Story, int], None]
"""Runs a story with the driver beside it; the number is the interval between looks at the link, in ms."""


class Heard:
    """What a driver said."""

    def __init__(self) -> None:
        self.heard: list[FibreEvent] = []

    @property
    def last(self) -> FibreReading:
        event = self.heard[-1]
        assert isinstance(event, FibreReading), event
        return event

    async def until(self, true: Callable[[FibreReading], bool]) -> FibreReading:
        seen = len(self.heard)
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.heard[seen:]:
                    if isinstance(event, FibreReading) and true(event):
                        return event
                seen = len(self.heard)
                await asyncio.sleep(0.01)


@asynccontextmanager
async def watched(line: FibreLine) -> AsyncIterator[None]:
    """The driver runs; that it stopped by itself is an error."""
    running = asyncio.create_task(line.run())
    try:
        yield
        assert not running.done(), "a driver never returns by itself"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running


def oid_map(rx: str, tx: str, los: str) -> OidMap:
    return OidMap(
        rx_power_dbm=PowerObject(rx, scale=0.001),
        tx_power_dbm=PowerObject(tx, scale=0.001),
        los=FlagObject(los, true_values=(1,), false_values=(2,)),
    )


def settings(oids: OidMap, poll_ms: int, *, port: int = 161, community: str = "public") -> FibreSettings:
    ont = OntSettings(
        host="127.0.0.1",
        oids=oids,
        port=port,
        access=Community(community),
        poll_interval_ms=ONT_POLL_MS,
        timeout_ms=ONT_TIMEOUT_MS,
        retries=0,
    )
    return FibreSettings(netns.NEAR, ont, poll_interval_ms=poll_ms)


class ScriptedOnt:
    """Light on a simulated ONT, by its script."""

    def __init__(self, command: Callable[[Sequence[str]], object]) -> None:
        self._command: Final = command

    def fibre_cut(self) -> None:
        self._command(["fibre", "cut"])

    def fibre_back(self) -> None:
        self._command(["fibre", "back"])

    def power_absurd(self) -> None:
        self._command(["rx", "absurd"])

    def ont_silent(self) -> None:
        self._command(["mute"])

    def ont_heard(self) -> None:
        self._command(["heard"])


class MemoryKernel:
    """A kernel with one interface; opens itself."""

    def __init__(self) -> None:
        self.link: LinkState | None = LinkState(carrier=True, counters=LinkCounters(1, 1, 0, 0, 0, 0))
        self._news: deque[LinkState | None] = deque()
        self._told = asyncio.Event()

    async def __call__(self) -> KernelLink:
        return self

    def become(self, link: LinkState | None) -> None:
        self.link = link
        self._news.append(link)
        self._told.set()

    async def look(self) -> LinkState | None:
        return self.link

    async def news(self) -> LinkState | None:
        while not self._news:
            self._told.clear()
            await self._told.wait()
        return self._news.popleft()

    def close(self) -> None:
        self._news.clear()


class MemoryAgent:
    """A manager that asks a model of an ONT, datagram by datagram, without a network."""

    def __init__(self, model: FaultyLine) -> None:
        self._model: Final = model
        self._number = 0

    async def get(self, oids: Sequence[str]) -> Mapping[str, SnmpValue]:
        self._number += 1
        bindings = tuple((wire.oid(oid), wire.ABSENT) for oid in oids)
        asked = wire.Message(b"public", wire.GET, self._number, 0, 0, bindings)
        answer = self._model.feed(wire.encode(asked), virtual_time.now())
        await asyncio.sleep(0.005 if answer else ONT_TIMEOUT_MS / 1000)
        if not answer:
            raise OntSilentError("no answer")
        values = {".".join(map(str, name)): value for name, value in wire.decode(answer).bindings}
        return {oid: _plain(values[oid]) for oid in oids}

    def close(self) -> None:
        """Nothing is open."""


def _plain(value: wire.Value) -> SnmpValue:
    return value.content if isinstance(value.content, int | bytes) else None


class MemoryRig(Heard, ScriptedOnt):
    """No kernel and no network: a fake of the one, the simulated ONT in place of the other, on virtual time."""

    def __init__(self, kernel: MemoryKernel, ont: FaultyLine) -> None:
        Heard.__init__(self)
        ScriptedOnt.__init__(self, lambda words: ont.command(words, virtual_time.now()))
        self._kernel: Final = kernel

    def cable_out(self) -> None:
        self._kernel.become(self._state(carrier=False))

    def cable_in(self) -> None:
        self._kernel.become(self._state(carrier=True))

    def card_out(self) -> None:
        self._kernel.become(None)

    def card_in(self) -> None:
        self._kernel.become(self._state(carrier=True))

    async def traffic(self) -> None:
        self._kernel.link = LinkState(carrier=True, counters=LinkCounters(1001, 1001, 0, 0, 0, 0))

    def _state(self, *, carrier: bool) -> LinkState:
        return LinkState(carrier, LinkCounters(1, 1, 0, 0, 0, 0))


class CableRig(Heard):
    """A pair of virtual interfaces on the real kernel, heard by netlink."""

    def __init__(self, cable: netns.Cable) -> None:
        super().__init__()
        self._cable: Final = cable

    def cable_out(self) -> None:
        self._cable.far_down()

    def cable_in(self) -> None:
        self._cable.far_up()

    def card_out(self) -> None:
        self._cable.remove()

    def card_in(self) -> None:
        self._cable.add()

    async def traffic(self) -> None:
        """Broadcasts, out of the near end and so into the far one, and back."""
        for name in (netns.NEAR, netns.FAR):
            with socket.socket(socket.AF_PACKET, socket.SOCK_RAW) as out:
                out.bind((name, 0))
                for _ in range(10):
                    out.send(
                        b"\xff" * 6 + b"\x02" + bytes(5) + b"\x88\xb5" + bytes(86)
                    )  # IEEE 802: local experiment


class SimulatorRig(CableRig, ScriptedOnt):
    """The real kernel, and the simulated ONT on a UDP port, asked by SNMP."""

    def __init__(self, cable: netns.Cable, stand: Stand) -> None:
        CableRig.__init__(self, cable)
        ScriptedOnt.__init__(self, stand.obey)


class SnmpdRig(CableRig):
    """The real kernel and net-snmp's snmpd."""

    def __init__(self, cable: netns.Cable, agent: snmpd.Snmpd) -> None:
        super().__init__(cable)
        self._agent: Final = agent

    def fibre_cut(self) -> None:
        self._agent.tell(snmpd.LOS_OID, "integer", "1")
        self._agent.tell(snmpd.RX_OID, "integer", "-40000")

    def fibre_back(self) -> None:
        self._agent.shine()

    def power_absurd(self) -> None:
        self._agent.tell(snmpd.RX_OID, "string", "N/A")

    def ont_silent(self) -> None:
        self._agent.pause()

    def ont_heard(self) -> None:
        self._agent.resume()


def in_memory(story: Story, poll_ms: int) -> None:
    async def main() -> None:
        model: OntModel = make_ont(now_ms=virtual_time.now())
        ont, kernel = FaultyLine(model), MemoryKernel()
        rig = MemoryRig(kernel, ont)
        line = FibreLine(
            settings(oid_map(RX_POWER_OID, TX_POWER_OID, LOS_OID), poll_ms),
            virtual_time.now,
            rig.heard.append,
            open_kernel=kernel,
            agent=MemoryAgent(ont),
        )
        async with watched(line):
            await story(rig)

    virtual_time.run_virtual(main())


def with_the_simulator(story: Story, poll_ms: int) -> None:
    async def main(cable: netns.Cable) -> None:
        stand = Stand(FaultyLine(make_ont(now_ms=_now())), Transcript(None), _now)
        port = UdpPort("127.0.0.1", 0, stand.hear, None)
        stand.put_behind(port)
        rig = SimulatorRig(cable, stand)
        oids = oid_map(RX_POWER_OID, TX_POWER_OID, LOS_OID)
        line = FibreLine(
            settings(oids, poll_ms, port=int(port.address.rpartition(":")[2])), _now, rig.heard.append
        )
        try:
            async with watched(line):
                await story(rig)
        finally:
            stand.close()

    with netns.cable() as cable:
        asyncio.run(main(cable))


def with_snmpd(folder: Path) -> RunStory:
    def run(story: Story, poll_ms: int) -> None:
        async def main(cable: netns.Cable) -> None:
            rig = SnmpdRig(cable, agent)
            oids = oid_map(snmpd.RX_OID, snmpd.TX_OID, snmpd.LOS_OID)
            told = settings(oids, poll_ms, port=agent.port, community=snmpd.COMMUNITY)
            async with watched(FibreLine(told, _now, rig.heard.append)):
                await story(rig)

        with netns.cable() as cable, _agent(folder) as agent:
            asyncio.run(main(cable))

    return run


@contextmanager
def _agent(folder: Path) -> Iterator[snmpd.Snmpd]:
    agent = snmpd.Snmpd(folder)
    agent.start()
    try:
        yield agent
    finally:
        agent.kill()


def _now() -> int:
    return time.monotonic_ns() // 1_000_000
