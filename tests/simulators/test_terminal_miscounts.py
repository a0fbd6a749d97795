"""A dishonest terminal is found out by exactly the finding that its lie stands for; an honest one is not."""

import pytest

from crypto.reconcile import reconcile_account, reconcile_tally
from simulators.devices.terminal_reports import Dishonesty
from simulators.devices.terminal_wire import Kind
from tests.crypto.election_fixture import COUNCIL, MAYOR
from tests.simulators.terminal_asker import TRUTH, account_of, close_day, fetch, make_terminal, tally_of

BALLOTS = {contest_id: contest.ballots for contest_id, contest in TRUTH.items()}


def findings(*dishonest: Dishonesty) -> tuple[list[tuple[str, str | None]], list[tuple[str, str | None]]]:
    """Findings about the account alone, then about the tally and the account."""
    model = make_terminal(dishonest=dishonest)
    close_day(model)
    account = account_of(fetch(model, Kind.ACCOUNT))
    tally = tally_of(fetch(model, Kind.TALLY))
    return (
        [(finding.code, finding.contest) for finding in reconcile_account(account, {})],
        [(finding.code, finding.contest) for finding in reconcile_tally(tally, account, BALLOTS)],
    )


def test_honest_terminal_leaves_no_finding() -> None:
    assert findings() == ([], [])


@pytest.mark.parametrize(
    ("dishonesty", "account", "contest"),
    [
        ("candidates-do-not-add-up", [], COUNCIL),
        ("valid-and-invalid-do-not-add-up", [], COUNCIL),
        ("public-counter-differs", [("public-counter-differs", None)], None),
        ("account-differs-from-tally", [], MAYOR),
    ],
)
def test_each_lie_is_found(
    dishonesty: Dishonesty, account: list[tuple[str, str | None]], contest: str | None
) -> None:
    assert findings(dishonesty) == (account, [(dishonesty, contest)])


def test_all_lies_at_once_are_all_found() -> None:
    _, found = findings(
        "candidates-do-not-add-up",
        "valid-and-invalid-do-not-add-up",
        "public-counter-differs",
        "account-differs-from-tally",
    )
    assert found == [
        ("public-counter-differs", None),
        ("candidates-do-not-add-up", COUNCIL),
        ("valid-and-invalid-do-not-add-up", COUNCIL),
        ("account-differs-from-tally", MAYOR),
    ]
