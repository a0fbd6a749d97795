"""Paper tapes: begun, finished, broken off, overdue."""

from typing import Literal

from crypto.wire import Count, Id
from kit.facts.base import FactBase

TapeKind = Literal["zero", "tally"]


class TapeStarted(FactBase, frozen=True, tag="tape-started"):
    """A tape is about to be printed, from its start. ``copy`` counts from 1: all before it broke off."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int


class TapeFinished(FactBase, frozen=True, tag="tape-finished"):
    """The tape is printed and cut. ``confirmed``: by the printer itself; else people must look at it."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int
    confirmed: bool


class TapeBrokeOff(FactBase, frozen=True, tag="tape-broke-off"):
    """What hangs out of the printer is a part of a tape: ``done`` of its ``of`` bands are surely on it."""

    kind: TapeKind
    terminal: Id
    close_no: Count
    copy: int
    done: int
    of: int
    """0 where a restart was in between: nobody knows how far it came."""
    reason: Literal["paper-out", "cover-open", "error", "lost", "restarted"]


class TapeOverdue(FactBase, frozen=True, tag="tape-overdue"):
    """The tally is delivered without waiting any longer for its tape, which stays due."""

    kind: TapeKind
    terminal: Id
    close_no: Count
