"""One terminal's evidence judged: which tally counts, or why none does, and what does not agree.

A terminal counts once, for one close. Two different tallies of one terminal are both set aside, and nothing of either
is shown: two counts a few voters apart would tell what those few voted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from center.opening.disclosure import disclose
from center.opening.evidence import SeenAccount, SeenTally, TerminalEvidence
from center.opening.listing import ListedUnit
from center.opening.types import OpenedUnit, OpeningFinding
from crypto.reconcile import reconcile_account, reconcile_tally
from crypto.statements import BallotAccount, Finding, Tally


@dataclass(frozen=True, slots=True)
class Judgement:
    """``tally`` is what to sum, None unless the unit is counted."""

    unit: OpenedUnit
    tally: Tally | None
    findings: tuple[OpeningFinding, ...]


def judge(branch: str, terminal: str, evidence: TerminalEvidence, *, own_poll_book: bool) -> Judgement:
    """Judge one terminal. ``own_poll_book``: the voters signed in are this terminal's, not those of several."""
    findings = [
        _finding("alarm", "tally-does-not-open", branch, terminal, sha256=seen.sha256)
        for seen in evidence.tallies
        if seen.opened is None
    ]
    contents = _contents(evidence.tallies)
    if len(contents) != 1:
        unit = _not_counted(branch, terminal, evidence, len(contents))
        if len(contents) > 1:
            findings.append(_finding("alarm", "clash", branch, terminal, numbers={"tallies": len(contents)}))
        findings += _of_accounts(branch, terminal, evidence, own_poll_book=own_poll_book)
        return Judgement(unit, None, _distinct(findings))
    tally = next(iter(contents.values()))
    if sum(seen.opened is not None for seen in evidence.tallies) > 1:
        findings.append(_finding("note", "same-tally-again", branch, terminal))
    findings += _against_accounts(tally, evidence.accounts, own_poll_book=own_poll_book)
    unit = OpenedUnit(
        branch=branch,
        terminal=terminal,
        close_no=tally.close_no,
        status="counted",
        reason=None,
        envelopes=tuple(seen.sha256 for seen in evidence.tallies),
        contests=tally.contests,
        public_counter=tally.public_counter,
        disclosures=tuple(disclose(seen.sha256, seen.opened) for seen in evidence.tallies if seen.opened),
    )
    return Judgement(unit, tally, _distinct(findings))


def judge_listed(
    listed: ListedUnit, evidence: TerminalEvidence, order: int | None, *, own_poll_book: bool
) -> Judgement:
    """Judge a terminal as a listing decided. ``order`` is the number of the order that opens it, None without one."""
    seen = next((one for one in evidence.tallies if one.sha256 == listed.envelope_sha256), None)
    status, reason = listed.status, listed.reason
    findings: list[OpeningFinding] = []
    if listed.status == "counted" and (seen is None or seen.opened is None):
        # Sealed under another key or header: nobody can know before.
        fault = "it is not in the log" if seen is None else seen.fault
        status, reason = "set-aside", f"its envelope does not open: {fault}"
        sha256 = listed.envelope_sha256
        findings.append(
            _finding("alarm", "tally-does-not-open", listed.branch, listed.terminal, sha256=sha256)
        )
    opened = None if seen is None or status != "counted" else seen.opened
    if opened is None:
        findings += _of_accounts(listed.branch, listed.terminal, evidence, own_poll_book=own_poll_book)
    else:
        findings += _against_accounts(opened.tally, evidence.accounts, own_poll_book=own_poll_book)
    closes = {one.close_no for one in evidence.tallies}
    unit = OpenedUnit(
        branch=listed.branch,
        terminal=listed.terminal,
        close_no=opened.tally.close_no if opened else closes.pop() if len(closes) == 1 else None,
        status=status,
        reason=None if opened and listed.code == "only-one" else reason,
        envelopes=listed.envelopes,
        contests=opened.tally.contests if opened else {},
        public_counter=opened.tally.public_counter if opened else None,
        disclosures=(disclose(seen.sha256, opened),) if seen and opened else (),
        code=listed.code,
        order=order if opened else None,
        adjudication=listed.adjudication,
    )
    return Judgement(unit, opened.tally if opened else None, _distinct(findings))


def poll_book_findings(
    branch: str, ballots: Mapping[str, int], voters_signed_in: Mapping[str, int]
) -> list[OpeningFinding]:
    """Compare the ballots of all terminals of a branch with its one poll book (as reconcile, for several)."""
    findings = []
    for contest, signed_in in voters_signed_in.items():
        numbers = {"signed_in": signed_in, "ballots": ballots.get(contest, 0)}
        if signed_in > numbers["ballots"]:
            findings.append(
                _finding("note", "signed-in-differs", branch, None, contest=contest, numbers=numbers)
            )
        elif signed_in < numbers["ballots"]:
            code = "more-counted-than-signed-in"
            findings.append(_finding("alarm", code, branch, None, contest=contest, numbers=numbers))
    return findings


def _contents(tallies: list[SeenTally]) -> dict[bytes, Tally]:
    """The different tallies that the terminal signed, by the bytes that it signed."""
    return {
        seen.opened.tally_envelope.payload: seen.opened.tally for seen in tallies if seen.opened is not None
    }


def _not_counted(branch: str, terminal: str, evidence: TerminalEvidence, contents: int) -> OpenedUnit:
    closes = sorted({seen.close_no for seen in evidence.tallies})
    if contents > 1:
        reason = "clash: the terminal signed different tallies; officials have to settle it"
    elif evidence.tallies:
        faults = "; ".join(seen.fault for seen in evidence.tallies if seen.fault is not None)
        reason = f"no tally of it opens: {faults}"
    elif evidence.accounts:
        reason = "its ballot account arrived, its tally did not"
    else:
        reason = "nothing arrived from it"
    return OpenedUnit(
        branch=branch,
        terminal=terminal,
        close_no=closes[0] if len(closes) == 1 else None,
        status="set-aside" if evidence.tallies else "absent",
        reason=reason,
        envelopes=tuple(seen.sha256 for seen in evidence.tallies),
        contests={},
        public_counter=None,
    )


def _of_accounts(
    branch: str, terminal: str, evidence: TerminalEvidence, *, own_poll_book: bool
) -> list[OpeningFinding]:
    """What the accounts show by themselves, where there is no tally to hold them against."""
    findings: list[OpeningFinding] = []
    for account in evidence.accounts:
        voters = account.voters_signed_in if own_poll_book else {}
        found = reconcile_account(account.account, voters)
        findings += [_numbered(one, branch, terminal, None, account.account, voters) for one in found]
    return findings


def _against_accounts(
    tally: Tally, accounts: list[SeenAccount], *, own_poll_book: bool
) -> list[OpeningFinding]:
    branch, terminal = tally.branch, tally.terminal
    same_close = sorted((a for a in accounts if a.account.close_no == tally.close_no), key=lambda a: a.leaf)
    findings: list[OpeningFinding] = []
    if not same_close:
        findings.append(_finding("note", "account-missing", branch, terminal))
        findings += [
            _numbered(one, branch, terminal, tally, None, {}) for one in reconcile_tally(tally, None, None)
        ]
    if len({seen.content for seen in same_close}) > 1:
        findings.append(_finding("alarm", "several-accounts", branch, terminal))
    for seen in same_close:
        voters = seen.voters_signed_in if own_poll_book else {}
        found = reconcile_tally(tally, seen.account, voters)
        findings += [_numbered(one, branch, terminal, tally, seen.account, voters) for one in found]
    return findings


def _numbered(
    finding: Finding,
    branch: str,
    terminal: str,
    tally: Tally | None,
    account: BallotAccount | None,
    voters: Mapping[str, int],
) -> OpeningFinding:
    """The finding with the numbers that it compared."""
    numbers = _numbers(finding, tally, account, voters)
    return _finding(finding.grade, finding.code, branch, terminal, contest=finding.contest, numbers=numbers)


def _numbers(
    finding: Finding, tally: Tally | None, account: BallotAccount | None, voters: Mapping[str, int]
) -> dict[str, int]:
    contest = finding.contest
    ballots = account.ballots if account is not None else {}
    counter = account.public_counter if account is not None else 0
    if tally is not None:
        ballots, counter = (
            {name: result.ballots for name, result in tally.contests.items()},
            tally.public_counter,
        )
    if finding.code == "public-counter-differs" or (
        finding.code == "account-differs-from-tally" and contest is None
    ):
        numbers = {"public_counter": counter, "ballots_max": max(ballots.values(), default=0)}
        if finding.code == "account-differs-from-tally" and account is not None:
            numbers["account_public_counter"] = account.public_counter
        return numbers
    if contest is None:
        return {}
    if finding.code == "account-differs-from-tally":
        stated = account.ballots.get(contest, 0) if account is not None else 0
        return {"ballots": ballots.get(contest, 0), "account_ballots": stated}
    if finding.code in {"signed-in-differs", "more-counted-than-signed-in"}:
        return {"ballots": ballots.get(contest, 0), "signed_in": voters[contest]}
    if tally is None:
        return {}
    result = tally.contests[contest]
    if finding.code == "candidates-do-not-add-up":
        return {"votes": sum(result.votes.values()), "blank": result.blank or 0, "valid": result.valid}
    return {"valid": result.valid, "invalid": result.invalid, "ballots": result.ballots}


def _finding(
    grade: Literal["note", "alarm"],
    code: str,
    branch: str,
    terminal: str | None,
    *,
    contest: str | None = None,
    numbers: Mapping[str, int] | None = None,
    sha256: str | None = None,
) -> OpeningFinding:
    return OpeningFinding(
        grade=grade,
        code=code,
        branch=branch,
        terminal=terminal,
        contest=contest,
        numbers=dict(numbers or {}),
        envelope_sha256=sha256,
    )


def _distinct(findings: list[OpeningFinding]) -> tuple[OpeningFinding, ...]:
    """Each finding once: two copies of one account find the same twice."""
    return tuple(finding for index, finding in enumerate(findings) if finding not in findings[:index])
