"""What a voting terminal renders and signs: zero report, ballot account and tally, as DSSE envelopes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Literal, Self

from crypto import codec, envelope, rfc3339
from crypto.identity import SigningKey
from crypto.manifest import TrustedManifest
from crypto.statements import BallotAccount, Contest, ContestResult, Tally, TerminalStatement, ZeroReport
from crypto.wire import TYPE_BALLOT_ACCOUNT, TYPE_TALLY, TYPE_ZERO_REPORT
from simulators.devices.urn import ContestCount, ballots_of

Dishonesty = Literal[
    "candidates-do-not-add-up",
    "valid-and-invalid-do-not-add-up",
    "public-counter-differs",
    "account-differs-from-tally",
]
"""How a terminal may miscount, by the finding that reconciliation must come to."""


@dataclass(frozen=True, slots=True)
class TerminalSetup:
    """What a terminal is loaded with before the election. ``tally_not_before_ms``: wall clock, ms since the epoch.

    ``firmware_sha256``: 64 hexadecimal digits; ``of`` makes it up from the firmware's name, for lack of a program.
    """

    election: str
    round: int
    branch: str
    terminal: str
    firmware: str
    firmware_sha256: str
    manifest_sha256: str
    definition_sha256: str
    contests: tuple[Contest, ...]
    tally_not_before_ms: int

    @classmethod
    def of(cls, trusted: TrustedManifest, *, branch: str, terminal: str, firmware: str = "sim-1") -> Self:
        """Take everything from a manifest; raises ManifestError where it does not define the branch."""
        manifest = trusted.manifest
        return cls(
            election=manifest.election,
            round=manifest.round,
            branch=branch,
            terminal=terminal,
            firmware=firmware,
            firmware_sha256=sha256(f"program {firmware}".encode()).hexdigest(),
            manifest_sha256=trusted.sha256,
            definition_sha256=trusted.definition_sha256(branch),
            contests=trusted.contests_of(branch),
            tally_not_before_ms=rfc3339.to_ms(manifest.schedule.tally_not_before),
        )


def zero_report(setup: TerminalSetup, key: SigningKey) -> bytes:
    """Sign that nothing has been counted."""
    nothing = {
        contest.id: ContestResult(
            votes={candidate.code: 0 for candidate in contest.candidates},
            blank=_blank(contest),
            valid=0,
            invalid=0,
            ballots=0,
        )
        for contest in setup.contests
    }
    statement = ZeroReport(
        **_head(setup),
        contests=nothing,
        public_counter=0,
    )
    return _sign(TYPE_ZERO_REPORT, statement, key)


def ballot_account(
    setup: TerminalSetup,
    key: SigningKey,
    counted: Mapping[str, ContestCount],
    *,
    public_counter: int,
    close_no: int,
    dishonest: Sequence[Dishonesty] = (),
) -> bytes:
    """Sign how many ballots were cast."""
    ballots = {contest_id: ballots_of(count) for contest_id, count in counted.items()}
    if "account-differs-from-tally" in dishonest:
        # The smallest contest loses a ballot, so that the public counter still fits where there are several.
        smallest = min(ballots, key=lambda contest_id: ballots[contest_id])
        ballots[smallest] += -1 if ballots[smallest] else 1
    statement = BallotAccount(
        **_head(setup),
        close_no=close_no,
        ballots=ballots,
        public_counter=public_counter + ("public-counter-differs" in dishonest),
    )
    return _sign(TYPE_BALLOT_ACCOUNT, statement, key)


def tally(
    setup: TerminalSetup,
    key: SigningKey,
    counted: Mapping[str, ContestCount],
    *,
    public_counter: int,
    close_no: int,
    dishonest: Sequence[Dishonesty] = (),
) -> bytes:
    """Sign the count. The first contest is where a dishonest terminal miscounts."""
    results = {}
    for number, contest in enumerate(setup.contests):
        count = counted[contest.id]
        votes = {candidate.code: count["votes"][candidate.code] for candidate in contest.candidates}
        valid = sum(votes.values())
        invalid = count["invalid"]
        ballots = valid + invalid
        if number == 0 and "candidates-do-not-add-up" in dishonest:
            votes[contest.candidates[0].code] += 1
        if number == 0 and "valid-and-invalid-do-not-add-up" in dishonest:
            invalid += 1
        results[contest.id] = ContestResult(
            votes=votes, blank=_blank(contest), valid=valid, invalid=invalid, ballots=ballots
        )
    statement = Tally(
        **_head(setup),
        close_no=close_no,
        contests=results,
        public_counter=public_counter + ("public-counter-differs" in dishonest),
    )
    return _sign(TYPE_TALLY, statement, key)


def _head(setup: TerminalSetup) -> dict[str, Any]:
    """What all statements of a terminal begin with."""
    return {name: getattr(setup, name) for name in TerminalStatement.__struct_fields__}


def _blank(contest: Contest) -> int | None:
    """No blank ballot is ever derived: where there is a column for them, the simulated voters cast none."""
    return 0 if contest.blank else None


def _sign(payload_type: str, statement: TerminalStatement, key: SigningKey) -> bytes:
    return envelope.sign(payload_type, codec.to_bytes(statement), [key]).to_bytes()
