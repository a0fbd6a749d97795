"""Uplinks and SIMs: which is preferred, and what they cost."""

from typing import Literal

from crypto.wire import Count, Id
from kit.facts.base import FactBase, Text

LinkCause = Literal["found", "failed", "better", "pinned", "pin-ended"]


class LinkSwitched(FactBase, frozen=True, tag="link-switched"):
    """The preferred uplink changed. ``reason``: in words, for people."""

    left: Id | None
    """The one before; None where nothing worked."""
    to: Id | None
    """The one from now on; None where nothing works."""
    cause: LinkCause
    reason: Text
    unwritten: Count = 0
    """So many switches before this one were not written down: flash is spared."""


class DataNoted(FactBase, frozen=True, tag="data-noted"):
    """So many bytes went over the air since the fact before about the same SIM, or since the kit started."""

    uplink: Id
    """The first one that it carries."""
    sim: Count
    """Its slot in the modem, from 1; 1 for a line without SIMs."""
    size: int
    """Bytes of IP, both ways."""


SimCause = Literal["failed", "returned", "ordered"]


class SimChanged(FactBase, frozen=True, tag="sim-changed"):
    """A modem is to use another of its SIMs. ``reason``: in words, for people; slots count from 1."""

    modem: Id
    left: Count
    """The slot before."""
    slot: Count
    cause: SimCause
    """It gave nothing; the first one is tried again; a technician wanted it."""
    reason: Text
