"""Do the numbers agree? Findings are graded and signed, never fixed, never a reason to lose a tally.

No finding carries a number, so that findings can be journaled and sent while the tally itself is sealed.
"""

from collections.abc import Mapping

from crypto.statements import BallotAccount, Finding, Tally


def reconcile_account(account: BallotAccount, voters_signed_in: Mapping[str, int]) -> tuple[Finding, ...]:
    """Compare a ballot account with the poll book.

    ``voters_signed_in`` maps contest ids to voters; a contest that it does not name is not compared. Sorted:
    findings about the whole unit first, then by contest and code.
    """
    return _sorted(
        [
            *_signed_in(account.ballots, voters_signed_in),
            *_public_counter(account.ballots, account.public_counter),
        ]
    )


def reconcile_tally(
    tally: Tally, account: BallotAccount | None, voters_signed_in: Mapping[str, int] | None
) -> tuple[Finding, ...]:
    """Compare a tally with itself, and with the account of the same close and the poll book where given.

    An account of another unit (branch, terminal, close) differs from the tally. Sorted as above.
    """
    ballots = {contest: result.ballots for contest, result in tally.contests.items()}
    findings = _sums(tally) + _public_counter(ballots, tally.public_counter)
    if account is not None:
        findings += _account_against_tally(account, tally, ballots)
    if voters_signed_in is not None:
        findings += _signed_in(ballots, voters_signed_in)
    return _sorted(findings)


def _signed_in(ballots: Mapping[str, int], voters_signed_in: Mapping[str, int]) -> list[Finding]:
    findings = []
    for contest, signed_in in voters_signed_in.items():
        counted = ballots.get(contest, 0)
        if signed_in > counted:
            # Ordinary: people sign and leave (Georgia 2017: 2,820 of 3,634 stations differed).
            findings.append(Finding(grade="note", code="signed-in-differs", contest=contest))
        elif counted > signed_in:
            findings.append(Finding(grade="alarm", code="more-counted-than-signed-in", contest=contest))
    return findings


def _public_counter(ballots: Mapping[str, int], public_counter: int) -> list[Finding]:
    if public_counter == max(ballots.values(), default=0):
        return []
    return [Finding(grade="alarm", code="public-counter-differs", contest=None)]


def _sums(tally: Tally) -> list[Finding]:
    findings = []
    for contest, result in tally.contests.items():
        if sum(result.votes.values()) + (result.blank or 0) != result.valid:
            findings.append(Finding(grade="alarm", code="candidates-do-not-add-up", contest=contest))
        if result.valid + result.invalid != result.ballots:
            findings.append(Finding(grade="alarm", code="valid-and-invalid-do-not-add-up", contest=contest))
    return findings


def _account_against_tally(account: BallotAccount, tally: Tally, ballots: Mapping[str, int]) -> list[Finding]:
    findings = [
        Finding(grade="alarm", code="account-differs-from-tally", contest=contest)
        for contest in account.ballots.keys() | ballots.keys()
        if account.ballots.get(contest) != ballots.get(contest)
    ]
    unit_of_account = (account.branch, account.terminal, account.close_no, account.public_counter)
    if unit_of_account != (tally.branch, tally.terminal, tally.close_no, tally.public_counter):
        findings.append(Finding(grade="alarm", code="account-differs-from-tally", contest=None))
    return findings


def _sorted(findings: list[Finding]) -> tuple[Finding, ...]:
    return tuple(sorted(findings, key=lambda finding: (finding.contest or "", finding.code)))
