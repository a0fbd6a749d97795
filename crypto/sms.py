"""Compact carriers as binary concatenated SMS: 3GPP TS 23.040 §9.2.3.24.1, 8-bit reference. No modem, no clock.

A part is the user data (TP-UD) of one message: a header of 6 octets and up to 134 octets of the carrier. All parts but
the last are full. Whoever sends them sets TP-UDHI and the 8-bit data coding scheme.

The sender's number of an SMS proves nothing, and neither does reassembly: give what comes out to
``carrier.from_compact`` and that to ``submissions.check_submission``.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from crypto.errors import EncodingError

USER_DATA_MAX: Final = 140  # octets of one SMS in 8-bit coding, header included
_HEADER: Final = bytes([5, 0x00, 3])  # header length, IE "concatenated short messages, 8-bit", IE length
HEADER_OCTETS: Final = len(_HEADER) + 3  # and reference, number of parts, number of this part
PART_OCTETS: Final = USER_DATA_MAX - HEADER_OCTETS  # octets of the carrier in one part: 134
PARTS_MAX: Final = 255  # parts of one carrier
REFERENCE_MAX: Final = 255  # references count modulo 256
SENDER_MAX: Final = 32  # characters: TS 23.040 §9.1.2.5 knows at most 20 digits

PARTS_HELD_MAX: Final = 4096  # parts of all senders: about 0.5 MB of octets
SENDER_MESSAGES_MAX: Final = 8  # messages of one sender, complete ones included
KEEP_MS: Final = 30 * 60 * 1000  # milliseconds: how long after its first part a message is remembered


class PartError(EncodingError):
    """Something is wrong with the parts of a concatenated message."""


class ForeignPartError(PartError):
    """User data that is no part of ours, or a part of another message."""


class ConflictingPartError(PartError):
    """A part that contradicts one already here: two messages under one reference, or a forgery."""


class MissingPartsError(PartError):
    """The message is not complete. ``missing`` are the numbers of the parts to ask for, from 1."""

    def __init__(self, missing: tuple[int, ...], total: int) -> None:
        self.missing: Final = missing
        self.total: Final = total
        super().__init__(
            f"parts {', '.join(map(str, missing))} of {total} are missing: wait for them, or ask for the message again"
            if total
            else "no part is here: nothing can be put together"
        )


@dataclass(frozen=True, slots=True)
class Part:
    """One part: ``number`` counts from 1 to ``total``."""

    reference: int
    total: int
    number: int
    body: bytes


@dataclass(frozen=True, slots=True)
class Incomplete:
    """A message that was given up."""

    sender: str
    reference: int
    total: int
    missing: tuple[int, ...]


def split(data: bytes, *, reference: int) -> tuple[bytes, ...]:
    """Return the user data of each message. ``reference`` is 0 to 255: another one for each carrier, round and round.

    Raises:
        PartError: there is nothing to send, or more than ``PARTS_MAX`` parts would be needed.
        ValueError: ``reference`` is out of range.
    """
    if not 0 <= reference <= REFERENCE_MAX:
        raise ValueError(f"reference {reference}: count modulo {REFERENCE_MAX + 1}")
    bodies = [data[at : at + PART_OCTETS] for at in range(0, len(data), PART_OCTETS)]
    if not 1 <= len(bodies) <= PARTS_MAX:
        raise PartError(
            f"a carrier of {len(data)} bytes cannot go by SMS: send 1 to {PARTS_MAX * PART_OCTETS} bytes"
        )
    return tuple(header(reference, len(bodies), number) + body for number, body in enumerate(bodies, 1))


def header(reference: int, total: int, number: int) -> bytes:
    """Return the ``HEADER_OCTETS`` octets in front of a part; each argument is an octet."""
    return _HEADER + bytes([reference, total, number])


def parse(user_data: bytes) -> Part:
    """Read the user data of one message.

    Raises:
        ForeignPartError: it is not as ``split`` makes it. Someone else's message, or one that the network changed.
    """
    if not user_data.startswith(_HEADER) or not HEADER_OCTETS < len(user_data) <= USER_DATA_MAX:
        raise ForeignPartError(
            f"SMS of {len(user_data)} octets has no header for 8-bit concatenation, no content, or too much of it: "
            f"not a part of a carrier"
        )
    reference, total, number = user_data[len(_HEADER) : HEADER_OCTETS]
    if not 1 <= number <= total:
        raise ForeignPartError(f"SMS says that it is part {number} of {total}: not a part of a carrier")
    body = user_data[HEADER_OCTETS:]
    if number < total and len(body) != PART_OCTETS:
        raise ForeignPartError(
            f"part {number} of {total} has {len(body)} octets, and all but the last have {PART_OCTETS}: "
            f"it was cut, or is not a part of a carrier"
        )
    return Part(reference, total, number, body)


def join(parts: Iterable[bytes]) -> bytes:
    """Put together one carrier from the user data of all its messages, in any order, repeated or not.

    Raises:
        MissingPartsError: parts are missing.
        ForeignPartError: one is no part of ours, or of another reference than the first.
        ConflictingPartError: two parts of one number differ, or they differ in how many parts there are.
    """
    message: _Message | None = None
    for part in map(parse, parts):
        if message is None:
            message = _Message(part, since_ms=0)
        elif part.reference != message.reference:
            raise ForeignPartError(
                f"part {part.number} under reference {part.reference} among parts of reference {message.reference}: "
                f"sort the messages by reference first"
            )
        else:
            message.add(part)
    if message is None:
        raise MissingPartsError((), 0)
    if message.missing:
        raise MissingPartsError(message.missing, message.total)
    return message.join()


class Reassembler:
    """Puts together what many senders send at once. Holds at most ``PARTS_HELD_MAX`` parts.

    Where room is needed, the message that began first gives way: the sender's own first, when the sender has
    ``SENDER_MESSAGES_MAX``. So no sender can push out the others, and a flood must go on all the time to do harm.
    ``evicted`` counts the incomplete messages that gave way, those to a contradicting part included.

    Complete messages are remembered for as long, so that late duplicates of their parts are known as such. Whoever
    repeats a message on purpose takes a new reference.
    """

    def __init__(self, *, keep_ms: int = KEEP_MS) -> None:
        self._keep_ms = keep_ms
        self._messages: OrderedDict[tuple[str, int], _Message] = (
            OrderedDict()
        )  # in the order in which they began
        self._references: dict[str, list[int]] = {}  # of each sender, in the same order
        self._parts_held = 0
        self.evicted = 0

    @property
    def parts_held(self) -> int:
        """How many parts are held now, of complete messages too."""
        return self._parts_held

    def add(self, sender: str, user_data: bytes, *, now_ms: int) -> bytes | None:
        """Take one message; return the carrier when this was its last missing part, else None.

        Raises:
            ForeignPartError: not a part of ours; nothing was changed.
            ConflictingPartError: an incomplete message of this sender and reference contradicts this part. The
                message is dropped and this part begins a new one: a repetition gets through over an old remainder.
                (A part that is a whole carrier by itself is returned instead.)
        """
        if len(sender) > SENDER_MAX:
            raise ForeignPartError(
                f"a sender's number of {len(sender)} characters: at most {SENDER_MAX} are known"
            )
        part = parse(user_data)
        key = (sender, part.reference)
        message = self._messages.get(key)
        if message is None:
            return self._begin(key, part, now_ms)
        try:
            is_new = message.add(part)
        except ConflictingPartError:
            was_incomplete = bool(message.missing)
            self._evict(key)
            data = self._begin(key, part, now_ms)
            if was_incomplete and data is None:
                raise
            return data  # the reference of a complete message has come round again, or this part is all of a new one
        if not is_new:
            return None
        self._parts_held += 1
        data = None if message.missing else message.join()
        self._make_room(key)
        return data

    def expire(self, *, now_ms: int) -> tuple[Incomplete, ...]:
        """Forget messages that began more than ``keep_ms`` ago; return those that were not complete."""
        old = [
            (key, message)
            for key, message in self._messages.items()
            if now_ms - message.since_ms > self._keep_ms
        ]
        for key, _ in old:
            self._drop(key)
        return tuple(
            Incomplete(sender, reference, message.total, message.missing)
            for (sender, reference), message in old
            if message.missing
        )

    def _begin(self, key: tuple[str, int], part: Part, now_ms: int) -> bytes | None:
        message = self._messages[key] = _Message(part, since_ms=now_ms)
        self._references.setdefault(key[0], []).append(key[1])
        self._parts_held += 1
        self._make_room(key)
        return None if message.missing else message.join()

    def _make_room(self, newest: tuple[str, int]) -> None:
        """Let the oldest go until the limits hold again; never the one that just got a part."""
        sender, _ = newest
        if len(self._references[sender]) > SENDER_MESSAGES_MAX:
            self._evict((sender, self._references[sender][0]))  # the newest stands last
        while self._parts_held > PARTS_HELD_MAX:
            self._evict(next(key for key in self._messages if key != newest))

    def _evict(self, key: tuple[str, int]) -> None:
        self.evicted += bool(self._messages[key].missing)
        self._drop(key)

    def _drop(self, key: tuple[str, int]) -> None:
        self._parts_held -= self._messages.pop(key).held
        sender, reference = key
        self._references[sender].remove(reference)
        if not self._references[sender]:
            del self._references[sender]


class _Message:
    """The parts of one message that are here."""

    def __init__(self, first: Part, *, since_ms: int) -> None:
        self.reference, self.total, self.since_ms = first.reference, first.total, since_ms
        self._bodies = {first.number: first.body}

    @property
    def held(self) -> int:
        return len(self._bodies)

    @property
    def missing(self) -> tuple[int, ...]:
        return tuple(number for number in range(1, self.total + 1) if number not in self._bodies)

    def add(self, part: Part) -> bool:
        """Take a part of the same reference; returns whether it was new. ConflictingPartError: see there."""
        if part.total != self.total or self._bodies.get(part.number, part.body) != part.body:
            raise ConflictingPartError(
                f"part {part.number} of {part.total} under reference {self.reference} contradicts what is here of "
                f"{self.total} parts: two messages share a reference, or one is forged; ask for it again"
            )
        is_new = part.number not in self._bodies
        self._bodies[part.number] = part.body
        return is_new

    def join(self) -> bytes:
        return b"".join(self._bodies[number] for number in range(1, self.total + 1))
