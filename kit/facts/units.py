"""Terminals and kits that take the place of others, and evidence that is carried out."""

from typing import Literal

from msgspec import Struct

from crypto.wire import Count, Id, Sha256
from drivers.ports import TerminalPhase
from kit.facts.base import FactBase, Text


class TerminalReplaced(FactBase, frozen=True, tag="terminal-replaced"):
    """A terminal is given up: nothing is wanted of it any more, and nothing from it will be in the tally."""

    terminal: Id
    standby: Id | None
    """What takes its place, if there is anything."""
    reason: Text


class Standing(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """Where a terminal stands by its own word."""

    phase: TerminalPhase
    close_no: Count
    firmware_sha256: Sha256 | None = None
    """Of the program that it ran then."""


class TakenOver(FactBase, frozen=True, tag="taken-over"):
    """This standby kit took over terminals that had worked with another one."""

    cause: Literal["replacement-kit", "reissued"]
    terminals: dict[Id, Standing]
    reason: Text


class MediaHandedOut(FactBase, frozen=True, tag="media-handed-out"):
    """Evidence went out to be written to removable media, for the first time since it was released."""

    serial: int
    """Of the order that released it."""
    seqs: tuple[int, ...]
