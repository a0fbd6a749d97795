"""What the gateway keeps on its disk, one small file each, and the port behind which the disk is."""

from hashlib import sha256
from typing import Annotated, Final, Literal, Protocol

import msgspec
from msgspec import Meta

from crypto.sms import SENDER_MAX, USER_DATA_MAX

NUMBERS_MAX: Final = 4  # telephone numbers for one envelope or branch: those heard last
RECORD_MAX: Final = 192 * 1024  # bytes of one file

Number = Annotated[str, Meta(pattern=r"^\+?[0-9]{3,15}\Z")]
"""What can be sent to: ``+`` and 3 to 15 digits, or 3 to 15 digits."""

Kind = Literal["part", "envelope", "numbers", "order"]


class _Record(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Base of all records: strict."""


class PartRecord(_Record, frozen=True, kw_only=True):
    """One part that waits for others."""

    sender: Annotated[str, Meta(max_length=SENDER_MAX)]
    user_data: Annotated[bytes, Meta(max_length=USER_DATA_MAX)]

    @property
    def name(self) -> str:
        """Names it among all parts: the same part twice is one."""
        return sha256(self.sender.encode() + b"\0" + self.user_data).hexdigest()[:32]


class EnvelopeRecord(_Record, frozen=True, kw_only=True):
    """A verified envelope on its way to centerd and its answer on the way back; ``name`` is its SHA-256.

    ``numbers``: from where it came, the last one last.
    """

    envelope: bytes
    numbers: tuple[Number, ...]


class NumbersRecord(_Record, frozen=True, kw_only=True):
    """From where verified envelopes of a branch came, the last one last; ``name`` is the hash of the branch's id."""

    branch: str
    numbers: tuple[Number, ...]


class OrderRecord(_Record, frozen=True, kw_only=True):
    """A packed command that somebody wants to be sent."""

    packed: bytes
    numbers: tuple[Number, ...]


Record = PartRecord | EnvelopeRecord | NumbersRecord | OrderRecord
TYPES: Final[dict[Kind, type[Record]]] = {
    "part": PartRecord,
    "envelope": EnvelopeRecord,
    "numbers": NumbersRecord,
    "order": OrderRecord,
}


class Store(Protocol):
    """Keeps records over the death of the gateway."""

    def keep(self, kind: Kind, name: str, record: Record) -> None:
        """Keep a record durably, in the place of one of that name; raises SpoolError."""

    def forget(self, kind: Kind, name: str) -> None:
        """Remove a record, if it is there; raises SpoolError."""

    def load(self, kind: Kind) -> list[tuple[str, Record]]:
        """All records of a kind, the oldest first; what is damaged is left out. Raises SpoolError."""


def branch_name(branch: str) -> str:
    """Names the numbers of a branch: ids may hold what file names may not."""
    return sha256(branch.encode()).hexdigest()[:32]
