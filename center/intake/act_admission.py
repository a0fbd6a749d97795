"""Admission of acts: is this the next act of its kind, and does what it speaks of stand in the log?

Pure. Unlike an envelope of a branch, an act that does not fit is refused and not merely flagged: a few people make
acts, and can make them again. So the log holds one chain for each kind, without gaps and without forks.
"""

from dataclasses import dataclass
from typing import Literal, Protocol

from crypto.act_statements import Adjudication, OpeningOrder, ScheduleChange
from crypto.acts import AnyAct, check_act, read_act
from crypto.errors import StatementError
from crypto.manifest import TrustedManifest
from crypto.manifest_chain import manifest_of_act
from crypto.schedule_rules import check_forwards, check_later, check_shift

ActKind = Literal["adjudication", "opening-order", "schedule-change"]

EVERYTHING = ""
"""The subject of an act that is not about one branch or unit."""


@dataclass(frozen=True, slots=True)
class LoggedAct:
    """An act in the log. ``data`` is its envelope; ``leaf`` is None when it is admitted and about to be logged."""

    number: int
    sha256: str
    data: bytes
    leaf: int | None


@dataclass(frozen=True, slots=True)
class AdmittedAct:
    """An act that holds and is the next of its kind, new to us.

    ``subject``: the terminal that an adjudication is about (``election/round/branch/terminal``), the branch whose
    schedule changes, ``EVERYTHING`` otherwise.
    """

    sha256: str
    kind: ActKind
    number: int
    subject: str
    statement: AnyAct
    data: bytes


class LoggedActs(Protocol):
    """What the log holds of earlier acts, and of the envelopes that acts name."""

    def last_act(self, kind: ActKind, subject: str | None = None) -> LoggedAct | None:
        """The act of this kind with the greatest number, on any subject or on this one alone."""

    def tally_unit(self, sha256: str) -> str | None:
        """The counting unit of a logged sealed tally, None when no sealed tally of this hash is logged."""


class LogSoFar(LoggedActs, Protocol):
    """As LoggedActs, with the tree."""

    def root_at(self, size: int) -> str | None:
        """The root (hexadecimal) over the first ``size`` leaves, None when fewer are logged."""


def admit_act(data: bytes, manifest: TrustedManifest, log: LogSoFar) -> AdmittedAct:
    """Judge an act that is not logged yet.

    Raises EvidenceError: what crypto.acts.check_act refuses, or what does not fit the log; the message says what to do.
    """
    checked = check_act(data, manifest)
    act = checked.statement
    return AdmittedAct(checked.sha256, act.type, act.number, fit(act, manifest, log), act, checked.data)


def fit(act: AnyAct, manifest: TrustedManifest, log: LogSoFar) -> str:
    """Judge an act, by itself in order, by what is logged before it; returns its subject (as in AdmittedAct).

    Raises StatementError saying what does not fit.
    """
    _check_chain(act, log.last_act(act.type))
    if isinstance(act, Adjudication):
        subject = terminal_name(act.election, act.round, act.branch, act.terminal)
        _check_adjudication(act, subject, log)
        return subject
    if isinstance(act, OpeningOrder):
        _check_order(act, log)
        return EVERYTHING
    _check_change(act, manifest, log)
    return act.branch or EVERYTHING


def terminal_name(election: str, round_: int, branch: str, terminal: str) -> str:
    """The name of an expected unit: what the names of its counting units (one for each close) begin with."""
    return f"{election}/{round_}/{branch}/{terminal}"


def _check_chain(act: AnyAct, last: LoggedAct | None) -> None:
    number, prev = (1, None) if last is None else (last.number + 1, last.sha256)
    if act.number != number:
        raise StatementError(
            f"the {act.type} is number {act.number}, but {number} is the next: draft it anew from the log as it is now"
        )
    if act.prev != prev:
        raise StatementError(
            f"the {act.type} number {number} does not follow the logged number {number - 1} ({prev}): draft it anew "
            "from the log as it is now"
        )


def _check_adjudication(act: Adjudication, subject: str, log: LogSoFar) -> None:
    if act.envelope_sha256 is None:
        return
    unit = log.tally_unit(act.envelope_sha256)
    if unit is None:
        raise StatementError(
            f"the adjudication lets envelope {act.envelope_sha256} count, but no sealed tally of this hash is logged: "
            "submit that envelope first, or name the right one"
        )
    if unit.rpartition("/")[0] != subject:
        raise StatementError(
            f"the adjudication of {subject} names envelope {act.envelope_sha256}, which is of unit {unit}: name an "
            "envelope of the same terminal"
        )


def _check_order(act: OpeningOrder, log: LogSoFar) -> None:
    root = log.root_at(act.log.size)
    if root is None:
        raise StatementError(
            f"the opening order covers {act.log.size} leaves, but fewer are logged: this order is of another log"
        )
    if root != act.log.root:
        raise StatementError(
            f"the opening order covers a log of {act.log.size} leaves with root {act.log.root}, but this log has root "
            f"{root} there: this order is of another log"
        )
    last = log.last_act("opening-order")
    if last is None:
        return
    if last.leaf is None or act.log.size <= last.leaf:
        raise StatementError(
            f"the opening order covers {act.log.size} leaves, and not the order before it (number {last.number}): an "
            "order must cover more than the one before it; draft it anew"
        )


def _check_change(act: ScheduleChange, manifest: TrustedManifest, log: LogSoFar) -> None:
    manifest = manifest_of_act(manifest, act.manifest_sha256)  # whose branches are to follow it
    check_forwards(act.schedule)
    check_shift(act.schedule, manifest.manifest.schedule)
    subjects = [EVERYTHING] if act.branch is None else [EVERYTHING, act.branch]
    earlier = [last for one in subjects if (last := log.last_act("schedule-change", one)) is not None]
    for last in sorted(earlier, key=lambda one: one.number):
        change = read_act(last.data)
        if isinstance(change, ScheduleChange):
            check_later(act.schedule, change.schedule, f"the schedule change number {change.number}")
    check_later(act.schedule, manifest.manifest.schedule, "the manifest")
