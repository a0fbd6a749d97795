"""The ladder: how long an envelope waits, and what went by SMS."""

from typing import Literal

from crypto.wire import Count
from kit.facts.base import FactBase, Text

Rung = Literal["data", "sms", "courier"]
"""How an envelope is on its way: the rungs of the ladder, each beside those before it."""


class RungReached(FactBase, frozen=True, tag="rung-reached"):
    """An envelope waits for so long that the next rung of the ladder is used too. ``reason``: in words, for people."""

    seq: int
    rung: Rung
    reason: Text


class WaitNoted(FactBase, frozen=True, tag="wait-noted"):
    """Envelopes still wait for an acknowledgement: a mark in time, for a restart with a wrong clock to reckon from."""

    seqs: tuple[int, ...]


class SmsPartTaken(FactBase, frozen=True, tag="sms-part-taken"):
    """A mobile network took one part of an envelope (SmsSubmitted). ``part`` counts from 1 to ``of``."""

    seq: int
    reference: Count
    part: int
    of: int
    modem: Text


class SmsGiven(FactBase, frozen=True, tag="sms-given"):
    """So many SMS of an envelope are about to be given to a modem: counted before they go, whatever becomes of them."""

    seq: int
    modem: Text
    count: int


class SmsPartsWanted(FactBase, frozen=True, tag="sms-parts-wanted"):
    """The centre misses these parts of an envelope, and the log signed that: they go out again.

    ``asked_at_s``: seconds since 1970 by the centre's clock. A request of then or before is not followed again.
    """

    seq: int
    reference: Count
    of: int
    parts: tuple[int, ...]
    asked_at_s: int
