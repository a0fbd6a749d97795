"""A fibre line: the state of ``state.py``, fed by netlink and SNMP, neither of which waits for the other."""

import asyncio
from collections.abc import Callable
from typing import Final

from drivers.fibre.errors import KernelSilentError, OntSilentError
from drivers.fibre.oid_map import read_optics
from drivers.fibre.ports import KernelLink, OntAgent, OpenKernelLink
from drivers.fibre.settings import FibreSettings, OntSettings
from drivers.fibre.state import LineState
from drivers.ports import FibreEvent

KERNEL_RETRY_MS: Final = 1_000  # after the kernel could not be asked
STALE_POLLS: Final = 3  # light that was not told for so many polls of the ONT is not told any more


class FibreLine:
    """Implements ``drivers.ports.Fibre``.

    Args:
        settings: the interface and the ONT.
        now: the monotonic clock in milliseconds, in step with the running loop's.
        emit: hears a reading at every poll of the link, and at once when carrier, presence or loss of signal change.
        open_kernel: the way to the kernel; None: netlink.
        agent: the way to the ONT; None: SNMP over UDP, where the settings name an ONT.
    """

    def __init__(
        self,
        settings: FibreSettings,
        now: Callable[[], int],
        emit: Callable[[FibreEvent], None],
        *,
        open_kernel: OpenKernelLink | None = None,
        agent: OntAgent | None = None,
    ) -> None:
        self._settings = settings
        self._now = now
        self._emit = emit
        self._open_kernel = open_kernel or _netlink(settings)
        ont = settings.ont
        self._agent = agent if agent is not None or ont is None else _snmp(ont)
        stale_ms = None if ont is None else STALE_POLLS * (ont.poll_interval_ms + ont.patience_ms)
        self._state = LineState(settings.interface, stale_ms)

    async def run(self) -> None:
        """Watch until cancelled; never returns by itself."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._hold_kernel())
                if self._settings.ont is not None and self._agent is not None:
                    group.create_task(self._ask_ont(self._settings.ont, self._agent))
        finally:
            if self._agent is not None:
                self._agent.close()

    async def _hold_kernel(self) -> None:
        while True:
            kernel = None
            try:
                kernel = await self._open_kernel()
                await self._converse(kernel)
            except KernelSilentError as silent:
                self._tell(self._state.handle_kernel_silent(str(silent)))
            finally:
                if kernel is not None:
                    kernel.close()
            await asyncio.sleep(KERNEL_RETRY_MS / 1000)

    async def _converse(self, kernel: KernelLink) -> None:
        """Look at every interval, and hear what the kernel tells between; raises KernelSilentError."""
        news = asyncio.ensure_future(kernel.news())
        try:
            while True:
                self._tell(self._state.handle_look(await kernel.look(), self._now()))
                look_at = self._now() + self._settings.poll_interval_ms
                while (left_ms := look_at - self._now()) > 0:
                    await asyncio.wait((news,), timeout=left_ms / 1000)
                    if news.done():
                        link = news.result()
                        news = asyncio.ensure_future(kernel.news())
                        self._tell(self._state.handle_news(link, self._now()))
        finally:
            news.cancel()
            await asyncio.gather(news, return_exceptions=True)

    async def _ask_ont(self, ont: OntSettings, agent: OntAgent) -> None:
        while True:
            ask_again_at = self._now() + ont.poll_interval_ms
            try:
                optical, fault = read_optics(ont.oids, await agent.get(ont.oids.oids))
            except OntSilentError as silent:
                optical, fault = None, str(silent)
            self._tell(self._state.handle_optics(optical, fault, self._now()))
            await asyncio.sleep(max(ask_again_at - self._now(), 0) / 1000)

    def _tell(self, events: tuple[FibreEvent, ...]) -> None:
        for event in events:
            self._emit(event)


def _netlink(settings: FibreSettings) -> OpenKernelLink:
    from drivers.fibre.netlink import Netlink  # noqa: PLC0415 - heavy: only where it is used

    return Netlink(settings.interface)


def _snmp(ont: OntSettings) -> OntAgent:
    from drivers.fibre.snmp import SnmpOnt  # noqa: PLC0415 - heavy: only where it is used

    return SnmpOnt(ont)
