"""Wishes of the SMS gateways: the log signs requests for missing parts, so many a minute and nothing else.

What is signed says in its first line what it is, and binds a few parts by their hash: it can be taken for nothing else,
and is worth nothing but to the branch whose parts they are.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

import structlog

from center.ports import Delivery
from crypto import sms_missing
from crypto.errors import EvidenceError
from crypto.notes import NoteSigner
from crypto.wire import topic_missing_parts, topic_missing_parts_signed

SIGNED_MAX: Final = 120  # requests that are signed in a minute: a gateway with a modem of its own sends ten
MINUTE_MS: Final = 60_000

Say = Callable[[str, bytes], Awaitable[bool]]
"""Sends one message on a topic; False when there is no session with the broker."""

_log = structlog.get_logger("centerd.missing_parts")


class MissingPartsDesk:
    """Keeps nothing: a gateway that hears no answer asks again."""

    def __init__(self, election: str, log: NoteSigner) -> None:
        self._topic: Final = topic_missing_parts(election)
        self._answers: Final = topic_missing_parts_signed(election)
        self._signer: Final = log
        self._minute = -1
        self._signed = 0

    def sort(self, batch: Sequence[Delivery]) -> tuple[list[Delivery], list[Delivery]]:
        """Wishes, and everything else."""
        wishes = [one for one in batch if one.topic == self._topic]
        return wishes, [one for one in batch if one.topic != self._topic]

    async def answer(self, payload: bytes, say: Say, *, wall_ms: int) -> None:
        """Sign one wish and publish it. ``wall_ms`` since 1970 is what orders requests."""
        try:
            parts = sms_missing.read_wish(payload)
        except EvidenceError as error:
            _log.warning("wish-refused", reason=str(error))
            return
        if wall_ms // MINUTE_MS != self._minute:
            self._minute, self._signed = wall_ms // MINUTE_MS, 0
        self._signed += 1
        if self._signed > SIGNED_MAX:
            if self._signed == SIGNED_MAX + 1:
                _log.warning(
                    "too-many-wishes",
                    most=SIGNED_MAX,
                    advice="who may write on the topic?",
                    topic=self._topic,
                )
            return
        _log.info("request-signed", reference=parts.reference, of=parts.total, missing=list(parts.missing))
        await say(
            self._answers,
            sms_missing.make(parts, self._signer, at_s=min(wall_ms // 1000, sms_missing.AT_MAX)),
        )
