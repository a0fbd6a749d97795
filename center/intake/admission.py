"""Admission: is this message an authentic envelope of this election, and how does it fit what came before?

Pure. An authentic envelope is always admitted: what is odd about it becomes a flag, never a reason to hold it
back. Only what is not authentic, or not of this election, is refused. Acts of the centre come by the spool alone, and
center.intake.act_admission judges them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, Protocol

from center.intake.act_admission import (
    ActKind,
    AdmittedAct,
    LoggedAct,
    LoggedActs,
    LogSoFar,
    admit_act,
    terminal_name,
)
from crypto.acts import is_act
from crypto.codec import sha256_hex
from crypto.envelope import Envelope
from crypto.errors import EvidenceError
from crypto.manifest import TrustedManifest
from crypto.statements import AccountSubmission, SealedTally
from crypto.submissions import check_submission
from crypto.wire import branch_of_topic, topic_envelope

REASON_MAX: Final = 300  # characters of a reason: it is logged, stored and sent back

SPOOL: Final = "#spool"
"""In the place of a topic: a file that the centre's own people brought (center.spool).

Nothing is ever published under such a name (MQTT 3.1.1 §4.7.1): no broker can pass a message off as a file.
"""

Flag = Literal["clash", "other-close", "re-vote", "gap", "prev-mismatch", "seq-reused"]
"""What was odd at arrival.

- ``clash``: another authentic envelope of the same type is logged for this counting unit.
- ``other-close``: one is logged for the same terminal, under another close (a poll that was held again).
- ``re-vote``: a sealed tally that says so: somebody has to say what becomes of the poll before.
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


Admission = Admitted | AdmittedAct
"""What becomes a leaf of the log."""


@dataclass(frozen=True, slots=True)
class Duplicate:
    """A leaf that we hold already. An envelope gets its receipt again; ``branch`` is None for an act."""

    sha256: str
    branch: str | None
    data: bytes


@dataclass(frozen=True, slots=True)
class Refused:
    """Not authentic, or not of this election. ``branch`` is what the topic says, None for a foreign topic."""

    sha256: str
    branch: str | None
    topic: str
    reason: str


Judged = Admission | Duplicate | Refused


class Stored(LoggedActs, Protocol):
    """What is known of earlier leaves."""

    def branch_of(self, sha256: str) -> str | None:
        """The branch of an admitted envelope, None when these bytes are new."""

    def has_act(self, sha256: str) -> bool:
        """Whether these bytes are an act in the log."""

    def has_unit(self, unit: str, kind: str) -> bool:
        """Whether an envelope of this type is admitted for this counting unit."""

    def has_terminal(self, terminal: str, kind: str) -> bool:
        """Whether one is for any close of this terminal (act_admission.terminal_name)."""

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """All admitted envelopes of a device under one sequence number."""


class Past(Stored, LogSoFar, Protocol):
    """The same, with the tree of the log."""


def admit(topic: str, payload: bytes, manifest: TrustedManifest, past: Past) -> Judged:
    """Judge one message, or file where ``topic`` is SPOOL. Never raises for bad input: that is what Refused is for."""
    sha256 = sha256_hex(payload)
    branch = branch_of_topic(topic)
    known = past.branch_of(sha256)
    if known is not None:
        # The signature was checked when these bytes first came.
        if topic not in (SPOOL, topic_envelope(manifest.manifest.election, known)):
            return _refused(
                sha256, topic, f"the envelope belongs to branch {known}: send it on its own topic"
            )
        return Duplicate(sha256, known, payload)
    try:
        if topic == SPOOL and is_act(Envelope.from_bytes(payload).payload_type):
            return (
                Duplicate(sha256, None, payload)
                if past.has_act(sha256)
                else admit_act(payload, manifest, past)
            )
        statement = check_submission(payload, manifest).statement
    except EvidenceError as error:
        return _refused(sha256, topic, str(error))
    # Election, round and manifest hash are those of the manifest: check_submission refuses others.
    if topic not in (SPOOL, topic_envelope(statement.election, statement.branch)):
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
        flags=_flags(unit, statement, Link(sha256, statement.prev), past),
        data=payload,
    )


def unit_name(election: str, round_: int, branch: str, terminal: str, close_no: int) -> str:
    """The name of a counting unit. Ids hold no ``/`` (wire.ID_PATTERN), so that it is unambiguous."""
    return f"{terminal_name(election, round_, branch, terminal)}/{close_no}"


def _no_tree(_: int) -> None:
    """No prefix of a log that nobody knows."""


class BatchPast:
    """The past as it looks within a batch: what is stored, and what this batch has admitted so far.

    ``root_at`` gives the root (hexadecimal) of the log as it is stored, None beyond its end.
    """

    def __init__(self, stored: Stored, root_at: Callable[[int], str | None] = _no_tree) -> None:
        self._stored = stored
        self._root_at = root_at
        self._branches: dict[str, str] = {}
        self._units: set[tuple[str, str]] = set()
        self._terminals: set[tuple[str, str]] = set()
        self._tallies: dict[str, str] = {}
        self._links: dict[tuple[str, int], list[Link]] = {}
        self._acts: list[AdmittedAct] = []

    def add(self, admitted: Admission) -> None:
        """Count a leaf of this batch as past."""
        if isinstance(admitted, AdmittedAct):
            self._acts.append(admitted)
            return
        self._branches[admitted.sha256] = admitted.branch
        self._units.add((admitted.unit, admitted.kind))
        self._terminals.add((admitted.unit.rpartition("/")[0], admitted.kind))
        if admitted.kind == "sealed-tally":
            self._tallies[admitted.sha256] = admitted.unit
        links = self._links.setdefault((admitted.device, admitted.seq), [])
        links.append(Link(admitted.sha256, admitted.prev))

    def branch_of(self, sha256: str) -> str | None:
        """As Past."""
        return self._branches.get(sha256) or self._stored.branch_of(sha256)

    def has_act(self, sha256: str) -> bool:
        """As Past."""
        return any(act.sha256 == sha256 for act in self._acts) or self._stored.has_act(sha256)

    def has_unit(self, unit: str, kind: str) -> bool:
        """As Past."""
        return (unit, kind) in self._units or self._stored.has_unit(unit, kind)

    def has_terminal(self, terminal: str, kind: str) -> bool:
        """As Past."""
        return (terminal, kind) in self._terminals or self._stored.has_terminal(terminal, kind)

    def links_at(self, device: str, seq: int) -> tuple[Link, ...]:
        """As Past."""
        return (*self._stored.links_at(device, seq), *self._links.get((device, seq), ()))

    def last_act(self, kind: ActKind, subject: str | None = None) -> LoggedAct | None:
        """As Past."""
        for act in reversed(self._acts):
            if act.kind == kind and subject in (None, act.subject):
                return LoggedAct(act.number, act.sha256, act.data, None)
        return self._stored.last_act(kind, subject)

    def tally_unit(self, sha256: str) -> str | None:
        """As Past."""
        return self._tallies.get(sha256) or self._stored.tally_unit(sha256)

    def root_at(self, size: int) -> str | None:
        """As Past."""
        return self._root_at(size)


def _flags(unit: str, statement: AccountSubmission | SealedTally, link: Link, past: Past) -> tuple[Flag, ...]:
    flags: list[Flag] = []
    device, seq, kind = statement.device, statement.seq, statement.type
    if past.has_unit(unit, kind):
        flags.append("clash")
    elif past.has_terminal(unit.rpartition("/")[0], kind):
        flags.append("other-close")
    if kind == "sealed-tally" and statement.cause == "re-vote":
        flags.append("re-vote")
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
