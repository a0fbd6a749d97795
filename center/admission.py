"""Admission: is this message an authentic envelope of this election, and how does it fit what came before?

Pure. An authentic envelope is always admitted: what is odd about it becomes a flag, never a reason to hold it
back. Only what is not authentic, or not of this election, is refused.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from crypto.codec import sha256_hex
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.submissions import check_submission
from crypto.wire import branch_of_topic, topic_envelope

REASON_MAX: Final = 300  # characters of a reason: it is logged, stored and sent back

Flag = Literal["clash", "gap", "prev-mismatch", "seq-reused"]
"""What was odd at arrival.

- ``clash``: another authentic envelope of the same type is logged for this counting unit.
- ``gap``: no envelope with the sequence number before this one had arrived (it may still come).
- ``prev-mismatch``: the chain of hashes between neighbouring sequence numbers does not hold.
- ``seq-reused``: the device gave this sequence number to another envelope as well.
"""

Kind = Literal["account-submission", "sealed-tally"]


@dataclass(frozen=True, slots=True)
class Link:
    """One envelope in a device's chain."""

    sha256: str
    prev: str | None


@dataclass(frozen=True, slots=True)
class Admitted:
    """An authentic envelope, new to us."""

    sha256: str
    branch: str
    device: str
    unit: str
    """Counting unit, ``election/round/branch/terminal/close_no``."""
    kind: Kind
    seq: int
    prev: str | None
    flags: tuple[Flag, ...]
    data: bytes


@dataclass(frozen=True, slots=True)
class Duplicate:
    """An envelope that we hold already: the same bytes get their receipt again."""

    sha256: str
    branch: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Not authentic, or not of this election. ``branch`` is what the topic says, None for a foreign topic."""

    sha256: str
    branch: str | None
    topic: str
    reason: str


class Past(Protocol):
    """What is known of earlier envelopes."""

    def branch_of(self, sha256: str) -> str | None:
        """The branch of an admitted envelope, None when these bytes are new."""

    def has_unit(self, unit: str, kind: str) -> bool:
        """Whether an envelope of this type is admitted for this counting unit."""

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """All admitted envelopes of a device under one sequence number."""


def admit(
    topic: str, payload: bytes, manifest: TrustedManifest, past: Past
) -> Admitted | Duplicate | Refused:
    """Judge one message. Never raises for bad input: that is what Refused is for."""
    sha256 = sha256_hex(payload)
    branch = branch_of_topic(topic)
    known = past.branch_of(sha256)
    if known is not None:
        # The signature was checked when these bytes first came.
        if topic != topic_envelope(manifest.manifest.election, known):
            return _refused(
                sha256, topic, f"the envelope belongs to branch {known}: send it on its own topic"
            )
        return Duplicate(sha256, known, payload)
    try:
        statement = check_submission(payload, manifest).statement
    except EvidenceError as error:
        return _refused(sha256, topic, str(error))
    # Election, round and manifest hash are those of the manifest: check_submission refuses others.
    if topic != topic_envelope(statement.election, statement.branch):
        reason = (
            f"the envelope is of branch {statement.branch}, the topic of {branch}: send it on its own topic"
        )
        return _refused(sha256, topic, reason)
    unit = unit_name(
        statement.election, statement.round, statement.branch, statement.terminal, statement.close_no
    )
    return Admitted(
        sha256=sha256,
        branch=statement.branch,
        device=statement.device,
        unit=unit,
        kind=statement.type,
        seq=statement.seq,
        prev=statement.prev,
        flags=_flags(
            unit, statement.type, Link(sha256, statement.prev), statement.device, statement.seq, past
        ),
        data=payload,
    )


def unit_name(election: str, round_: int, branch: str, terminal: str, close_no: int) -> str:
    """The name of a counting unit. Ids hold no ``/`` (wire.ID_PATTERN), so that it is unambiguous."""
    return f"{election}/{round_}/{branch}/{terminal}/{close_no}"


class BatchPast:
    """The past as it looks within a batch: what is stored, and what this batch has admitted so far."""

    def __init__(self, stored: Past) -> None:
        self._stored = stored
        self._branches: dict[str, str] = {}
        self._units: set[tuple[str, str]] = set()
        self._links: dict[tuple[str, int], list[Link]] = {}

    def add(self, admitted: Admitted) -> None:
        """Count an envelope of this batch as past."""
        self._branches[admitted.sha256] = admitted.branch
        self._units.add((admitted.unit, admitted.kind))
        links = self._links.setdefault((admitted.device, admitted.seq), [])
        links.append(Link(admitted.sha256, admitted.prev))

    def branch_of(self, sha256: str) -> str | None:
        """As Past."""
        return self._branches.get(sha256) or self._stored.branch_of(sha256)

    def has_unit(self, unit: str, kind: str) -> bool:
        """As Past."""
        return (unit, kind) in self._units or self._stored.has_unit(unit, kind)

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """As Past."""
        return (*self._stored.links_at(device, seq), *self._links.get((device, seq), ()))


def _flags(unit: str, kind: str, link: Link, device: str, seq: int, past: Past) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    if past.has_unit(unit, kind):
        flags.append("clash")
    before = past.links_at(device, seq - 1) if seq > 1 else ()
    if seq > 1 and not before:
        flags.append("gap")
    if not _chained(link, seq, before, past.links_at(device, seq + 1)):
        flags.append("prev-mismatch")
    if past.links_at(device, seq):
        flags.append("seq-reused")
    return tuple(flags)


def _chained(link: Link, seq: int, before: Sequence[Link], after: Sequence[Link]) -> bool:
    """Whether the hashes hold towards both neighbours, as far as these have arrived."""
    if (seq == 1) != (link.prev is None):
        return False
    if before and link.prev not in [other.sha256 for other in before]:
        return False
    return not after or link.sha256 in [other.prev for other in after]


def _refused(sha256: str, topic: str, reason: str) -> Refused:
    return Refused(sha256, branch_of_topic(topic), topic[:REASON_MAX], reason[:REASON_MAX])
