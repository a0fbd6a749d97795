"""What a tape is made of, before it has a width, a font or a dot."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Line:
    """A paragraph, wrapped where it is too long. Right-to-left where its first letter is."""

    text: str
    size: Literal["small", "normal", "large"] = "normal"
    centred: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """The same words in Persian on the right and in English on the left, or one below the other where they are long."""

    persian: str
    english: str
    size: Literal["small", "normal", "large"] = "normal"


@dataclass(frozen=True, slots=True, repr=False)
class Row:
    """A line of a table: a number on the left, a code beside it, a name on the right. Has no repr: it holds counts."""

    name: str
    code: str
    value: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A line across the tape."""


@dataclass(frozen=True, slots=True)
class Gap:
    """White, so many dots high: room for a signature."""

    rows: int


@dataclass(frozen=True, slots=True, repr=False)
class Code:
    """A QR code of a text in the alphanumeric alphabet. Has no repr: it holds counts."""

    text: str


Block = Line | Both | Row | Rule | Gap | Code
