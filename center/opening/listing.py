"""The listing: what becomes of each expected unit, seen from the log alone, before anything is opened.

A pure function of the manifest and a prefix of the log, orders before it included: whoever has the published leaves
makes the same bytes. An opening order commits to them by hash, and trustees answer for what they count.

An expected unit is a terminal of a branch. Standby terminals are expected only once something came from them, or an
adjudication names them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Final, Literal

from msgspec import Meta

from center.opening.chains import chained
from center.opening.logged import VerifiedLog
from crypto import codec
from crypto.act_statements import Adjudication, LogPosition
from crypto.statements import Digits, SealedTally, Statement
from crypto.wire import Id, Sha256

LISTING_MAX: Final = 256 * 1024 * 1024  # bytes of one listing

Status = Literal["counted", "set-aside", "absent"]

UnitCode = Literal[
    "only-one",  # counted: one sealed tally, and nothing against it
    "adjudicated",  # whatever the last adjudication says
    "opened",  # counted by an order before: what was opened stays
    "several-closes",  # set aside: sealed tallies of different closes
    "several-devices",  # set aside: sealed tallies of different devices
    "several-of-one-device",  # set aside: one device sealed several
    "re-vote",  # set aside: of a poll that was held again; what was counted before may be logged elsewhere
    "enc-reused",  # set aside: another envelope has the same encapsulated key
    "enc-related",  # set aside: its encapsulated key is made from that of another envelope
    "adjudicated-absent-but-arrived",  # set aside: the adjudication says that nothing will come, something did
    "nothing-arrived",  # absent
    "account-only",  # absent: the ballot account arrived, the sealed tally did not
]

FindingCode = Literal[
    "enc-reused", "enc-related", "adjudication-void", "act-out-of-sequence", "not-authentic"
]

Place = tuple[str, str]
"""Branch and terminal."""


class ListedUnit(Statement, frozen=True, kw_only=True):
    """One expected unit. ``envelopes`` are all its sealed tallies by hash, in the order of the log."""

    branch: Id
    terminal: Id
    status: Status
    code: UnitCode
    reason: str
    envelope_sha256: Sha256 | None
    """The one that counts."""
    leaf: Annotated[int, Meta(ge=0)] | None
    """Its index in the log."""
    envelopes: tuple[Sha256, ...]
    adjudication: Sha256 | None
    """The act that settled it."""
    opened_by: Digits | None
    """The number of the order that opened it before."""


class ListingFinding(Statement, frozen=True, kw_only=True):
    """Something about one leaf that officials have to look at."""

    code: FindingCode
    leaf: Annotated[int, Meta(ge=0)]
    sha256: Sha256
    branch: Id | None
    detail: str


class Listing(Statement, frozen=True, kw_only=True):
    """Every expected unit, in the order of the manifest."""

    type: Literal["opening-listing"] = "opening-listing"
    election: Id
    round: Digits
    manifest_sha256: Sha256
    log: LogPosition
    units: tuple[ListedUnit, ...]
    findings: tuple[ListingFinding, ...]

    def count(self, status: Status) -> int:
        """How many units have this status."""
        return sum(unit.status == status for unit in self.units)

    def newly_counted(self) -> tuple[ListedUnit, ...]:
        """What trustees answer for, in this order: counted here, and opened by no order before."""
        return tuple(unit for unit in self.units if unit.status == "counted" and unit.opened_by is None)

    def to_bytes(self) -> bytes:
        """Canonical JSON; its SHA-256 stands in the order."""
        return codec.to_bytes(self)


@dataclass(frozen=True, slots=True)
class OpenedBefore:
    """A unit that an order opened. ``size`` is what that order covered of the log."""

    unit: ListedUnit
    number: int
    size: int


_Related = tuple[Literal["enc-reused", "enc-related"], str]
"""What is wrong with an encapsulated key, and which other envelope it is about."""


@dataclass(slots=True)
class _Arrived:
    """What the prefix holds of one unit."""

    tallies: list[tuple[int, str, SealedTally]] = field(default_factory=list)
    accounts: list[int] = field(default_factory=list)
    adjudication: tuple[str, Adjudication] | None = None


def read_listing(data: bytes) -> Listing:
    """Read a listing; raises EncodingError or StatementError."""
    return codec.from_bytes(data, Listing, max_bytes=LISTING_MAX)


def make_listing(log: VerifiedLog, size: int, opened: Mapping[Place, OpenedBefore] | None = None) -> Listing:
    """List every expected unit by the first ``size`` leaves (1 or more) of the log.

    ``opened`` is what valid orders within the prefix opened (center.orders finds them).

    Raises ProofError when the log has fewer leaves.
    """
    manifest = log.manifest
    opened = opened or {}
    position = LogPosition(size=size, root=log.root_hex(size))
    arrived, void = _sort(log, size, opened)
    related = _related(log, size)
    units = []
    for branch in manifest.manifest.branches:
        for terminal in branch.all_terminals:
            place = (branch.id, terminal)
            if terminal in branch.terminals or place in arrived:
                units.append(_unit(place, arrived.get(place, _Arrived()), related, opened.get(place)))
    findings = [*void, *_enc_findings(log, related), *_bad_findings(log, size)]
    return Listing(
        election=manifest.manifest.election,
        round=manifest.manifest.round,
        manifest_sha256=manifest.sha256,
        log=position,
        units=tuple(units),
        findings=tuple(sorted(findings, key=lambda one: (one.leaf, one.code, one.detail))),
    )


def _sort(
    log: VerifiedLog, size: int, opened: Mapping[Place, OpenedBefore]
) -> tuple[dict[Place, _Arrived], list[ListingFinding]]:
    """What came from each unit, and what became of adjudications that do not hold."""
    arrived: dict[Place, _Arrived] = {}
    for index, sha256, sealed in log.tallies():
        # Logged a second time, the same bytes say nothing new: else whoever runs the log could hold any unit back.
        if index < size and log.index_of[sha256].index == index:
            unit = arrived.setdefault((sealed.branch, sealed.terminal), _Arrived())
            unit.tallies.append((index, sha256, sealed))
    for index, _, account in log.accounts():
        if index < size:
            arrived.setdefault((account.branch, account.terminal), _Arrived()).accounts.append(index)
    void: list[ListingFinding] = []
    for link in chained(log, Adjudication):
        leaf, act = link.leaf, link.statement
        if leaf.index >= size:
            break
        place = (act.branch, act.terminal)
        unit = arrived.setdefault(place, _Arrived()) if link.problem is None else _Arrived()
        problem = link.problem or _problem(act, leaf.index, unit, opened.get(place))
        if problem is None:
            unit.adjudication = (leaf.sha256, act)
            continue
        code: FindingCode = "adjudication-void" if link.problem is None else "act-out-of-sequence"
        void.append(
            ListingFinding(code=code, leaf=leaf.index, sha256=leaf.sha256, branch=act.branch, detail=problem)
        )
    return arrived, void


def _problem(act: Adjudication, leaf: int, unit: _Arrived, before: OpenedBefore | None) -> str | None:
    """Why an adjudication does not hold, None when it does."""
    if before is not None and leaf >= before.size:
        if act.envelope_sha256 == before.unit.envelope_sha256:
            return None
        return f"{act.terminal}: order {before.number} opened envelope {before.unit.envelope_sha256}, which stays"
    if act.decision == "count" and act.envelope_sha256 not in {
        sha256 for at, sha256, _ in unit.tallies if at < leaf
    }:
        return (
            f"{act.terminal}: envelope {act.envelope_sha256} is no sealed tally of it that was logged before"
        )
    return None


def _unit(
    place: Place, arrived: _Arrived, related: Mapping[str, _Related], before: OpenedBefore | None
) -> ListedUnit:
    adjudication = arrived.adjudication
    leaves = {sha256: leaf for leaf, sha256, _ in arrived.tallies}
    verdict: _Verdict
    if before is not None:
        reason = f"opened by order {before.number} ({before.unit.reason})"
        verdict = ("counted", "opened", reason, before.unit.envelope_sha256)
    elif adjudication is not None:
        verdict = _adjudicated(adjudication[1], arrived)
    else:
        verdict = _unsettled(arrived, related)
    status, code, reason, envelope = verdict
    return ListedUnit(
        branch=place[0],
        terminal=place[1],
        status=status,
        code=code,
        reason=reason,
        envelope_sha256=envelope,
        leaf=None if envelope is None else leaves[envelope],
        envelopes=tuple(sha256 for _, sha256, _ in arrived.tallies),
        adjudication=None if adjudication is None else adjudication[0],
        opened_by=None if before is None else before.number,
    )


_Verdict = tuple[Status, UnitCode, str, str | None]


def _adjudicated(act: Adjudication, arrived: _Arrived) -> _Verdict:
    said = f"adjudication {act.number}, {act.cause}: {act.reason}"
    match act.decision:
        case "count":
            return "counted", "adjudicated", said, act.envelope_sha256
        case "absent" if arrived.tallies:
            number = len(arrived.tallies)
            reason = (
                f"{said}; but {number} sealed tallies of it are logged: another adjudication has to settle it"
            )
            return "set-aside", "adjudicated-absent-but-arrived", reason, None
        case "set-aside" if arrived.tallies:
            return "set-aside", "adjudicated", said, None
        case _:
            return "absent", "adjudicated", said, None


def _unsettled(arrived: _Arrived, related: Mapping[str, _Related]) -> _Verdict:
    tallies = arrived.tallies
    if not tallies:
        if arrived.accounts:
            reason = "its ballot account arrived, its sealed tally did not"
            return "absent", "account-only", reason, None
        return "absent", "nothing-arrived", "nothing arrived from it", None
    if len(tallies) > 1:
        code, what = _several([sealed for _, _, sealed in tallies])
        reason = f"{len(tallies)} sealed tallies, {what}: no adjudication says which counts"
        return "set-aside", code, reason, None
    ((_, sha256, sealed),) = tallies
    if sha256 in related:
        code, detail = related[sha256]
        return "set-aside", code, f"{detail}: an adjudication has to settle it", None
    if sealed.cause == "re-vote":
        reason = (
            "of a poll that was held again: no adjudication says that it counts, nor what of the one before"
        )
        return "set-aside", "re-vote", reason, None
    return "counted", "only-one", "one sealed tally", sha256


def _several(tallies: Sequence[SealedTally]) -> tuple[UnitCode, str]:
    closes = sorted({sealed.close_no for sealed in tallies})
    devices = sorted({sealed.device for sealed in tallies})
    if len(closes) > 1:
        return "several-closes", f"of closes {', '.join(map(str, closes))} (by {', '.join(devices)})"
    if len(devices) > 1:
        return "several-devices", f"of devices {', '.join(devices)}"
    return "several-of-one-device", f"all of device {devices[0]}"


def _related(log: VerifiedLog, size: int) -> dict[str, _Related]:
    """The envelopes of the prefix whose encapsulated keys are made from one another: both of each pair."""
    related: dict[str, _Related] = {}
    for one in log.relations:
        if log.index_of[one.second].index >= size:
            continue
        multiples = (one.first_multiple, one.second_multiple)
        for mine, other in ((one.first, one.second), (one.second, one.first)):
            if (multiples, one.shift) == ((1, 1), 0):
                related[mine] = ("enc-reused", f"its encapsulated key is also that of envelope {other}")
                continue
            how = f"multiples {multiples[0]} and {multiples[1]}, {one.shift} base points apart"
            detail = f"its encapsulated key and that of envelope {other} are made from one another ({how})"
            related.setdefault(mine, ("enc-related", detail))
    return related


def _enc_findings(log: VerifiedLog, related: Mapping[str, _Related]) -> list[ListingFinding]:
    return [
        ListingFinding(code=code, leaf=leaf, sha256=sha256, branch=sealed.branch, detail=detail)
        for leaf, sha256, sealed in log.tallies()
        for code, detail in [related.get(sha256, (None, ""))]
        if code is not None
    ]


def _bad_findings(log: VerifiedLog, size: int) -> list[ListingFinding]:
    return [
        ListingFinding(
            code="not-authentic", leaf=bad.index, sha256=bad.sha256, branch=None, detail=bad.problem
        )
        for bad in log.bad()
        if bad.index < size
    ]
