"""SMS through ModemManager: it cuts and joins messages itself, and lets nobody else write headers.

The port's messages are parts of at most 140 octets with their header. ModemManager (1.20, mm-base-sms.c and
mm-sms-part-3gpp.c) takes whole bodies only: what is longer than 140 octets it cuts into parts of 134 behind a header
for concatenation with an 8-bit reference, exactly as our parts are; what is not gets no header at all. Therefore:

- Parts to send are gathered until a message is whole; then its body goes out as one, and ModemManager makes the
  same parts again, under a reference of its own choice (1 to 254).
- What fits into one message, and parts whose fellows never come, cannot be sent as they are: final failure, with
  the advice to send it by the AT port.
- A body that arrived is cut again, under a reference that we count.
"""

from collections import OrderedDict
from dataclasses import dataclass
from typing import Final

USER_DATA_MAX: Final = 140  # octets of one message, header included
PART_MAX: Final = 134  # octets of one part behind a header
PARTS_MAX: Final = 255  # parts of one message
GATHER_MS: Final = 60_000  # milliseconds: how long the parts of a message are waited for
GATHERED_MAX: Final = 16  # messages whose parts are waited for at the same time
_HEADER: Final = bytes([5, 0, 3])  # TS 23.040 9.2.3.24.1: concatenated short messages, 8-bit reference
_HEADER_OCTETS: Final = len(_HEADER) + 3

USE_AT: Final = "use the AT port for SMS (another port of the same modem)"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A whole message. ``tokens``: of its parts, in their order."""

    tokens: tuple[int, ...]
    number: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Unsendable:
    """Parts that ModemManager cannot send, and why."""

    tokens: tuple[int, ...]
    reason: str


@dataclass(slots=True)
class _Gathering:
    total: int
    since_ms: int
    parts: dict[int, tuple[int, bytes]]  # number of the part to token and body


class Gatherer:
    """Collects parts until a message is whole. Holds at most ``GATHERED_MAX`` messages."""

    def __init__(self) -> None:
        self._messages: OrderedDict[tuple[str, int], _Gathering] = OrderedDict()

    def add(self, token: int, number: str, user_data: bytes, now_ms: int) -> list[Outgoing | Unsendable]:
        """Take one part; returns the message if it is whole now, and what had to be given up."""
        head, body = user_data[:_HEADER_OCTETS], user_data[_HEADER_OCTETS:]
        if not head.startswith(_HEADER) or len(head) < _HEADER_OCTETS or not body:
            return [
                Unsendable((token,), f"ModemManager sends no header but its own for long messages: {USE_AT}")
            ]
        reference, total, position = head[len(_HEADER) :]
        if not 1 <= position <= total or (position < total and len(body) != PART_MAX):
            return [
                Unsendable((token,), f"ModemManager cuts messages otherwise than this part was: {USE_AT}")
            ]
        given_up: list[Outgoing | Unsendable] = []
        key = (number, reference)
        message = self._messages.get(key)
        if message is not None and (message.total != total or position in message.parts):
            given_up.append(self._drop(key, "another message began under the same reference"))
            message = None
        if message is None:
            if len(self._messages) == GATHERED_MAX:
                given_up.append(
                    self._drop(next(iter(self._messages)), "too many messages were begun at once")
                )
            message = self._messages[key] = _Gathering(total, now_ms, {})
        message.parts[position] = (token, body)
        return [*given_up, self._whole(key)] if len(message.parts) == total else given_up

    def wake_at(self) -> int | None:
        """When the parts of some message will have been waited for in vain."""
        return min((message.since_ms + GATHER_MS for message in self._messages.values()), default=None)

    def expire(self, now_ms: int) -> list[Unsendable]:
        """Give up messages whose parts did not come within ``GATHER_MS``."""
        late = [key for key, message in self._messages.items() if now_ms - message.since_ms >= GATHER_MS]
        return [
            self._drop(key, f"its other parts were not handed over within {GATHER_MS // 1000} s")
            for key in late
        ]

    def _whole(self, key: tuple[str, int]) -> Outgoing | Unsendable:
        parts = [part for _, part in sorted(self._messages.pop(key).parts.items())]
        tokens = tuple(token for token, _ in parts)
        body = b"".join(body for _, body in parts)
        if len(body) <= USER_DATA_MAX:
            reason = (
                f"ModemManager sends {len(body)} octets without a header, {USER_DATA_MAX} and less: {USE_AT}"
            )
            return Unsendable(tokens, reason)
        return Outgoing(tokens, key[0], body)

    def _drop(self, key: tuple[str, int], why: str) -> Unsendable:
        message = self._messages.pop(key)
        tokens = tuple(token for _, (token, _) in sorted(message.parts.items()))
        return Unsendable(tokens, f"{why}, and ModemManager sends whole messages only: {USE_AT}")


def cut(body: bytes, reference: int) -> list[bytes]:
    """Cut a body that arrived into user data as it was before ModemManager joined it, but for the reference.

    A body of more than ``PARTS_MAX`` parts is none that arrived by SMS: nothing comes of it.
    """
    bodies = [body[at : at + PART_MAX] for at in range(0, len(body), PART_MAX)]
    if len(bodies) > PARTS_MAX:
        return []
    return [
        _HEADER + bytes([reference, len(bodies), position]) + part for position, part in enumerate(bodies, 1)
    ]
