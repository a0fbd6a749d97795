"""A memory for messages with numbered slots, as on a SIM or in the modem."""

from dataclasses import dataclass
from typing import Final, Literal

Status = Literal[0, 1, 2, 3]
"""0 received unread, 1 received read, 2 stored unsent, 3 stored sent (TS 27.005 3.1)."""


@dataclass(slots=True)
class StoredMessage:
    """A message in a slot. ``pdu``: with the service centre's address in front."""

    status: Status
    pdu: bytes


class MessageStore:
    """At most ``size`` messages, in slots from 1."""

    def __init__(self, size: int) -> None:
        self.size: Final = size
        self.full = False
        """Taken up by what nobody sees, for scripts."""
        self._slots: Final[dict[int, StoredMessage]] = {}

    def add(self, message: StoredMessage) -> int | None:
        """The slot it got, or None where all are taken."""
        free = next((index for index in range(1, self.size + 1) if index not in self._slots), None)
        if self.full or free is None:
            return None
        self._slots[free] = message
        return free

    def get(self, index: int) -> StoredMessage | None:
        """The message in a slot."""
        return self._slots.get(index)

    def delete(self, index: int) -> None:
        """Empty a slot; an empty one stays so. Deleting makes room."""
        if self._slots.pop(index, None) is not None:
            self.full = False

    def messages(self) -> list[tuple[int, StoredMessage]]:
        """All, by slot."""
        return sorted(self._slots.items())

    @property
    def used(self) -> int:
        """Slots that are taken."""
        return self.size if self.full else len(self._slots)
