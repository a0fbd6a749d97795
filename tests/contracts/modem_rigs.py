"""Far ends of a modem's driver: one small class for each, which the contract of the port holds every backend against.

All of them end in the simulated modem, so that a story says what happens in the simulator's own words. To add a
backend: a subclass of ``ModemRig`` whose ``driver`` is that backend, and a function like ``over_a_pipe`` that puts
it up, runs the story beside it, and takes it down.
"""

import asyncio
import contextlib
import selectors
import time
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings
from drivers.ports import ByteStream, Modem, ModemEvent, ModemReading, OpenStream, StreamClosedError
from drivers.uart import uart
from simulators.devices.modem.factory import make_modem
from simulators.devices.pty import PtyLine
from simulators.stand.faults import FaultyLine
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript
from tests.drivers import virtual_time

PATIENCE_S: Final = 240.0  # of the driver's clock, for anything that a story waits for
FASTER: Final = 4  # how much faster than the wall's the clock runs where the line is a real pty
POLL_MS: Final = 2_000

E = TypeVar("E")


@dataclass(frozen=True, slots=True)
class Plan:
    """How a story begins: what the SIMs ask for, which PIN the driver was given, how many SIMs there are."""

    sim_pin: str | None = None
    pin: str | None = None
    sims: int = 1


class ModemRig:
    """A modem in some situation, and what its driver said. ``obey``: words of ``kit-sim ctl``."""

    driver: Modem

    def __init__(self, stand: Stand) -> None:
        self.heard: list[ModemEvent] = []
        self._stand: Final = stand

    def obey(self, sentence: str) -> None:
        self._stand.obey(sentence.split())

    @property
    def modem(self) -> Any:
        """What is true of the simulated modem."""
        return self._stand.obey(["state"])

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.heard if isinstance(event, kind)]

    async def until(self, kind: type[E], true: Callable[[E], bool] = lambda _: True, *, since: int = -1) -> E:
        """Wait for such an event: from now on, or from the ``since``-th on."""
        seen = len(self.heard) if since < 0 else since
        async with asyncio.timeout(PATIENCE_S):
            while True:
                for event in self.heard[seen:]:
                    if isinstance(event, kind) and true(event):
                        return event
                seen = len(self.heard)
                await asyncio.sleep(0.02)

    async def settled(self) -> ModemReading:
        """Wait until the modem is at home in its network."""
        return await self.until(ModemReading, lambda reading: reading.registration == "home")


Story = Callable[[ModemRig], Awaitable[None]]
RunStory = Callable[[Story, Plan], None]


class _Pipe:
    """An in-memory line between a stand and one driver; both a stand's line and a ByteStream."""

    def __init__(self) -> None:
        self.stand: Stand | None = None
        self._arrived = bytearray()
        self._news = asyncio.Event()
        self._plugged = False

    async def open(self) -> ByteStream:
        if not self._plugged:
            raise StreamClosedError("unplugged")
        self._arrived.clear()
        return self

    async def read(self) -> bytes:
        while not self._arrived:
            if not self._plugged:
                raise StreamClosedError("unplugged")
            self._news.clear()
            await self._news.wait()
        data = bytes(self._arrived)
        self._arrived.clear()
        return data

    async def write(self, data: bytes) -> None:
        assert self.stand is not None
        if not self._plugged:
            raise StreamClosedError("unplugged")
        self.send(self.stand.hear(data))

    def send(self, data: bytes) -> None:
        self._arrived += data
        self._news.set()

    def plug(self) -> str:
        self._plugged = True
        return "plugged in"

    def unplug(self) -> str:
        self._plugged = False
        self._news.set()
        return "unplugged"

    def close(self) -> None:
        self.unplug()


class _PtyEnd:
    """A pseudo-terminal as a stand's line."""

    def __init__(self, stand: Stand) -> None:
        self.pty: Final = PtyLine(stand.hear)

    def send(self, data: bytes) -> None:
        self.pty.babble(data)

    def plug(self) -> str:
        self.pty.start()
        return "plugged in"

    def unplug(self) -> str:
        self.pty.close()
        return "unplugged"

    def close(self) -> None:
        self.pty.close()


async def _tell(
    stand: Stand, open_stream: OpenStream, now: Callable[[], int], story: Story, plan: Plan
) -> None:
    rig = ModemRig(stand)
    settings = AtSettings(
        poll_interval_ms=POLL_MS,
        pin=plan.pin,
        other_pins=(plan.pin,),
        sim_slots=plan.sims,
        sim_switch="csus" if plan.sims > 1 else "none",
    )
    driver = AtModem(open_stream, now, rig.heard.append, settings)
    rig.driver = driver
    running = asyncio.create_task(driver.run())
    try:
        await story(rig)
        assert not running.done(), "a driver never returns by itself"
    finally:
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert running.cancelled(), "a driver that is cancelled ends as cancelled"
        stand.close()


def _stand(plan: Plan, now: Callable[[], int]) -> Stand:
    model = make_modem(pin=plan.sim_pin, sims=plan.sims, now_ms=now())
    return Stand(FaultyLine(model), Transcript(None), now)


def over_a_pipe(story: Story, plan: Plan) -> None:
    """The AT backend and the simulated modem on virtual time."""

    async def main() -> None:
        pipe = _Pipe()
        pipe.stand = stand = _stand(plan, virtual_time.now)
        stand.put_behind(pipe)
        await _tell(stand, pipe.open, virtual_time.now, story, plan)

    virtual_time.run_virtual(main())


def over_a_pty(story: Story, plan: Plan) -> None:
    """The AT backend and the simulated modem on a real pseudo-terminal, by a clock that is in a hurry."""

    async def main() -> None:
        stand = _stand(plan, virtual_time.now)
        end = _PtyEnd(stand)
        stand.put_behind(end)
        await _tell(stand, uart(end.pty.path, 115200), virtual_time.now, story, plan)

    _run_hurried(main())


class _HurriedSelector(selectors.DefaultSelector):
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        return super().select(None if timeout is None else timeout / FASTER)


class _HurriedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        super().__init__(_HurriedSelector())

    def time(self) -> float:
        return time.monotonic() * FASTER


def _run_hurried(main: Coroutine[Any, Any, None]) -> None:
    with asyncio.Runner(loop_factory=_HurriedLoop) as runner:
        runner.run(main)
