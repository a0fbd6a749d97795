"""centerd's desk for witnesses: asks them to vouch for the newest checkpoint, in the background.

Intake and receipts never wait for it. A witness that is silent is asked again, and then for the newest checkpoint
alone: it has caught up at once.
"""

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import structlog

from center.errors import LedgerError
from center.log.checkpoints import Checkpoint
from center.log.sequencer import Sequencer
from center.ports import Ask
from center.witness.address import WitnessAddress
from center.witness.cosignatures import good_lines
from center.witness.witness import Request
from crypto import rfc3339
from crypto.errors import ProofError

PAUSE_S: Final = 0.2  # between two questions to one witness that answers
BACKOFF_MIN_S: Final = 0.5
BACKOFF_MAX_S: Final = 30.0
RENEW_S: Final = 300.0  # a log that does not grow is vouched for again: what witnesses saw must not grow old

_OK: Final = 200
_CONFLICT: Final = 409
_UNPROCESSABLE: Final = 422
_SIZE_DIGITS_MAX: Final = 18

_log = structlog.get_logger("centerd.witnesses")


class WitnessDesk:
    """Asks every witness on its own, so that none waits for another. ``wall_ms`` is only recorded.

    ``on_cosigned`` is called after every cosignature that was kept.
    """

    def __init__(
        self,
        sequencer: Sequencer,
        witnesses: Sequence[WitnessAddress],
        ask: Ask,
        wall_ms: Callable[[], int],
        on_cosigned: Callable[[], None] | None = None,
    ) -> None:
        self._sequencer = sequencer
        self._ask = ask
        self._wall_ms = wall_ms
        self._on_cosigned = on_cosigned
        self._signals = {witness: asyncio.Event() for witness in witnesses}

    def wake(self) -> None:
        """There may be a new checkpoint."""
        for signal in self._signals.values():
            signal.set()

    async def run(self) -> None:
        """Ask until cancelled; never returns by itself, unless there is nobody to ask."""
        async with asyncio.TaskGroup() as group:
            for witness, signal in self._signals.items():
                group.create_task(self._attend(witness, signal))

    async def _attend(self, witness: WitnessAddress, signal: asyncio.Event) -> None:
        known = cosigned = self._sequencer.cosigned_size(witness.vkey)
        pause_s = BACKOFF_MIN_S
        while True:
            newest = self._sequencer.newest
            asked_before = newest is None or newest.size <= cosigned
            if asked_before and await self._news(signal):
                continue
            if newest is None:
                continue
            told = await self._question(witness, min(known, newest.size), newest)
            if told is None:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, BACKOFF_MAX_S)
                continue
            known, vouched = told
            if vouched:
                cosigned, pause_s = known, BACKOFF_MIN_S
            await asyncio.sleep(PAUSE_S if vouched or known <= newest.size else BACKOFF_MAX_S)

    async def _news(self, signal: asyncio.Event) -> bool:
        """Wait for news; False when there was none for so long that the witness should vouch again, at a later time.

        Trustees answer only where witnesses saw the log after the opening time, and nothing more may come by then.
        """
        try:
            async with asyncio.timeout(RENEW_S):
                await signal.wait()
        except TimeoutError:
            return False
        signal.clear()
        return True

    async def _question(
        self, witness: WitnessAddress, known: int, newest: Checkpoint
    ) -> tuple[int, bool] | None:
        """Ask once. Returns the size that the witness knows now, and whether it vouched; None when it did not say."""
        request = Request(known, self._sequencer.consistency(known, newest.size), newest.note)
        try:
            answer = await self._ask(witness.url, request)
        except (OSError, TimeoutError) as error:
            _log.warning(
                "witness-silent", witness=witness.verifier.name, error=str(error) or type(error).__name__
            )
            return None
        if answer.status == _OK:
            return (newest.size, True) if self._keep(witness, newest, answer.body) else None
        said = answer.body[:500].decode("utf-8", "replace")
        digits = said.removesuffix("\n")
        sized = digits.isascii() and digits.isdecimal() and len(digits) <= _SIZE_DIGITS_MAX
        if answer.status == _CONFLICT and sized and int(digits) != known:
            if int(digits) > newest.size:
                _log.critical(
                    "witness-knows-more",
                    witness=witness.verifier.name,
                    witness_size=int(digits),
                    log_size=newest.size,
                    advice="the ledger was rolled back, or the log key signs elsewhere too: stop and find out",
                )
            return int(digits), False
        level = _log.critical if answer.status == _UNPROCESSABLE else _log.warning
        level("witness-refuses", witness=witness.verifier.name, status=answer.status, answer=said)
        return None

    def _keep(self, witness: WitnessAddress, checkpoint: Checkpoint, body: bytes) -> bool:
        try:
            lines = good_lines(checkpoint.note + body.decode("utf-8"), [witness.verifier])
        except (ProofError, UnicodeDecodeError):
            lines = {}
        line = lines.get(witness.verifier)
        if line is None:
            _log.warning(
                "cosignature-is-not-good",
                witness=witness.verifier.name,
                advice="is it the witness of this vkey?",
            )
            return False
        try:
            self._sequencer.add_cosignature(
                checkpoint.size, witness.vkey, line, at=rfc3339.to_text(self._wall_ms())
            )
        except LedgerError as error:
            _log.error("cosignature-not-kept", error=str(error))
            return False
        _log.info("cosigned", witness=witness.verifier.name, size=checkpoint.size)
        if self._on_cosigned is not None:
            self._on_cosigned()
        return True
