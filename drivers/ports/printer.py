"""A receipt printer, as the kit sees it. A tape is a sequence of bands of dots, printed and confirmed one by one."""

from dataclasses import dataclass
from typing import Final, Literal, Protocol

BAND_HEIGHT_MAX: Final = 255  # dots
BANDS_MAX: Final = 4096  # bands of one tape


@dataclass(frozen=True, slots=True)
class Band:
    """One band: ``rows`` has height x ceil(width/8) bytes, the leftmost dot in the highest bit, 1 is black."""

    width: int
    height: int
    rows: bytes


@dataclass(frozen=True, slots=True)
class Tape:
    """What is to be printed. ``id`` names it in events; it lives in memory alone, for it may hold a tally."""

    id: str
    bands: tuple[Band, ...]


@dataclass(frozen=True, slots=True)
class PrinterStatus:
    """What the printer says of itself. Said when it changes, and after it was lost; never by one that cannot answer."""

    online: bool
    paper: Literal["ok", "near-end", "out"]
    cover_open: bool
    error: bool


@dataclass(frozen=True, slots=True)
class PrinterLost:
    """No believable answer for a while."""

    reason: str


@dataclass(frozen=True, slots=True)
class TapeProgress:
    """So many bands have left the print head, confirmed by the printer."""

    tape: str
    done: int
    of: int


@dataclass(frozen=True, slots=True)
class TapePrinted:
    """The whole tape was printed and cut."""

    tape: str
    confirmed: bool = True
    """The printer itself said so, band by band. False: it cannot say anything, and people must look at the tape."""


@dataclass(frozen=True, slots=True)
class TapeBroken:
    """Printing broke off: what hangs out of the printer is a part. ``done`` bands are surely on it."""

    tape: str
    done: int
    of: int
    reason: Literal["paper-out", "cover-open", "error", "lost"]


PrinterEvent = PrinterStatus | PrinterLost | TapeProgress | TapePrinted | TapeBroken


class Printer(Protocol):
    """A receipt printer, as the kit sees it."""

    @property
    def width_dots(self) -> int:
        """Dots in a row: 576 (80 mm paper) or 384 (58 mm), 203 dots an inch."""

    async def run(self) -> None:
        """Watch and print until cancelled; never returns by itself."""

    def print(self, tape: Tape) -> None:
        """Queue a tape; TapePrinted or TapeBroken follows. A second request for a queued tape is dropped.

        After TapeBroken nothing is printed by itself: a tape begins anew, from its first band, by another ``print``.
        """
