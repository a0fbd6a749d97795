"""A published opening, recomputed from the published leaves: by the trustees' answers, or by what it discloses.

With answers everything is recomputed. Without them nobody can decrypt again, and the disclosures stand in: they show
that the terminals signed the published counts, and that the devices had committed to them.
"""

from collections.abc import Sequence
from typing import Final

import msgspec

from center.opening.disclosure import reopen
from center.opening.evidence import Opener
from center.opening.logged import VerifiedLog
from center.opening.opening import count
from center.opening.orders import Orders
from center.opening.types import Disclosure, LogHead, OpenedUnit, Opening, OpeningFinding
from crypto import canonical, codec
from crypto.errors import ProofError, SealError
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.seal import OpenedTally
from crypto.statements import SealedTally

PROBLEMS_MAX: Final = 100  # problems of one opening that are named
_NEEDS_THE_KEY: Final = ("tally-does-not-open", "account-missing", "clash")


def check_head(head: LogHead, signed: SignedCheckpoint | None) -> None:
    """Raise ProofError unless what an opening says about its log is what its checkpoint says; an empty log has none."""
    if signed is None:
        if head.size != 0:
            raise ProofError(f"counts {head.size} envelopes, and shows no checkpoint that covers them")
        return
    if (head.size, head.root) != (signed.size, codec.b64(signed.root)):
        raise ProofError(f"says that it counts {head.size} envelopes, its checkpoint covers {signed.size}")


def compare(
    opening: Opening,
    log: VerifiedLog,
    *,
    orders: Orders | None = None,
    answers: Opener | None = None,
) -> tuple[list[str], list[str]]:
    """Recompute ``opening`` over its log, which must be the first ``opening.log.size`` leaves.

    ``orders`` are those that it says it followed. ``answers`` opens what trustees answered for; without it, what the
    opening discloses does. Returns what differs, and what could not be recomputed.
    """
    discloser = _Discloser(opening, log.manifest)
    answered = {one.number: one.trustees for one in opening.orders}
    again = count(log, opening.log, answers or discloser, orders=orders, answered=answered)
    names = (
        "election",
        "round",
        "manifest_sha256",
        "kid",
        "opening",
        "orders",
        "plan_b",
        "contests",
    )
    differing = [name for name in names if getattr(opening, name) != getattr(again, name)]
    problems = [*discloser.problems, *(f"{name} is not what the log gives" for name in differing)]
    if len(opening.units) != len(again.units):
        problems.append(f"lists {len(opening.units)} units, the manifest {len(again.units)}")
    aside: set[tuple[str, str | None]] = set()
    unchecked = []
    for said, found in zip(opening.units, again.units, strict=False):
        if said == found:
            continue
        if answers is None and said.status == "set-aside" and _same_place(said, found):
            aside.add((said.branch, said.terminal))
            unchecked.append(
                f"why {said.branch} {said.terminal} is set aside ({said.reason}): nothing of it is disclosed"
            )
        else:
            problems.append(
                f"unit {said.branch} {said.terminal} is not what the log gives: {_difference(said, found)}"
            )
    problems += _compare_findings(opening.findings, again.findings, aside)
    return problems[:PROBLEMS_MAX], unchecked


def findings_without_opening(log: VerifiedLog) -> tuple[OpeningFinding, ...]:
    """What the envelopes show while they are sealed: gaps, clashing numbers, accounts against poll books."""

    def opener(_sealed: SealedTally, _sha256: str) -> OpenedTally:
        raise SealError("nothing is opened yet")

    head = LogHead(size=len(log.leaves), root="", checkpoint=None)
    found = count(log, head, opener).findings
    return tuple(finding for finding in found if finding.code not in _NEEDS_THE_KEY)


class _Discloser:
    """Opens envelopes by what an opening discloses of them."""

    def __init__(self, opening: Opening, manifest: TrustedManifest) -> None:
        self._manifest = manifest
        self._units: dict[str, tuple[OpenedUnit, Disclosure]] = {}
        self.problems: list[str] = []
        for unit in opening.units:
            for disclosure in unit.disclosures:
                if self._units.setdefault(disclosure.envelope_sha256, (unit, disclosure))[0] is not unit:
                    self.problems.append(f"envelope {disclosure.envelope_sha256} is counted for two units")

    def __call__(self, sealed: SealedTally, sha256: str) -> OpenedTally:
        if sha256 not in self._units:
            raise SealError("not disclosed")
        unit, disclosure = self._units[sha256]
        return reopen(sealed, unit, disclosure, self._manifest)


def _same_place(said: OpenedUnit, found: OpenedUnit) -> bool:
    """Whether a unit that was set aside is one whose tallies the log holds, and shows nothing of them."""
    shown = (said.contests, said.public_counter, said.disclosures)
    places = [
        (unit.branch, unit.terminal, unit.status, unit.close_no, unit.envelopes) for unit in (said, found)
    ]
    return shown == ({}, None, ()) and places[0] == places[1]


def _difference(said: OpenedUnit, found: OpenedUnit) -> str:
    if found.status == "set-aside" and said.status == "counted":
        return f"its counts do not verify ({found.reason})"
    names = [name for name in said.__struct_fields__ if getattr(said, name) != getattr(found, name)]
    return ", ".join(f"{name} should be {getattr(found, name)!r:.120}" for name in names)


def _compare_findings(
    said: Sequence[OpeningFinding], found: Sequence[OpeningFinding], aside: set[tuple[str, str | None]]
) -> list[str]:
    """Compare findings, but for units of which nothing is disclosed."""
    said = [finding for finding in said if (finding.branch, finding.terminal) not in aside]
    found = [finding for finding in found if (finding.branch, finding.terminal) not in aside]
    said_bytes, found_bytes = {_bytes(one) for one in said}, {_bytes(one) for one in found}
    hidden = [one for one in found if _bytes(one) not in said_bytes]
    invented = [one for one in said if _bytes(one) not in found_bytes]
    problems = [f"hides a finding: {_name(one)}" for one in hidden]
    problems += [f"shows a finding that the log does not give: {_name(one)}" for one in invented]
    if not problems and said != found:
        problems.append("lists its findings in another order, or one of them twice")
    return problems


def _bytes(finding: OpeningFinding) -> bytes:
    """Findings hold dictionaries and cannot stand in a set; there may be one for every station."""
    return canonical.encode(msgspec.to_builtins(finding))


def _name(finding: OpeningFinding) -> str:
    place = " ".join(part for part in (finding.branch, finding.terminal, finding.contest) if part)
    return f"{finding.grade} {finding.code} {place} {finding.numbers or ''}".rstrip()
