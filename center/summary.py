"""What the centre's commands say to people: plain words, one fact a line."""

from collections.abc import Iterator
from typing import Any, Final

from center.audit.record import printable
from center.log.checkpoints import Checkpoint
from center.log.counts import Counts
from center.log.ledger_file import LedgerIdentity
from center.opening.types import Opening, OpeningFinding
from crypto.manifest import TrustedManifest

SINGLE_KEY: Final = "single key: whoever holds this file can open alone; trustees are not in use"
PLAN_B: Final = (
    "PLAN B: opened with an ordinary key out of SLIP-39 shares; it lay whole in one machine, whose operator could have "
    "opened everything alone"
)


def status_facts(identity: LedgerIdentity, counts: Counts, newest: Checkpoint | None) -> dict[str, Any]:
    """The state of a ledger as JSON-able facts. Received, verified and opened are different numbers."""
    return {
        "election": identity.election,
        "round": identity.round,
        "log": identity.origin,
        "received": counts.verified + counts.rejected,
        "verified": counts.verified,
        "accounts": counts.accounts,
        "tallies": counts.tallies,
        "branches": counts.branches,
        "flagged": counts.flagged,
        "flags": counts.flags,
        "settled": counts.settled,
        "acts": counts.acts,
        "rejected": counts.rejected,
        "checkpoint_size": 0 if newest is None else newest.size,
    }


def status_lines(facts: dict[str, Any]) -> Iterator[str]:
    """The same for people."""
    yield f"election {facts['election']} round {facts['round']}, log {facts['log']}"
    yield f"received  {facts['received']:>8}   different messages"
    yield f"verified  {facts['verified']:>8}   logged: {facts['accounts']} accounts, {facts['tallies']} sealed tallies"
    yield f"          {'':>8}   from {facts['branches']} branches; checkpoint over {facts['checkpoint_size']}"
    kinds = ", ".join(f"{name} {times}" for name, times in facts["flags"].items())
    settled = f"; settled by adjudication: {facts['settled']}" if facts["settled"] else ""
    yield f"flagged   {facts['flagged']:>8}   {kinds or 'nothing odd'}{settled}"
    acts = ", ".join(f"{times} {name}" for name, times in facts["acts"].items())
    yield f"acts      {sum(facts['acts'].values()):>8}   {acts or 'none of the centre'}"
    yield f"rejected  {facts['rejected']:>8}   not authentic or not of this election"


def opening_lines(opening: Opening, manifest: TrustedManifest) -> Iterator[str]:
    """An opening for people: how, by what, sums, what is missing, what is odd."""
    yield f"election {opening.election} round {opening.round}, manifest {opening.manifest_sha256}"
    yield from how_opened(opening)
    yield f"log {manifest.log_verifier.name}: {opening.log.size} leaves, root {opening.log.root}"
    yield (
        f"units: {len(opening.units)} expected, {opening.count('counted')} counted, "
        f"{opening.count('set-aside')} set aside, {opening.count('absent')} absent"
    )
    for contest in manifest.manifest.contests:
        total = opening.contests[contest.id]
        yield ""
        yield f"{contest.id}  {contest.title}"
        for candidate in contest.candidates:
            yield f"{total.votes[candidate.code]:>12}  {candidate.code:<8} {candidate.name}"
        if total.blank is not None:
            yield f"{total.blank:>12}  blank"
        yield f"{total.valid:>12}  valid"
        yield f"{total.invalid:>12}  invalid"
        yield f"{total.ballots:>12}  ballots"
    for unit in opening.units:
        if unit.status == "counted" and unit.adjudication is not None:
            yield f"settled: {unit.branch} {unit.terminal}: {printable(unit.reason or '')} (act {unit.adjudication})"
    missing = [unit for unit in opening.units if unit.status != "counted"]
    if missing:
        yield ""
    for unit in missing:
        yield f"not counted: {unit.branch} {unit.terminal} ({unit.status}): {printable(unit.reason or '')}"
    if opening.findings:
        yield ""
    for finding in opening.findings:
        yield finding_line(finding)


def how_opened(opening: Opening) -> Iterator[str]:
    """Who opened, and by which orders: the reader must not have to guess."""
    match opening.opening:
        case "single-key":
            yield SINGLE_KEY
        case "slip39":
            yield PLAN_B
        case "trustees":
            yield "opened by trustees, each with a share of a key that nobody holds"
    for order in opening.orders:
        by = f", answered by {', '.join(order.trustees)}" if order.trustees else ""
        yield f"order {order.number} over {order.log_size} leaves opened {order.opened} envelopes{by} ({order.sha256})"


def finding_line(finding: OpeningFinding) -> str:
    """One finding in words."""
    place = " ".join(part for part in (finding.branch, finding.terminal, finding.contest) if part is not None)
    numbers = ", ".join(f"{name} {number}" for name, number in sorted(finding.numbers.items()))
    named = f" envelope {finding.envelope_sha256}" if finding.envelope_sha256 is not None else ""
    return f"{finding.grade}: {finding.code}: {place}{named}" + (f" ({numbers})" if numbers else "")
