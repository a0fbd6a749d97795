"""What an ESC/POS printer says of itself: the answers to ``DLE EOT n`` and ``GS r 1``, one byte each.

Source: Epson, ESC/POS Command Reference, DLE EOT and GS r. Each kind has fixed bits by which the reference tells them
apart: DLE EOT ``0xx1xx10``, automatic status ``0xx1xx00`` first, GS r ``0xx0xxxx``, XON 11h and XOFF 13h.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from drivers.errors import DeviceFrameError
from drivers.ports import PrinterStatus

Query = Literal[1, 2, 3, 4]
QUERIES: Final[tuple[Query, ...]] = (1, 2, 3, 4)
"""Printer, cause of being offline, cause of an error, paper sensors."""

CONFIRM: Final = b"\x1dr\x01"
"""GS r 1: the printer answers when it comes to it in its buffer, so after all that was sent before."""
NO_AUTOMATIC_STATUS: Final = b"\x1da\x00"
"""GS a 0: nothing is sent unasked. Bytes of an automatic status could pass for confirmations."""

_FIXED: Final = 0x93
_REAL_TIME: Final = 0x12
_GS_R_FIXED: Final = 0x90
_OFFLINE: Final = 0x08  # of n = 1
_COVER_OPEN: Final = 0x04  # of n = 2
_STOPPED_FOR_PAPER: Final = 0x20  # of n = 2
_ERROR: Final = 0x40  # of n = 2
_ERRORS: Final = 0x08 | 0x20 | 0x04 | 0x40  # of n = 3: knife, unrecoverable, recoverable, recovers by itself
_NEAR_END: Final = 0x0C  # of n = 4
_PAPER_END: Final = 0x60  # of n = 4
_GS_R_PAPER_END: Final = 0x0C


class PrinterAnswerError(DeviceFrameError):
    """A byte that is no answer of an ESC/POS printer."""


@dataclass(frozen=True, slots=True)
class RealTime:
    """The answer to a ``DLE EOT``; which one, only the question tells."""

    bits: int


@dataclass(frozen=True, slots=True)
class Confirmed:
    """The answer to ``GS r 1``: everything before it in the buffer was processed."""

    paper_out: bool


def question(query: Query) -> bytes:
    """``DLE EOT n``: answered at once, past whatever waits in the printer's buffer, also while it is offline."""
    return b"\x10\x04" + bytes((query,))


def parse(byte: int) -> RealTime | Confirmed:
    """One byte from a printer; raises PrinterAnswerError for anything that is neither answer."""
    if byte & _FIXED == _REAL_TIME:
        return RealTime(byte)
    if byte & _GS_R_FIXED == 0:
        return Confirmed(paper_out=bool(byte & _GS_R_PAPER_END))
    raise PrinterAnswerError(
        f"the printer sent {byte:#04x}, no answer of the ESC/POS reference: check the baud rate"
    )


def status_of(answers: Mapping[Query, int]) -> PrinterStatus:
    """All four answers as one status."""
    printer, offline, error, paper = (answers[query] for query in QUERIES)
    out = bool(paper & _PAPER_END or offline & _STOPPED_FOR_PAPER)
    return PrinterStatus(
        online=not printer & _OFFLINE,
        paper="out" if out else "near-end" if paper & _NEAR_END else "ok",
        cover_open=bool(offline & _COVER_OPEN),
        error=bool(offline & _ERROR or error & _ERRORS),
    )
