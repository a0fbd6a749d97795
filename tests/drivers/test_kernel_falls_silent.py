"""The two sources of a fibre line fail apart: the kernel, and the ONT."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence

from drivers.fibre.driver import KERNEL_RETRY_MS, STALE_POLLS, FibreLine
from drivers.fibre.errors import KernelSilentError, OntSilentError
from drivers.fibre.oid_map import OidMap, PowerObject, SnmpValue
from drivers.fibre.ports import KernelLink, LinkState
from drivers.fibre.settings import FibreSettings, OntSettings
from drivers.fibre.state import LineState
from drivers.ports import FibreEvent, FibreLost, FibreReading, LinkCounters, OpticalReading
from tests.drivers.virtual_time import now, run_virtual
from tests.running import end

UP = LinkState(carrier=True, counters=LinkCounters(1, 2, 3, 4, 5, 6))
DOWN = LinkState(carrier=False, counters=LinkCounters(1, 2, 3, 4, 5, 6))
OID = "1.3.6.1.4.1.32473.1.1.1.0"
LIGHT = OpticalReading(-20.0, None, None)
ONT = OntSettings(
    "ont", OidMap(rx_power_dbm=PowerObject(OID)), poll_interval_ms=1_000, timeout_ms=500, retries=0
)


class Kernel:
    def __init__(self) -> None:
        self.link: LinkState | None = UP
        self.wrong: str | None = None
        self.refused = 0
        self.closed = 0
        self._news: deque[LinkState | str | None] = deque()
        self._told = asyncio.Event()

    async def __call__(self) -> KernelLink:
        if self.wrong:
            self.refused += 1
            raise KernelSilentError(self.wrong)
        return self

    async def look(self) -> LinkState | None:
        if self.wrong:
            raise KernelSilentError(self.wrong)
        return self.link

    async def news(self) -> LinkState | None:
        while not self._news:
            self._told.clear()
            await self._told.wait()
        news = self._news.popleft()
        if isinstance(news, str):
            raise KernelSilentError(news)
        return news

    def tell(self, news: LinkState | str | None) -> None:
        self._news.append(news)
        self._told.set()

    def close(self) -> None:
        self.closed += 1


class Ont:
    def __init__(self) -> None:
        self.value: SnmpValue = -20
        self.wrong: str | None = None
        self.delay_s = 0.0
        self.asked = 0
        self.closed = 0

    async def get(self, oids: Sequence[str]) -> Mapping[str, SnmpValue]:
        self.asked += 1
        await asyncio.sleep(self.delay_s)
        if self.wrong:
            raise OntSilentError(self.wrong)
        return dict.fromkeys(oids, self.value)

    def close(self) -> None:
        self.closed += 1


Story = Callable[[Kernel, Ont, list[FibreEvent]], Awaitable[None]]


def watch(story: Story, ont_settings: OntSettings | None = ONT, poll_ms: int = 5_000) -> tuple[Kernel, Ont]:
    ends: list[tuple[Kernel, Ont]] = []

    async def main() -> None:
        kernel, ont, heard = Kernel(), Ont(), list[FibreEvent]()
        ends.append((kernel, ont))
        line = FibreLine(
            FibreSettings("fibre0", ont_settings, poll_ms), now, heard.append, open_kernel=kernel, agent=ont
        )
        running = asyncio.create_task(line.run())
        await story(kernel, ont, heard)
        assert not running.done()
        await end(running)
        assert running.cancelled()

    run_virtual(main())
    return ends[0]


def readings(heard: list[FibreEvent]) -> list[FibreReading]:
    return [event for event in heard if isinstance(event, FibreReading)]


def test_a_silent_kernel_is_told_once_and_asked_again() -> None:
    async def story(kernel: Kernel, _ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(1)
        kernel.wrong = "no sockets left"
        await asyncio.sleep(60)
        assert heard[-1] == FibreLost("no sockets left")
        assert sum(isinstance(event, FibreLost) for event in heard) == 1
        assert kernel.refused >= 50
        kernel.wrong, kernel.link = None, DOWN
        await asyncio.sleep(2 * KERNEL_RETRY_MS / 1000)
        assert not readings(heard)[-1].carrier

    kernel, ont = watch(story)
    assert kernel.closed == 2
    assert ont.closed == 1


def test_ears_that_fail_are_opened_anew() -> None:
    async def story(kernel: Kernel, _ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(1)
        kernel.tell("no buffer space")
        await asyncio.sleep(0.1)
        assert heard[-1] == FibreLost("no buffer space")
        await asyncio.sleep(2 * KERNEL_RETRY_MS / 1000)
        assert readings(heard)[-1].carrier
        kernel.tell(DOWN)
        await asyncio.sleep(0.1)
        assert not readings(heard)[-1].carrier

    watch(story)


def test_news_that_changes_nothing_is_no_event() -> None:
    async def story(kernel: Kernel, _ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(1)
        before = len(heard)
        for _ in range(100):
            kernel.tell(UP)
        await asyncio.sleep(0.1)
        assert len(heard) == before
        kernel.tell(DOWN)
        kernel.tell(UP)
        await asyncio.sleep(0.1)
        assert [reading.carrier for reading in readings(heard)[before:]] == [False, True]

    watch(story)


def test_a_flood_of_news_does_not_keep_from_looking() -> None:
    async def story(kernel: Kernel, _ont: Ont, heard: list[FibreEvent]) -> None:
        kernel.link = DOWN
        for _ in range(1_000):
            kernel.tell(DOWN)
            await asyncio.sleep(0.01)
        assert len(readings(heard)) >= 2

    watch(story, None)


def test_a_slow_ont_does_not_hold_up_the_carrier() -> None:
    async def story(kernel: Kernel, ont: Ont, heard: list[FibreEvent]) -> None:
        ont.delay_s = 3_600
        await asyncio.sleep(1)
        kernel.tell(DOWN)
        await asyncio.sleep(0.001)
        assert not readings(heard)[-1].carrier
        assert readings(heard)[-1].optical_fault == "the ONT was not asked yet"

    watch(story)


def test_light_is_not_told_for_ever() -> None:
    async def story(kernel: Kernel, ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(0.5)
        assert readings(heard)[-1].optical == LIGHT
        ont.delay_s = 3_600
        await asyncio.sleep(2 + STALE_POLLS * (ONT.poll_interval_ms + ONT.patience_ms) / 1000)
        kernel.tell(DOWN)
        await asyncio.sleep(0.001)
        assert readings(heard)[-1].optical is None
        assert "nothing was heard of the ONT for" in (readings(heard)[-1].optical_fault or "")

    watch(story)


def test_each_silence_of_the_ont_is_told_once_between_looks() -> None:
    async def story(_kernel: Kernel, ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(0.5)
        before = len(heard)
        ont.wrong = "no answer"
        await asyncio.sleep(30)
        told = readings(heard)[before:]
        assert [(reading.optical, reading.optical_fault) for reading in told] == [(None, "no answer")]
        assert ont.asked >= 30

    watch(story, poll_ms=3_600_000)


def test_without_an_ont_nothing_is_said_of_light() -> None:
    async def story(_kernel: Kernel, ont: Ont, heard: list[FibreEvent]) -> None:
        await asyncio.sleep(60)
        assert {(reading.optical, reading.optical_fault) for reading in readings(heard)} == {(None, None)}
        assert ont.asked == 0

    watch(story, None)


def test_light_of_a_line_whose_kernel_is_silent_waits_for_the_kernel() -> None:
    state = LineState("fibre0", stale_ms=10_000)
    assert state.handle_optics(LIGHT, None, 0) == ()
    assert state.handle_kernel_silent("gone") == (FibreLost("gone"),)
    assert state.handle_kernel_silent("gone") == ()
    assert state.handle_optics(None, "no answer", 1) == ()
    (event,) = state.handle_news(UP, 2)
    assert event == FibreReading("fibre0", True, True, UP.counters, None, "no answer")
