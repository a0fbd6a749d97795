"""centerd's desk for pushes: tells branches what witnesses vouched for, in the background, never in a burst."""

import asyncio
import contextlib
from typing import Final

import structlog

from center.errors import LedgerError
from center.intake.pushes import Pushes, Send
from center.log.sequencer import Sequencer

PUSH_PAUSE_S: Final = 0.1  # after PUSH_MAX receipts: 200 a second, 0.4 MB/s, 70,000 branches in 6 minutes
NO_SESSION_PAUSE_S: Final = 1.0  # until the broker is tried again
LOOK_S: Final = 5.0  # how often cosignatures are looked for that another process put into the ledger

_log = structlog.get_logger("centerd.pushes")


class PushDesk:
    """Sleeps until there is something to tell. Intake never waits for it."""

    def __init__(self, sequencer: Sequencer, pushes: Pushes, send: Send) -> None:
        self._sequencer = sequencer
        self._pushes = pushes
        self._send = send
        self._signal = asyncio.Event()

    def wake(self) -> None:
        """A cosignature came."""
        self._signal.set()

    async def run(self) -> None:
        """Tell until cancelled; never returns by itself."""
        while True:
            if not self._pushes.waiting:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(LOOK_S):
                        await self._signal.wait()
                self._signal.clear()
                self._look()
                continue
            there = await self._tell()
            await asyncio.sleep(PUSH_PAUSE_S if there else NO_SESSION_PAUSE_S)

    def _look(self) -> None:
        before = self._sequencer.witnessed_size
        try:
            self._sequencer.look_for_cosignatures()
        except LedgerError as error:
            _log.error("cosignatures-not-read", error=str(error))
        if self._sequencer.witnessed_size > before:
            _log.info("cosignatures-were-brought", witnessed_size=self._sequencer.witnessed_size)

    async def _tell(self) -> bool:
        try:
            return await self._pushes.send_some(self._send)
        except LedgerError as error:
            _log.error("receipts-not-read", error=str(error))
            return False
