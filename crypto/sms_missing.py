"""A request for the parts of a concatenated SMS that did not come: one short binary message back to its sender.

Layout, after the rules of ``crypto.sms`` for references and numbers of parts::

    0xA2 | reference | parts in all | one bit for each part, the first in the highest bit of the first octet

A bit that is set asks for that part; bits beyond the last part are clear. Nobody signs it: it is a hint, and can cost
a bounded number of parts that are sent again, no more.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crypto.errors import EncodingError
from crypto.sms import PARTS_MAX, REFERENCE_MAX

FIRST_BYTE: Final = 0xA2  # no compact carrier, acknowledgement, command or UTF-8 text begins with it
_HEAD_OCTETS: Final = 3
MISSING_OCTETS_MAX: Final = _HEAD_OCTETS + (PARTS_MAX + 7) // 8  # octets of one request: one SMS carries it


class MissingRequestError(EncodingError):
    """Bytes that are no request for missing parts."""


@dataclass(frozen=True, slots=True)
class MissingParts:
    """Parts that did not come, numbered from 1, ascending: at least one, and never all ``total`` of them."""

    reference: int
    total: int
    missing: tuple[int, ...]


def pack(reference: int, total: int, missing: Iterable[int]) -> bytes:
    """Return the bytes of a request, at most ``MISSING_OCTETS_MAX``; ``crypto.sms.split`` makes one message of them.

    Args:
        reference: of the parts that came, 0 to 255.
        total: how many parts there are in all, 2 to 255.
        missing: numbers of those that did not come, from 1, in any order.

    Raises:
        ValueError: one of them is out of range, or nothing or everything is missing.
    """
    wanted = set(missing)
    if not 0 <= reference <= REFERENCE_MAX or not 1 < total <= PARTS_MAX:
        raise ValueError(f"reference {reference}, {total} parts: 0 to 255 and 2 to {PARTS_MAX} are possible")
    if not 0 < len(wanted) < total or min(wanted) < 1 or max(wanted) > total:
        raise ValueError(f"parts {sorted(wanted)} of {total}: name at least one of them, and never all")
    size = (total + 7) // 8
    bits = sum(1 << (8 * size - number) for number in wanted)
    return bytes([FIRST_BYTE, reference, total]) + bits.to_bytes(size, "big")


def read(data: bytes) -> MissingParts:
    """Read a request: exactly what ``pack`` writes, and nothing else.

    Raises:
        MissingRequestError: it is not.
    """
    if len(data) < _HEAD_OCTETS or data[0] != FIRST_BYTE:
        raise MissingRequestError(f"{len(data)} bytes are no request for missing parts: it begins with A2")
    reference, total = data[1], data[2]
    size = (total + 7) // 8
    if total < 2 or len(data) != _HEAD_OCTETS + size:  # noqa: PLR2004 - of one part none can be missing
        raise MissingRequestError(
            f"a request for some of {total} parts has {_HEAD_OCTETS + size} bytes, this one {len(data)}: "
            f"it was cut or is not one"
        )
    bits = int.from_bytes(data[_HEAD_OCTETS:], "big")
    missing = tuple(number for number in range(1, total + 1) if bits >> (8 * size - number) & 1)
    if not 0 < len(missing) < total or bits & ((1 << (8 * size - total)) - 1):
        raise MissingRequestError(
            f"a request names some of {total} parts, this one {len(missing)}, or others"
        )
    return MissingParts(reference, total, missing)
