"""What comes by SMS: put together, told apart by its first byte, and handed on as what comes by other rungs is.

Signed things are believed whoever sent them, for a sender's number proves nothing; nothing else is believed.
"""

from collections import Counter
from collections.abc import Callable
from typing import Final

from crypto import acknowledgement, sms, sms_missing
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from drivers.ports import SmsReceived
from failover.events import Instant
from kit.events import CommandHeard, Event, ModemHeard, ReceiptHeard, SmsPartsAsked, Tick

SMS_RUNG: Final = "sms"  # stands for the uplink of what came
COMMAND_FIRST_BYTE: Final = 0xC5  # of a packed command (crypto.command)


class SmsInbox:
    """Volatile: what a restart cuts off is sent again, for nothing was acknowledged.

    Args:
        manifest: for the key of the log.
        count: hears for each message which modem it came by.

    Attributes:
        dropped: messages of which nothing was made, by why.
    """

    def __init__(self, manifest: TrustedManifest, count: Callable[[str], None]) -> None:
        self._log = manifest.log_verifier
        self._count = count
        self._reassembler = sms.Reassembler()
        self.dropped: Counter[str] = Counter()

    def translate(self, event: Event, now: Instant) -> Event:
        """The event itself, unless it is an SMS: then what the SMS says, or a Tick where it says nothing (yet)."""
        if not isinstance(event, ModemHeard) or not isinstance(event.event, SmsReceived):
            return event
        self._count(event.modem)
        return self._read(event.event, now) or Tick()

    def _read(self, message: SmsReceived, now: Instant) -> Event | None:
        self._reassembler.expire(now_ms=now)
        try:
            data = self._reassembler.add(message.sender, message.user_data, now_ms=now)
            return None if data is None else self._event(data)
        except EvidenceError as error:
            self.dropped[type(error).__name__] += 1
            return None

    def _event(self, data: bytes) -> Event | None:
        if data[0] == acknowledgement.PACKED_VERSION:
            return ReceiptHeard(SMS_RUNG, acknowledgement.unpack(data, log=self._log))
        if data[0] == COMMAND_FIRST_BYTE:
            return CommandHeard(data, SMS_RUNG)
        if data[0] == sms_missing.FIRST_BYTE:
            asked = sms_missing.read(data, log=self._log)
            parts = asked.parts
            return SmsPartsAsked(asked.at_s, parts.reference, parts.total, parts.missing, parts.received)
        self.dropped["of no kind that is known"] += 1
        return None
