"""Reconciliation: each disagreement has its finding, its grade and its place, and nothing is ever corrected."""

from msgspec import structs

from crypto.reconcile import reconcile_account, reconcile_tally
from crypto.statements import BallotAccount, ContestResult, Finding, Tally
from tests.crypto.election_fixture import (
    COUNCIL,
    MAYOR,
    PUBLIC_COUNTER,
    RESULTS,
    VOTERS_SIGNED_IN,
    make_election,
)

ELECTION = make_election()
ACCOUNT = ELECTION.account("branch-1")
TALLY = ELECTION.tally("branch-1")


def alarm(code: str, contest: str | None) -> Finding:
    return Finding(grade="alarm", code=code, contest=contest)  # type: ignore[arg-type]


def note(contest: str) -> Finding:
    return Finding(grade="note", code="signed-in-differs", contest=contest)


def tally_with(contest: str, **changes: int | dict[str, int]) -> Tally:
    changed = structs.replace(RESULTS[contest], **changes)
    return structs.replace(TALLY, contests={**RESULTS, contest: changed})


def account_with(**ballots: int) -> BallotAccount:
    return structs.replace(ACCOUNT, ballots={**ACCOUNT.ballots, **ballots})


def test_numbers_that_agree_give_no_finding() -> None:
    assert reconcile_account(ACCOUNT, VOTERS_SIGNED_IN) == ()
    assert reconcile_tally(TALLY, ACCOUNT, VOTERS_SIGNED_IN) == ()


def test_more_signed_in_than_counted_is_a_note() -> None:
    voters = {**VOTERS_SIGNED_IN, MAYOR: VOTERS_SIGNED_IN[MAYOR] + 1}
    assert reconcile_account(ACCOUNT, voters) == (note(MAYOR),)
    assert reconcile_tally(TALLY, ACCOUNT, voters) == (note(MAYOR),)


def test_more_counted_than_signed_in_is_an_alarm() -> None:
    voters = {**VOTERS_SIGNED_IN, MAYOR: VOTERS_SIGNED_IN[MAYOR] - 1}
    assert reconcile_account(ACCOUNT, voters) == (alarm("more-counted-than-signed-in", MAYOR),)
    assert reconcile_tally(TALLY, ACCOUNT, voters) == (alarm("more-counted-than-signed-in", MAYOR),)


def test_voters_signed_in_for_a_contest_that_was_not_counted_is_a_note() -> None:
    assert reconcile_account(ACCOUNT, {**VOTERS_SIGNED_IN, "mayor:9": 1}) == (note("mayor:9"),)


def test_a_contest_without_poll_book_is_not_compared() -> None:
    assert reconcile_account(ACCOUNT, {}) == ()
    assert reconcile_tally(TALLY, ACCOUNT, None) == ()


def test_candidates_do_not_add_up_to_valid() -> None:
    tally = tally_with(COUNCIL, votes={"2": 120, "5": 200, "41": 481})
    assert reconcile_tally(tally, ACCOUNT, None) == (alarm("candidates-do-not-add-up", COUNCIL),)


def test_blank_votes_count_towards_valid() -> None:
    assert reconcile_tally(tally_with(MAYOR, blank=11), None, None) == (
        alarm("candidates-do-not-add-up", MAYOR),
    )


def test_valid_and_invalid_do_not_add_up_to_ballots() -> None:
    tally = tally_with(MAYOR, invalid=6)
    assert reconcile_tally(tally, ACCOUNT, None) == (alarm("valid-and-invalid-do-not-add-up", MAYOR),)


def test_the_public_counter_is_not_the_greatest_number_of_ballots() -> None:
    for counter in (PUBLIC_COUNTER - 1, PUBLIC_COUNTER + 1):
        account = structs.replace(ACCOUNT, public_counter=counter)
        tally = structs.replace(TALLY, public_counter=counter)
        assert reconcile_account(account, {}) == (alarm("public-counter-differs", None),)
        assert reconcile_tally(tally, account, None) == (alarm("public-counter-differs", None),)


def test_the_public_counter_of_an_empty_account_is_zero() -> None:
    empty = structs.replace(ACCOUNT, ballots={}, public_counter=0)
    assert reconcile_account(empty, {}) == ()
    assert reconcile_account(structs.replace(empty, public_counter=1), {}) == (
        alarm("public-counter-differs", None),
    )


def test_account_and_tally_count_other_ballots() -> None:
    assert reconcile_tally(TALLY, account_with(**{MAYOR: 809}), None) == (
        alarm("account-differs-from-tally", MAYOR),
    )


def test_account_and_tally_count_other_contests() -> None:
    assert reconcile_tally(TALLY, account_with(**{"mayor:9": 0}), None) == (
        alarm("account-differs-from-tally", "mayor:9"),
    )


def test_the_account_is_of_another_unit_than_the_tally() -> None:
    whole = (alarm("account-differs-from-tally", None),)
    assert reconcile_tally(TALLY, structs.replace(ACCOUNT, close_no=2), None) == whole
    assert reconcile_tally(TALLY, structs.replace(ACCOUNT, terminal="terminal-9"), None) == whole
    assert reconcile_tally(TALLY, structs.replace(ACCOUNT, branch="branch-2"), None) == whole
    assert reconcile_tally(TALLY, structs.replace(ACCOUNT, public_counter=1), None) == whole


def test_findings_come_in_one_order_whatever_the_order_of_the_contests() -> None:
    wrong = ContestResult(votes={"2": 1}, valid=2, invalid=3, ballots=4)
    tallies = [
        structs.replace(TALLY, contests=dict(contests))
        for contests in ([(MAYOR, wrong), (COUNCIL, wrong)], [(COUNCIL, wrong), (MAYOR, wrong)])
    ]
    expected = (
        alarm("public-counter-differs", None),
        alarm("account-differs-from-tally", COUNCIL),
        alarm("candidates-do-not-add-up", COUNCIL),
        note(COUNCIL),
        alarm("valid-and-invalid-do-not-add-up", COUNCIL),
        alarm("account-differs-from-tally", MAYOR),
        alarm("candidates-do-not-add-up", MAYOR),
        note(MAYOR),
        alarm("valid-and-invalid-do-not-add-up", MAYOR),
    )
    assert [reconcile_tally(tally, ACCOUNT, VOTERS_SIGNED_IN) for tally in tallies] == [expected, expected]


def test_findings_tell_no_count() -> None:
    tally = tally_with(MAYOR, invalid=54321)
    for finding in reconcile_tally(tally, ACCOUNT, VOTERS_SIGNED_IN):
        assert "54321" not in repr(finding)
