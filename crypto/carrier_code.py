"""An envelope as texts for QR codes: photographed in any order, as often as one likes, mixed with those of others.

Each code holds ``BKE1:<part>/<parts>:<tag>:<Base45>`` in the alphabet of QR's alphanumeric mode (ISO/IEC 18004,
table 5): readers of codes give it back as it is, which they do not with bytes. The whole is an envelope's compact
carrier, or its JSON; the tag is the first 16 digits of the whole's SHA-256, so that parts of two are never joined.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

from crypto.errors import EncodingError
from crypto.tape_code import CODE_CHARS_MAX, TapeCodeError, base45, from_base45
from crypto.wire import ENVELOPE_MAX

MAGIC: Final = "BKE1:"
PARTS_MAX: Final = 99
WHOLES_MAX: Final = 1_000  # envelopes that one collection puts together
TAG_DIGITS: Final = 16
OVERHEAD: Final = len(f"{MAGIC}01/01::") + TAG_DIGITS
CHARS_MIN: Final = 122  # of one code: version 5-M, which any terminal can show

_TEXT: Final = re.compile(r"BKE1:([0-9]{2})/([0-9]{2}):([0-9A-F]{16}):([0-9A-Z $%*+\-./:]+)")


class PartError(EncodingError):
    """A text that is no part of an envelope, or parts that do not fit together."""


@dataclass(slots=True)
class Pieces:
    """What was found of one whole: its ``parts`` so far by number, of ``count``."""

    count: int
    parts: dict[int, bytes] = field(default_factory=dict)
    differs: set[int] = field(default_factory=set)
    """Parts that were read twice, and differently."""

    @property
    def missing(self) -> tuple[int, ...]:
        """The numbers of the parts that are still to be photographed."""
        return tuple(
            number
            for number in range(1, self.count + 1)
            if number not in self.parts or number in self.differs
        )


def write(whole: bytes, chars: int = CODE_CHARS_MAX) -> list[str]:
    """The texts of the codes for one envelope, each of at most ``chars`` characters (122 or more).

    Raises:
        PartError: ``PARTS_MAX`` codes do not hold it.
    """
    size = (chars - OVERHEAD) // 3 * 2  # Base45: three characters for two bytes
    count = -(-len(whole) // size)
    if count > PARTS_MAX:
        raise PartError(
            f"{len(whole)} bytes need {count} codes of {chars} characters: at most {PARTS_MAX}; use larger ones"
        )
    size = -(-len(whole) // count)  # parts of one size: none of the codes is denser than it must be
    size += size % 2
    chunks = [whole[at : at + size] for at in range(0, len(whole), size)]
    tag = _tag(whole)
    return [
        f"{MAGIC}{number:02}/{len(chunks):02}:{tag}:{base45(chunk)}" for number, chunk in enumerate(chunks, 1)
    ]


def is_part(text: str) -> bool:
    """Whether a text says that it is a part of an envelope."""
    return text.startswith(MAGIC)


def place_of(text: str) -> tuple[str, int] | None:
    """Tag of the whole and number of the part that a text claims to be; None for no part. Nothing is checked."""
    match = _TEXT.fullmatch(text)
    return None if match is None else (match[3], int(match[1]))


class Collection:
    """Puts wholes together from parts, whatever their order. Bounded by ``WHOLES_MAX`` and ``ENVELOPE_MAX``."""

    def __init__(self) -> None:
        self.open: dict[str, Pieces] = {}
        """What is not whole yet, by tag."""
        self.whole: dict[str, bytes] = {}
        """What is, by tag."""

    def add(self, text: str) -> str:
        """Take one part, perhaps again; returns the tag of its whole.

        Raises:
            PartError: no part; or it does not fit those that are there; or all are there and make something else.
        """
        match = _TEXT.fullmatch(text)
        if match is None:
            raise PartError(f"no part of an envelope: it begins with {text[:40]!r}, not with {MAGIC}01/01:")
        number, count, tag = int(match[1]), int(match[2]), match[3]
        if not 1 <= number <= count:
            raise PartError(f"part {number} of {count} cannot be: photograph it again")
        if tag in self.whole:
            return tag
        if tag not in self.open and len(self.open) + len(self.whole) >= WHOLES_MAX:
            raise PartError(f"parts of more than {WHOLES_MAX} envelopes: take fewer photographs at a time")
        try:
            chunk = from_base45(match[4])
        except TapeCodeError as error:
            raise PartError(f"part {number} of {count}: {error}") from error
        pieces = self.open.setdefault(tag, Pieces(count))
        if pieces.count != count:
            raise PartError(
                f"part {number} is of {count} parts, others of the same envelope of {pieces.count}"
            )
        if pieces.parts.setdefault(number, chunk) != chunk:
            pieces.differs.add(number)
            raise PartError(f"part {number} of {count} was read twice, and differs: photograph it again")
        if not pieces.missing:
            self._close(tag, pieces)
        return tag

    def add_all(self, texts: Iterable[str]) -> list[str]:
        """Take many parts; returns what was wrong with some of them, in words."""
        wrong = []
        for text in texts:
            try:
                self.add(text)
            except PartError as error:
                wrong.append(str(error))
        return wrong

    def _close(self, tag: str, pieces: Pieces) -> None:
        whole = b"".join(pieces.parts[number] for number in range(1, pieces.count + 1))
        del self.open[tag]
        if len(whole) > ENVELOPE_MAX or _tag(whole) != tag:
            raise PartError(
                f"the {pieces.count} parts do not make what was parted: photograph them all again"
            )
        self.whole[tag] = whole


def _tag(whole: bytes) -> str:
    return sha256(whole).hexdigest()[:TAG_DIGITS].upper()
