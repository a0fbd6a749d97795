"""A running hash over everything that a world does: two runs of one seed are the same run when their hashes agree."""

import hashlib
import struct
from collections import deque
from typing import Final

TAIL_MAX: Final = 10_000  # events that a trace may remember for an error report
SHOWN_MAX: Final = 96  # bytes of one event's data in an error report

_HEADER: Final = struct.Struct(">dHHI")


class Trace:
    """Events ``(time, node, kind, data)``, hashed with BLAKE2b in the order in which they come.

    Every field is written with its length before it, and the time as the eight bytes of its IEEE 754 double, so that
    neither ``repr`` nor PYTHONHASHSEED has a say. ``tail``: how many events to keep readable, 0 to TAIL_MAX.
    """

    __slots__ = ("_closed", "_hash", "_tail", "count")

    def __init__(self, *, tail: int = 0) -> None:
        if not 0 <= tail <= TAIL_MAX:
            raise ValueError(f"trace tail is {tail} events: choose 0 to {TAIL_MAX}")
        self._hash = hashlib.blake2b(digest_size=16)
        self._tail: deque[tuple[float, str, str, bytes]] | None = deque(maxlen=tail) if tail else None
        self._closed = False
        self.count = 0
        """Events so far."""

    def event(self, at: float, node: str, kind: str, data: bytes = b"") -> None:
        """Take one event in. ``at``: virtual seconds. Nothing happens after ``close``."""
        if self._closed:
            return
        where, what = node.encode(), kind.encode()
        update = self._hash.update
        update(_HEADER.pack(at, len(where), len(what), len(data)))
        update(where + what)
        update(data)
        self.count += 1
        if self._tail is not None:
            self._tail.append((at, node, kind, data))

    def close(self) -> None:
        """Take nothing more in: the world is over, and the clearing away of its leftovers is not part of it."""
        self._closed = True

    def hexdigest(self) -> str:
        """The hash so far, 32 hexadecimal digits."""
        return self._hash.hexdigest()

    def tail(self) -> list[str]:
        """The last events as lines of text, oldest first."""
        return [_line(*event) for event in self._tail or ()]


def _line(at: float, node: str, kind: str, data: bytes) -> str:
    shown = data[:SHOWN_MAX].hex()
    more = f"... ({len(data)} bytes)" if len(data) > SHOWN_MAX else ""
    return f"{at:14.6f} {node} {kind} {shown}{more}".rstrip()
