"""The journal about itself: its evolving keys and its checkpoints."""

from typing import Annotated

from msgspec import Meta

from crypto.wire import B64, Id
from kit.facts.base import FactBase


class JournalKeyCertified(FactBase, frozen=True, tag="journal-key-certified"):
    """The first evolving key of a segment of this journal. Every segment but the first is flagged: a seed was lost."""

    certificate: B64
    """The DSSE envelope of a crypto.journal_note.JournalKey, signed by the device."""


class CheckpointSigned(FactBase, frozen=True, tag="checkpoint-signed"):
    """A signed checkpoint over all facts before this one."""

    epoch: int
    note: Annotated[str, Meta(max_length=2048)]


class SegmentEndorsed(FactBase, frozen=True, tag="segment-endorsed"):
    """Two officials of different bodies vouch for a flagged segment."""

    segment: int
    officials: tuple[Id, ...]
    certificate: B64
    """The certificate of the segment, with their signatures."""
