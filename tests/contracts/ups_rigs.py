"""Far ends of a UPS: one small class for each, which the contract of the port holds the drivers against.

Another one: a class with what ``UpsRig`` asks for, and a line in RIGS.
"""

import asyncio
import signal
from collections.abc import Callable
from typing import ClassVar, Final, Protocol

from drivers.ports import OpenStream, Ups, UpsEvent
from drivers.uart import uart
from drivers.ups.driver import SerialUps
from drivers.ups.nut.driver import NutUps
from drivers.ups.nut.target import NutTarget
from drivers.ups.protocols import PROTOCOLS, SerialProtocolName
from simulators.devices.pipe import PipeLine
from simulators.devices.pty import PtyLine
from simulators.devices.ups import UpsModelName, make_ups
from simulators.stand.faults import FaultyLine
from tests.contracts.ups_listener import PATIENCE_S, now
from tests.peers.nut import HOST, PASSWORD, USER, Nut, NutDriver, dummy

Emit = Callable[[UpsEvent], None]
NAME: Final = "far-end"  # of the UPS, at upsd


class UpsRig(Protocol):
    """A UPS in some situation; it begins on mains with a full battery.

    ``virtual``: runs on a loop whose clock jumps. ``poll_ms``: how often it is asked. ``programs``: peers that it
    needs. ``outcomes``: what may become of ``beeper.toggle``.
    """

    @property
    def virtual(self) -> bool: ...
    @property
    def poll_ms(self) -> int: ...
    @property
    def programs(self) -> tuple[str, ...]: ...
    @property
    def outcomes(self) -> frozenset[str]: ...

    async def start(self, emit: Emit) -> Ups:
        """Build the far end and return a driver that is not running yet."""

    async def mains(self, *, on: bool) -> None: ...
    async def battery_low(self) -> None: ...
    async def mute(self) -> None: ...
    async def heard(self) -> None: ...

    async def stop(self) -> None:
        """Take the far end down. Idempotent."""


class _Simulated:
    """A simulated UPS, whose commands are those of ``kit-sim ctl``."""

    programs: ClassVar[tuple[str, ...]] = ()

    def __init__(self, model: UpsModelName) -> None:
        self.model: Final = model
        self._ups: FaultyLine | None = None

    def build(self) -> None:
        self._ups = FaultyLine(make_ups(self.model, now_ms=now()))

    def feed(self, data: bytes) -> bytes:
        assert self._ups is not None
        return self._ups.feed(data, now())

    async def mains(self, *, on: bool) -> None:
        self._script("mains on" if on else "mains off")

    async def battery_low(self) -> None:
        self._script("mains off")
        self._script("charge 10 %")

    async def mute(self) -> None:
        self._script("mute")

    async def heard(self) -> None:
        self._script("heard")

    def _script(self, line: str) -> None:
        assert self._ups is not None
        self._ups.command(line.split(), now())


class SerialInPipe(_Simulated):
    """Our serial driver at our simulator, without a kernel between them and on virtual time."""

    virtual = True
    poll_ms = 5_000

    @property
    def outcomes(self) -> frozenset[str]:
        return frozenset({"refused"}) if self.model == "q1" else frozenset({"done", "forwarded"})

    async def start(self, emit: Emit) -> Ups:
        self.build()
        return _serial(self.model, PipeLine(self.feed, latency_ms=20).open, emit, self.poll_ms)

    async def stop(self) -> None:
        """Nothing is left of it."""


class SerialOnPty(_Simulated):
    """Our serial driver at our simulator, over a pseudo-terminal and pyserial."""

    virtual = False
    poll_ms = 200
    outcomes = frozenset({"done", "forwarded"})

    async def start(self, emit: Emit) -> Ups:
        self.build()
        self._line = PtyLine(self.feed)
        self._line.start()
        return _serial(self.model, uart(self._line.path, 2400, rts=False), emit, self.poll_ms)

    async def stop(self) -> None:
        self._line.close()


class UpsdOnSimulator(_Simulated):
    """Our client of upsd, a real upsd, NUT's nutdrv_qx, a pseudo-terminal, our simulator."""

    virtual = False
    poll_ms = 200
    programs = ("upsd", "upsc")
    outcomes = frozenset({"done"})

    async def start(self, emit: Emit) -> Ups:
        self.build()
        self._line = PtyLine(self.feed)
        self._line.start()
        lines = (f"port = {self._line.path}", f"protocol = {self.model}")
        self._nut = Nut(NutDriver(NAME, "nutdrv_qx", lines))
        await self._nut.start()
        return _client(self._nut, emit, self.poll_ms)

    async def stop(self) -> None:
        self._nut.end()
        self._line.close()


class UpsdOnDummy:
    """Our client of upsd, a real upsd, and its dummy-ups, which knows no command of ours.

    One server for all stories, for starting one takes seconds; ``end`` ends it.
    """

    _server: ClassVar[Nut | None] = None
    virtual = False
    poll_ms = 200
    programs = ("upsd", "upsc", "upsrw")
    outcomes = frozenset({"refused"})

    async def start(self, emit: Emit) -> Ups:
        if self._server is None:
            server = Nut(dummy(NAME))
            await server.start()
            type(self)._server = server
        assert self._server is not None
        self._nut = self._server
        await self.mains(on=True)
        async with asyncio.timeout(PATIENCE_S):
            while await self._nut.upsc(NAME, "ups.status") != "OL":  # noqa: ASYNC110 - of another process
                await asyncio.sleep(0.05)
        return _client(self._nut, emit, self.poll_ms)

    async def mains(self, *, on: bool) -> None:
        await self._nut.upsrw(NAME, "ups.status", "OL" if on else "OB DISCHRG")

    async def battery_low(self) -> None:
        await self._nut.upsrw(NAME, "ups.status", "OB LB DISCHRG")

    async def mute(self) -> None:
        self._nut.send(NAME, signal.SIGSTOP)

    async def heard(self) -> None:
        self._nut.send(NAME, signal.SIGCONT)

    async def stop(self) -> None:
        await self.heard()

    @classmethod
    def end(cls) -> None:
        """End the server, if there is one."""
        if cls._server is not None:
            cls._server.end()
            cls._server = None


RIGS: Final[dict[str, Callable[[], UpsRig]]] = {
    "megatec-in-a-pipe": lambda: SerialInPipe("megatec"),
    "q1-in-a-pipe": lambda: SerialInPipe("q1"),
    "voltronic-qs-in-a-pipe": lambda: SerialInPipe("voltronic-qs"),
    "megatec-on-a-pty": lambda: SerialOnPty("megatec"),
    "upsd-on-dummy-ups": UpsdOnDummy,
    "upsd-on-our-simulator": lambda: UpsdOnSimulator("megatec"),
}
_PROTOCOL: Final[dict[UpsModelName, SerialProtocolName]] = {
    "megatec": "megatec",
    "q1": "megatec",
    "voltronic-qs": "voltronic-qs",
}


def _serial(model: UpsModelName, open_stream: OpenStream, emit: Emit, poll_ms: int) -> Ups:
    return SerialUps(open_stream, now, emit, poll_ms, PROTOCOLS[_PROTOCOL[model]])


def _client(nut: Nut, emit: Emit, poll_ms: int) -> Ups:
    return NutUps(NutTarget(HOST, NAME, None, USER, PASSWORD, nut.port), now, emit, poll_ms)
