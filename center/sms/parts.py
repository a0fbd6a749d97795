"""Parts of carriers on their way to being whole: many senders at once, forged ones among them. No clock, no disk.

The number of a sender proves nothing, so that anybody may send parts in another's name. Where two parts of one number
differ, both are kept (up to ``VARIANTS_MAX``), and each way to put a whole together is tried, up to
``COMBINATIONS_MAX``: the signature in the whole says which was right. So forged parts cost time, and only a
flood under the right number, going on all the while, costs the sender a repetition.
"""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice, product
from typing import Final

from crypto.sms import Part, header
from crypto.sms_missing import TOTAL_MAX, MissingParts, hash_of

VARIANTS_MAX: Final = 3  # different parts under one number of one message
COMBINATIONS_MAX: Final = (
    256  # ways to make a message whole that are tried when a part comes: all, of six parts
)
PARTS_HELD_MAX: Final = 4_096  # parts of all senders: about 0.5 MB
SENDER_FAIR: Final = 48  # parts that an honest sender may well have here at one time
SENDER_OPEN_MAX: Final = 8  # messages of one sender that are not whole
WHOLES_MAX: Final = 4_096  # messages that were whole, remembered for the repetitions of their parts
KEEP_MS: Final = 6 * 60 * 60_000  # milliseconds since its last part that a message is kept
ASKED_MAX: Final = 3  # times that missing parts are asked for

Key = tuple[str, int, int]
"""Sender, reference, parts in all. Where two disagree about how many there are, they are two messages."""


@dataclass(slots=True)
class Open:
    """A message that is not whole. ``bodies``: what came under each number, the newest first."""

    last_ms: int
    asked: int = 0
    ask_at_ms: int = 0
    bodies: dict[int, list[bytes]] = field(default_factory=dict)

    @property
    def held(self) -> int:
        """How many parts are here, variants too."""
        return sum(map(len, self.bodies.values()))

    def missing(self, total: int) -> tuple[int, ...]:
        """The numbers of which nothing came."""
        return tuple(number for number in range(1, total + 1) if number not in self.bodies)


@dataclass(frozen=True, slots=True)
class Gone:
    """A part that is held no longer."""

    sender: str
    part: Part


class Parts:
    """What was received and is not whole yet, and for a while what was. At most ``PARTS_HELD_MAX`` parts.

    Where room is needed, the message gives way that heard nothing for longest: of the sender with the most parts, when
    that one has more than ``SENDER_FAIR``. Of a sender with too many messages the one with the fewest parts gives way.
    """

    def __init__(self, *, ask_after_ms: int, keep_ms: int = KEEP_MS) -> None:
        self._ask_after_ms: Final = ask_after_ms
        self._keep_ms: Final = keep_ms
        self._open: OrderedDict[Key, Open] = OrderedDict()  # heard of longest ago first
        self._wholes: OrderedDict[Key, tuple[frozenset[Part], str, int]] = OrderedDict()
        self._held = 0

    @property
    def held(self) -> int:
        """How many parts are held."""
        return self._held

    def __len__(self) -> int:
        return len(self._open)

    def whole_of(self, sender: str, part: Part) -> str | None:
        """The SHA-256 of the envelope that this part was part of, where it was made whole."""
        parts, sha256, _ = self._wholes.get((sender, part.reference, part.total), (frozenset(), None, 0))
        return sha256 if part in parts else None

    def add(self, sender: str, part: Part, *, now_ms: int) -> list[Gone]:
        """Keep a part; returns those that gave way to it."""
        key = (sender, part.reference, part.total)
        message = self._open.get(key)
        gone: list[Gone] = []
        if message is None:
            message = self._open[key] = Open(now_ms)
        variants = message.bodies.setdefault(part.number, [])
        if part.body not in variants:
            variants.insert(0, part.body)
            self._held += 1
            if len(variants) > VARIANTS_MAX:
                gone.append(Gone(sender, _part(key, part.number, variants.pop())))
                self._held -= 1
            message.last_ms = now_ms
            message.ask_at_ms = now_ms + (self._ask_after_ms << message.asked)
            self._open.move_to_end(key)
        return gone + self._make_room(key)

    def wholes(self, sender: str, part: Part) -> Iterator[tuple[bytes, frozenset[Part]]]:
        """Each way to make this part and others whole: the newest first, at most ``COMBINATIONS_MAX``."""
        key = (sender, part.reference, part.total)
        message = self._open.get(key)
        if message is None or message.missing(part.total):
            return
        numbers = range(1, part.total + 1)
        choices = [[part.body] if number == part.number else message.bodies[number] for number in numbers]
        for bodies in islice(product(*choices), COMBINATIONS_MAX):
            chosen = frozenset(_part(key, number, body) for number, body in zip(numbers, bodies, strict=True))
            yield b"".join(bodies), chosen

    def close(
        self, sender: str, part: Part, chosen: frozenset[Part], sha256: str, *, now_ms: int
    ) -> list[Gone]:
        """A message is whole: forget what is held of it, forged parts too, and remember that it was."""
        key = (sender, part.reference, part.total)
        self._wholes.pop(key, None)
        self._wholes[key] = (chosen, sha256, now_ms)
        if len(self._wholes) > WHOLES_MAX:
            self._wholes.popitem(last=False)
        return self._drop(key)

    def to_ask_for(self, *, now_ms: int) -> list[tuple[Key, MissingParts]]:
        """Messages whose missing parts are to be asked for now, and which these are; ``asked`` notes it."""
        return [
            (key, _asking(key, message))
            for key, message in self._open.items()
            if message.asked < ASKED_MAX
            and message.ask_at_ms <= now_ms
            and message.missing(key[2])
            and key[2] <= TOTAL_MAX
        ]

    def asked(self, key: Key, *, now_ms: int) -> None:
        """The missing parts of a message were asked for: the next time comes after a pause twice as long."""
        message = self._open.get(key)
        if message is not None:
            message.asked += 1
            message.ask_at_ms = now_ms + (self._ask_after_ms << message.asked)

    def expire(self, *, now_ms: int) -> tuple[int, list[Gone]]:
        """Forget what heard nothing for ``keep_ms``: how many messages that were not whole, and their parts."""
        gone: list[Gone] = []
        count = 0
        while self._open and now_ms - next(iter(self._open.values())).last_ms > self._keep_ms:
            gone += self._drop(next(iter(self._open)))
            count += 1
        while self._wholes and now_ms - next(iter(self._wholes.values()))[2] > self._keep_ms:
            self._wholes.popitem(last=False)
        return count, gone

    def _make_room(self, newest: Key) -> list[Gone]:
        gone: list[Gone] = []
        mine = [key for key in self._open if key[0] == newest[0]]
        if len(mine) > SENDER_OPEN_MAX:
            mine.remove(newest)
            gone += self._drop(min(mine, key=lambda key: self._open[key].held))
        while self._held > PARTS_HELD_MAX:
            held: dict[str, int] = {}
            for key, message in self._open.items():
                held[key[0]] = held.get(key[0], 0) + message.held
            most = max(held.values())
            unfair = [key for key in self._open if held[key[0]] == most > SENDER_FAIR]
            gone += self._drop(next(key for key in unfair or self._open if key != newest))
        return gone

    def _drop(self, key: Key) -> list[Gone]:
        message = self._open.pop(key, None)
        if message is None:
            return []
        self._held -= message.held
        return [
            Gone(key[0], _part(key, number, body))
            for number, bodies in message.bodies.items()
            for body in bodies
        ]


def _asking(key: Key, message: Open) -> MissingParts:
    """What is missing beside what came. Where that is not one thing, another variant each time that is asked."""
    _, reference, total = key
    came = [
        header(reference, total, number) + bodies[message.asked % len(bodies)]
        for number, bodies in sorted(message.bodies.items())
    ]
    return MissingParts(reference, total, message.missing(total), hash_of(came))


def _part(key: Key, number: int, body: bytes) -> Part:
    return Part(key[1], key[2], number, body)
