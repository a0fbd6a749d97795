"""Elections and envelopes for the tests of the compact carrier."""

from functools import cache
from typing import Any, get_args

from hypothesis import strategies as st

from crypto import codec, envelope
from crypto.seal import seal_tally
from crypto.statements import (
    AccountSubmission,
    BallotAccount,
    Candidate,
    Cause,
    Contest,
    ContestResult,
    Finding,
    JournalCheckpoint,
    Submission,
    Tally,
)
from crypto.submissions import sign_account
from tests.crypto.election_fixture import RESULTS, VOTERS_SIGNED_IN, Election, make_election, seed_of

HASH = "5e" * 32
OTHER_HASH = "c3" * 32
FINDINGS = (
    Finding(grade="alarm", code="account-differs-from-tally", contest=None),
    Finding(grade="note", code="signed-in-differs", contest="mayor:1"),
    Finding(grade="alarm", code="more-counted-than-signed-in", contest="council_party_list:1"),
)

hashes = st.binary(min_size=32, max_size=32).map(bytes.hex)
digits = st.integers(1, 2**31) | st.sampled_from([1, 2**31])
counts = st.integers(0, 0xFFFFFF)


def contests(number: int, candidates: int, *, blank: bool = False) -> tuple[Contest, ...]:
    return tuple(
        Contest(
            id=f"contest-{n}",
            title=f"Contest {n}",
            candidates=tuple(
                Candidate(code=f"{code}", name=f"Candidate {code}") for code in range(1, candidates + 1)
            ),
            blank=blank,
        )
        for n in range(1, number + 1)
    )


@cache
def world(number: int, candidates: int, count_bits: int, *, blank: bool = False) -> Election:
    """One branch; so many contests of so many candidates each."""
    return make_election(
        branches=1, count_bits=count_bits, contests=contests(number, candidates, blank=blank)
    )


def outer(election: Election, branch: str = "branch-1", **changes: Any) -> Submission:
    first = election.submission(branch, changes.pop("terminal", None))
    fields = {name: getattr(first, name) for name in Submission.__struct_fields__}
    return Submission(**(fields | changes))


def results_of(election: Election, count: int) -> dict[str, ContestResult]:
    return {
        contest.id: ContestResult(
            votes=dict.fromkeys((candidate.code for candidate in contest.candidates), count),
            blank=count if contest.blank else None,
            valid=count,
            invalid=count,
            ballots=count,
        )
        for contest in election.manifest.contests
    }


def sealed(election: Election, submission: Submission, tally: Tally | None = None) -> bytes:
    """The envelope of a sealed tally; by default of ``RESULTS``."""
    if tally is None:
        tally = election.tally(
            submission.branch, submission.terminal, close_no=submission.close_no, results=RESULTS
        )
    return seal_tally(
        submission,
        tally_envelope=election.signed_by_terminal(tally),
        blind=seed_of("blind"),
        device_key=election.devices[submission.device],
        manifest=election.loaded,
        ephemeral=seed_of("ephemeral"),
    )


def account(
    election: Election,
    submission: Submission,
    *,
    report: BallotAccount | None = None,
    voters_signed_in: dict[str, int] | None = None,
    findings: tuple[Finding, ...] = FINDINGS,
) -> bytes:
    """The envelope of a ballot account."""
    report = report or election.account(submission.branch, submission.terminal, close_no=submission.close_no)
    signed = election.signed_by_terminal(report)
    statement = AccountSubmission(
        **{name: getattr(submission, name) for name in Submission.__struct_fields__},
        account=codec.b64(signed.to_bytes()),
        voters_signed_in=VOTERS_SIGNED_IN if voters_signed_in is None else voters_signed_in,
        findings=findings,
    )
    return sign_account(statement, election.devices[submission.device])


def signature_of(data: bytes) -> bytes:
    return envelope.Envelope.from_bytes(data).signatures[0].sig


@st.composite
def outers(draw: st.DrawFn, election: Election) -> Submission:
    """Any outer fields that the manifest allows."""
    branch = draw(st.sampled_from(election.manifest.branches))
    return outer(
        election,
        branch.id,
        device=draw(st.sampled_from(branch.all_devices)),
        terminal=draw(st.sampled_from(branch.all_terminals)),
        cause=draw(st.sampled_from(get_args(Cause))),
        close_no=draw(digits),
        seq=draw(digits),
        prev=draw(st.none() | hashes),
        supersedes=draw(st.none() | hashes),
        journal=JournalCheckpoint(
            size=draw(st.integers(0, 2**53 - 1) | st.just(2**53 - 1)), root=draw(hashes)
        ),
    )
