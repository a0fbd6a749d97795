"""The opening: from the log, and whatever opens its envelopes, to sums, with every expected unit accounted for.

Pure over the log: the same log, manifest and key or answers give the same bytes. Refuses before the opening time.

With trustees, and with an escrowed key, the logged opening orders decide which envelope of which unit is opened
(center.orders). Under a single key, for rehearsals, everything is opened and then judged.
"""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Literal, Protocol

from center.errors import NoOrderError, OpeningError, TooEarlyError
from center.log.checkpoints import Checkpoint
from center.log.entries import Entry
from center.opening.evidence import Evidence, Opener
from center.opening.judging import Judgement, judge, judge_listed, poll_book_findings
from center.opening.listing import ListedUnit, Listing, make_listing
from center.opening.logged import Progress, VerifiedLog, verify_log
from center.opening.orders import LoggedOrder, Orders, opening_not_before, orders_of
from center.opening.spread import Spread, here
from center.opening.types import ContestTotal, LogHead, OpenedOrder, OpenedUnit, Opening, OpeningFinding
from crypto import codec, hpke, merkle, rfc3339
from crypto.errors import EvidenceError, ProofError, SealError
from crypto.manifest import TrustedManifest
from crypto.notes import Checkpoint as SignedCheckpoint
from crypto.notes import verify_note
from crypto.seal import OpenedTally, open_tally
from crypto.statements import Contest, OpeningKind, SealedTally, Tally

_ADJUDICATED: Final = ("adjudicated", "adjudicated-absent-but-arrived")
_NOBODY: Final[Mapping[int, tuple[str, ...]]] = {}


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
    spread: Spread = here,
) -> Opening:
    """Open with the whole key: under a single key everything, under an escrowed one what orders open.

    ``private_key`` is the raw X25519 election key, ``wall_ms`` the wall clock in milliseconds since the epoch.

    Raises:
        TooEarlyError: before the opening time.
        OpeningError: the key is not the manifest's, or the log is not what its checkpoint covers.
        NoOrderError: an escrowed key, and no order that holds is logged.
    """
    kind = manifest.manifest.election_key.opening
    if kind == "trustees":
        check_kind(manifest, "single-key")
    check_time(manifest.manifest.schedule.opening_not_before, wall_ms)
    check_key(manifest, private_key)
    head, log_ = read_log(log, manifest, progress=progress, spread=spread)
    check_time(opening_not_before(log_), wall_ms)
    orders = None if kind == "single-key" else orders_to_follow(log_)
    return count(log_, head, opener_of(manifest, private_key), orders=orders)


def opener_of(manifest: TrustedManifest, private_key: bytes) -> Opener:
    """What opens with the whole key."""
    return lambda sealed, _: open_tally(sealed, private_key, manifest)


def check_kind(manifest: TrustedManifest, kind: OpeningKind) -> None:
    """Raise OpeningError unless the manifest says that this is how the key is held: no way of opening is another's."""
    key = manifest.manifest.election_key
    how = {
        "trustees": "answers of trustees (--answers)",
        "slip39": "SLIP-39 shares (--escrow slip39 --share)",
        "single-key": "the key itself (--key)",
    }
    if key.opening != kind:
        raise OpeningError(
            f"the manifest says that election key {key.kid} is opened by {how[key.opening]}, and by nothing else: not "
            f"by {how[kind]}"
        )


def read_log(
    log: Log, manifest: TrustedManifest, *, progress: Progress | None = None, spread: Spread = here
) -> tuple[LogHead, VerifiedLog]:
    """Read all that the newest checkpoint covers, and check that it is exactly that, before anything is opened.

    Raises OpeningError.
    """
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
    leaves = [entry.data for entry in log.entries(size)]
    verified = verify_log(manifest, leaves, progress=progress, spread=spread)
    if (verified.tree.size, verified.tree.root()) != (size, root):
        raise OpeningError(
            f"the ledger holds {verified.tree.size} envelopes that are not the {size} which its checkpoint covers: "
            "open from an untouched copy"
        )
    head = LogHead(size=size, root=codec.b64(root), checkpoint=None if newest is None else newest.note)
    return head, verified


def orders_to_follow(log: VerifiedLog, up_to: int | None = None) -> Orders:
    """The orders, up to this number or all; raises NoOrderError when none of them holds."""
    orders = orders_of(log)
    followed = tuple(order for order in orders.valid if up_to is None or order.number <= up_to)
    if followed and (up_to is None or followed[-1].number == up_to):
        return Orders(followed, orders.void, orders.last)
    void = "".join(
        f"; order {one.number} (leaf {one.leaf}) holds nothing: {one.problem}" for one in orders.void
    )
    which = "no opening order" if up_to is None else f"no opening order number {up_to}"
    raise NoOrderError(
        f"{which} that holds is logged{void}: draft one (center order draft), have two commissioners of different "
        "bodies sign it, and submit it"
    )


def count(
    log: VerifiedLog,
    head: LogHead,
    opener: Opener,
    *,
    orders: Orders | None = None,
    answered: Mapping[int, tuple[str, ...]] = _NOBODY,
) -> Opening:
    """Judge and sum all that ``head`` covers, by whatever opens the envelopes.

    ``orders`` are followed where they are given; ``answered`` names the trustees by the number of the order.
    """
    manifest = log.manifest.manifest
    last = None if orders is None else orders.valid[-1]
    listing = make_listing(log, head.size) if last is None else last.listing
    evidence = Evidence(log.manifest, opener if last is None else _only(opener, listing))
    evidence.collect(log.leaves)
    judgements: list[Judgement] = []
    findings = [*evidence.findings(), *_log_findings(log, listing, orders)]
    for branch, units in itertools.groupby(listing.units, key=lambda unit: unit.branch):
        judged, about_branch = _judge_branch(branch, list(units), evidence, last)
        judgements += judged
        findings += about_branch
    units_: tuple[OpenedUnit, ...] = tuple(judgement.unit for judgement in judgements)
    findings += [finding for judgement in judgements for finding in judgement.findings]
    tallies = [judgement.tally for judgement in judgements if judgement.tally is not None]
    return Opening(
        election=manifest.election,
        round=manifest.round,
        manifest_sha256=log.manifest.sha256,
        kid=manifest.election_key.kid,
        opening=manifest.election_key.opening,
        log=head,
        contests={contest.id: _total(contest, tallies) for contest in manifest.contests},
        units=units_,
        findings=tuple(sorted(findings, key=_finding_order)),
        orders=() if orders is None else tuple(_opened_order(one, answered) for one in orders.valid),
        plan_b=manifest.election_key.opening == "slip39",
    )


def check_time(not_before: str, wall_ms: int) -> None:
    """Raise TooEarlyError before the opening time (RFC 3339)."""
    if wall_ms < rfc3339.to_ms(not_before):
        raise TooEarlyError(
            f"it is {rfc3339.to_text(wall_ms)}; nothing may be opened before {not_before}: wait until then"
        )


def check_key(manifest: TrustedManifest, private_key: bytes) -> None:
    """Raise OpeningError unless this is the private half of the manifest's election key."""
    try:
        public = hpke.x25519_public(private_key)
    except EvidenceError as error:
        raise OpeningError(f"the election key: {error}") from error
    if public != manifest.election_public_key:
        kid = manifest.manifest.election_key.kid
        raise OpeningError(f"this private key is not the one of election key {kid}: take the right key file")


def _judge_branch(
    branch: str, units: Sequence[ListedUnit], evidence: Evidence, order: LoggedOrder | None
) -> tuple[list[Judgement], list[OpeningFinding]]:
    """Judge every unit of a branch. Several terminals share the branch's one poll book."""
    # Of a terminal that officials gave up nothing is missing in the poll book.
    expected = [unit for unit in units if not (unit.status == "absent" and unit.code == "adjudicated")]
    own_poll_book = len(expected) == 1
    judged = []
    for unit in units:
        seen = evidence.of(branch, unit.terminal)
        if order is not None or unit.code in _ADJUDICATED:
            number = None if order is None else unit.opened_by or order.number
            judged.append(judge_listed(unit, seen, number, own_poll_book=own_poll_book))
        else:
            judged.append(judge(branch, unit.terminal, seen, own_poll_book=own_poll_book))
    tallies = [judgement.tally for judgement in judged if judgement.tally is not None]
    accounts = [seen for unit in units for seen in evidence.of(branch, unit.terminal).accounts]
    if own_poll_book or len(tallies) < len(expected) or not accounts:
        return judged, []
    ballots: dict[str, int] = {}
    for tally in tallies:
        for contest, result in tally.contests.items():
            ballots[contest] = ballots.get(contest, 0) + result.ballots
    # By place in the log: sequence numbers of two kits of a branch say nothing of each other.
    newest = max(accounts, key=lambda seen: seen.leaf)
    return judged, poll_book_findings(branch, ballots, newest.voters_signed_in)


def _only(opener: Opener, listing: Listing) -> Opener:
    """Open what the listing counts, and nothing else: a count that is set aside is nobody's to see."""
    counted = {unit.envelope_sha256 for unit in listing.units}

    def open_counted(sealed: SealedTally, sha256: str) -> OpenedTally:
        if sha256 not in counted:
            raise SealError("no order opens it")
        return opener(sealed, sha256)

    return open_counted


def _opened_order(order: LoggedOrder, answered: Mapping[int, tuple[str, ...]]) -> OpenedOrder:
    return OpenedOrder(
        number=order.number,
        sha256=order.sha256,
        leaf=order.leaf,
        log_size=order.statement.log.size,
        listing_sha256=order.statement.listing_sha256,
        opened=len(order.listing.newly_counted()),
        trustees=answered.get(order.number, ()),
    )


def _log_findings(log: VerifiedLog, listing: Listing, orders: Orders | None) -> Iterator[OpeningFinding]:
    """What is odd about leaves; those that are not authentic are Evidence's to find."""
    for one in listing.findings:
        if one.code != "not-authentic":
            yield _finding("alarm", one.code, one.branch or "", one.sha256)
    if orders is not None:
        for void in orders.void:
            yield _finding("alarm", "order-void", "", void.sha256)
        for index, sha256, sealed in log.tallies():
            if index >= listing.log.size:
                yield _finding("note", "in-no-order-yet", sealed.branch, sha256, sealed.terminal)


def _finding(
    grade: Literal["note", "alarm"], code: str, branch: str, sha256: str, terminal: str | None = None
) -> OpeningFinding:
    return OpeningFinding(
        grade=grade,
        code=code,
        branch=branch,
        terminal=terminal,
        contest=None,
        numbers={},
        envelope_sha256=sha256,
    )


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
