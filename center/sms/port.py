"""What carries short messages, as the gateway sees it: a modem, or the folders of smsd."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message that was to be sent. ``final``: trying it again as it is cannot help."""

    token: int
    sent: bool
    reason: str = ""
    final: bool = False


Arrived = Callable[[str, bytes], None]
"""Takes one binary message: the sender as the network says (``+`` and digits where it is international) and its user
data, header included. When it returns, the message is durable; it raises SpoolError when it could not be kept."""

Settled = Callable[[Outcome], None]
"""Hears what became of a message that was sent."""

Say = Callable[[str], None]
"""Tells people in one line."""


class ShortMessages(Protocol):
    """A way to receive and send binary messages."""

    async def run(self) -> None:
        """Serve until cancelled; never returns by itself."""

    def send(self, token: int, number: str, user_data: bytes) -> None:
        """Take one message on; its outcome follows under the same ``token``.

        Args:
            token: the caller's own number for it.
            number: ``+`` and 3 to 15 digits, or 3 to 15 digits.
            user_data: 1 to 140 octets, header included.
        """
