"""The opening: from the log and the election key to sums, with every expected unit accounted for.

Pure over the log: the same log, manifest and key give the same bytes. Single key: whoever holds it can open alone;
trustees are not in use. Refuses before the manifest's opening time.
"""

from collections.abc import Iterable, Iterator
from typing import Protocol

from center.errors import OpeningError, TooEarlyError
from center.evidence import Evidence, Opener, Progress
from center.judging import Judgement, judge, poll_book_findings
from center.ledger import Checkpoint, Entry
from center.opening_types import ContestTotal, LogHead, OpenedUnit, Opening, OpeningFinding
from crypto import codec, hpke, merkle, rfc3339
from crypto.errors import EvidenceError, ProofError
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import verify_note
from crypto.seal import open_tally
from crypto.statements import BranchEntry, Contest, Tally


class Log(Protocol):
    """What is opened: a ledger, or what stands in for one."""

    def newest_checkpoint(self) -> Checkpoint | None:
        """The checkpoint to open by, None for an empty log."""

    def entries(self, size: int | None = None) -> Iterator[Entry]:
        """The first ``size`` entries, in order; may be walked more than once."""


def open_election(
    log: Log,
    manifest: TrustedManifest,
    private_key: bytes,
    *,
    wall_ms: int,
    progress: Progress | None = None,
) -> Opening:
    """Open every sealed tally under the newest checkpoint and sum those that count.

    ``private_key`` is the raw X25519 election key, ``wall_ms`` the wall clock in milliseconds since the epoch.

    Raises:
        TooEarlyError: before ``schedule.opening_not_before``.
        OpeningError: the key is not the manifest's, or the log is not what its checkpoint covers.
    """
    _check_time(manifest, wall_ms)
    _check_key(manifest, private_key)
    head = _check_log(log, manifest)
    return count(
        log,
        manifest,
        head,
        lambda sealed, _: open_tally(sealed, private_key, manifest),
        progress=progress,
    )


def count(
    log: Log,
    manifest: TrustedManifest,
    head: LogHead,
    opener: Opener,
    *,
    progress: Progress | None = None,
) -> Opening:
    """Judge and sum all that ``head`` covers, by whatever opens the envelopes: the key, or what it disclosed before."""
    evidence = Evidence(manifest, opener)
    evidence.collect(log.entries(head.size), head.size, progress)
    judgements: list[Judgement] = []
    findings = evidence.findings()
    for branch in manifest.manifest.branches:
        judged, about_branch = _judge_branch(branch, evidence)
        judgements += judged
        findings += about_branch
    units: tuple[OpenedUnit, ...] = tuple(judgement.unit for judgement in judgements)
    findings += [finding for judgement in judgements for finding in judgement.findings]
    tallies = [judgement.tally for judgement in judgements if judgement.tally is not None]
    return Opening(
        election=manifest.manifest.election,
        round=manifest.manifest.round,
        manifest_sha256=manifest.sha256,
        kid=manifest.manifest.election_key.kid,
        opening=manifest.manifest.election_key.opening,
        log=head,
        contests={contest.id: _total(contest, tallies) for contest in manifest.manifest.contests},
        units=units,
        findings=tuple(sorted(findings, key=_finding_order)),
    )


def _check_time(manifest: TrustedManifest, wall_ms: int) -> None:
    not_before = manifest.manifest.schedule.opening_not_before
    if wall_ms < rfc3339.to_ms(not_before):
        raise TooEarlyError(
            f"it is {rfc3339.to_text(wall_ms)}; the manifest forbids opening before {not_before}: wait until then"
        )


def _check_key(manifest: TrustedManifest, private_key: bytes) -> None:
    try:
        public = hpke.x25519_public(private_key)
    except EvidenceError as error:
        raise OpeningError(f"the election key: {error}") from error
    if public != manifest.election_public_key:
        kid = manifest.manifest.election_key.kid
        raise OpeningError(f"this private key is not the one of election key {kid}: take the right key file")


def _check_log(log: Log, manifest: TrustedManifest) -> LogHead:
    """Check that the log is exactly what its own signed checkpoint covers, before anything is opened."""
    newest = log.newest_checkpoint()
    if newest is None:
        size, root = 0, merkle.EMPTY_ROOT
    else:
        try:
            signed = SignedCheckpoint.parse(verify_note(newest.note, [manifest.log_verifier]))
        except ProofError as error:
            raise OpeningError(f"the newest checkpoint of the log does not verify: {error}") from error
        if signed.origin != manifest.log_verifier.name:
            raise OpeningError(
                f"the newest checkpoint is of log {signed.origin}: this is another log's ledger"
            )
        size, root = signed.size, signed.root
    frontier = merkle.Frontier()
    for leaf in _leaves(log.entries(size)):
        frontier.append(leaf)
    if (frontier.size, frontier.root()) != (size, root):
        raise OpeningError(
            f"the ledger holds {frontier.size} envelopes that are not the {size} which its checkpoint covers: "
            "open from an untouched copy"
        )
    return LogHead(size=size, root=codec.b64(root), checkpoint=None if newest is None else newest.note)


def _leaves(entries: Iterable[Entry]) -> Iterator[bytes]:
    for entry in entries:
        yield merkle.leaf_hash(entry.data)


def _judge_branch(branch: BranchEntry, evidence: Evidence) -> tuple[list[Judgement], list[OpeningFinding]]:
    """Judge every terminal of a branch. Several terminals share the branch's one poll book."""
    own_poll_book = len(branch.terminals) == 1
    judged = [
        judge(branch.id, terminal, evidence.of(branch.id, terminal), own_poll_book=own_poll_book)
        for terminal in branch.terminals
    ]
    tallies = [judgement.tally for judgement in judged if judgement.tally is not None]
    accounts = [seen for terminal in branch.terminals for seen in evidence.of(branch.id, terminal).accounts]
    if own_poll_book or len(tallies) < len(judged) or not accounts:
        return judged, []
    ballots: dict[str, int] = {}
    for tally in tallies:
        for contest, result in tally.contests.items():
            ballots[contest] = ballots.get(contest, 0) + result.ballots
    newest = max(accounts, key=lambda seen: seen.seq)
    return judged, poll_book_findings(branch.id, ballots, newest.voters_signed_in)


def _total(contest: Contest, tallies: list[Tally]) -> ContestTotal:
    results = [tally.contests[contest.id] for tally in tallies if contest.id in tally.contests]
    return ContestTotal(
        votes={
            candidate.code: sum(result.votes[candidate.code] for result in results)
            for candidate in contest.candidates
        },
        blank=sum(result.blank or 0 for result in results) if contest.blank else None,
        valid=sum(result.valid for result in results),
        invalid=sum(result.invalid for result in results),
        ballots=sum(result.ballots for result in results),
    )


def _finding_order(finding: OpeningFinding) -> tuple[str, ...]:
    return (
        finding.branch,
        finding.terminal or "",
        finding.contest or "",
        finding.code,
        finding.envelope_sha256 or "",
        str(sorted(finding.numbers.items())),
    )
