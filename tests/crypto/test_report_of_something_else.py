"""A terminal's report is believed only from that terminal, for this branch, under this manifest, and complete."""

from typing import Any, Literal

import pytest
from msgspec import structs

from crypto import codec, envelope
from crypto.errors import EvidenceError, ManifestError, SignatureInvalidError, StatementError
from crypto.reports import check_report
from crypto.statements import BallotAccount, ContestResult, Tally, ZeroReport
from crypto.wire import TYPE_TALLY
from tests.crypto.election_fixture import COUNCIL, MAYOR, make_election

WORLD = make_election(terminals_per_branch=2)
Kind = Literal["zero", "account", "tally"]
REPORTS: dict[Kind, ZeroReport | BallotAccount | Tally] = {
    "zero": WORLD.zero_report("branch-1"),
    "account": WORLD.account("branch-1"),
    "tally": WORLD.tally("branch-1"),
}
ALL = pytest.mark.parametrize("kind", REPORTS)


def check(
    data: bytes, kind: Kind, branch: str = "branch-1", terminal: str = "terminal-1-1"
) -> ZeroReport | BallotAccount | Tally:
    return check_report(data, WORLD.loaded, branch=branch, terminal=terminal, kind=kind)


def signed(report: ZeroReport | BallotAccount | Tally, terminal: str = "terminal-1-1") -> bytes:
    return WORLD.signed(report, WORLD.terminals[terminal]).to_bytes()


@ALL
def test_a_good_report_is_believed(kind: Kind) -> None:
    assert check(signed(REPORTS[kind]), kind) == REPORTS[kind]


@ALL
@pytest.mark.parametrize(
    "change",
    [
        {"election": "councils-6"},
        {"round": 2},
        {"branch": "branch-2"},
        {"terminal": "terminal-1-2"},
        {"manifest_sha256": "00" * 32},
        {"definition_sha256": "00" * 32},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_report_about_something_else_names_the_field(kind: Kind, change: dict[str, Any]) -> None:
    with pytest.raises(StatementError, match=f"states {next(iter(change))} "):
        check(signed(structs.replace(REPORTS[kind], **change)), kind)


@ALL
def test_a_report_signed_by_another_terminal_is_refused(kind: Kind) -> None:
    with pytest.raises(SignatureInvalidError):
        check(signed(REPORTS[kind], "terminal-1-2"), kind)


@ALL
def test_a_report_that_the_device_signed_is_refused(kind: Kind) -> None:
    with pytest.raises(SignatureInvalidError):
        check(WORLD.signed(REPORTS[kind], WORLD.devices["device-1"]).to_bytes(), kind)


@ALL
def test_a_second_signature_on_a_report_is_refused(kind: Kind) -> None:
    both = envelope.merge(
        WORLD.signed_by_terminal(REPORTS[kind]), WORLD.signed(REPORTS[kind], WORLD.devices["device-1"])
    )
    with pytest.raises(SignatureInvalidError):
        check(both.to_bytes(), kind)


@pytest.mark.parametrize(
    ("sent", "expected"), [("zero", "tally"), ("account", "tally"), ("tally", "account"), ("tally", "zero")]
)
def test_one_report_does_not_pass_for_another(sent: Kind, expected: Kind) -> None:
    with pytest.raises(SignatureInvalidError):
        check(signed(REPORTS[sent]), expected)


def test_the_type_inside_is_checked_too() -> None:
    data = envelope.sign(
        TYPE_TALLY, codec.to_bytes(REPORTS["zero"]), [WORLD.terminals["terminal-1-1"]]
    ).to_bytes()
    with pytest.raises(StatementError):
        check(data, "tally")


@ALL
def test_a_terminal_of_another_branch_is_refused(kind: Kind) -> None:
    with pytest.raises(StatementError, match="'terminal-2-1' does not belong to branch 'branch-1'"):
        check(signed(REPORTS[kind]), kind, terminal="terminal-2-1")
    with pytest.raises(ManifestError, match="branch-9"):
        check(signed(REPORTS[kind]), kind, branch="branch-9")


@ALL
def test_any_flipped_byte_is_refused(kind: Kind) -> None:
    data = signed(REPORTS[kind])
    for place in range(0, len(data), 3):
        with pytest.raises(EvidenceError):
            check(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :], kind)


NOTHING = ContestResult(votes={}, valid=0, invalid=0, ballots=0)


@pytest.mark.parametrize("kind", ["zero", "tally"])
@pytest.mark.parametrize(
    ("contest", "change", "message"),
    [
        (COUNCIL, {"votes": {"2": 0, "5": 0}}, f"contest '{COUNCIL}' lacks code '41'"),
        (
            COUNCIL,
            {"votes": {"2": 0, "5": 0, "41": 0, "042": 0}},
            f"contest '{COUNCIL}' has an undefined code '042'",
        ),
        (COUNCIL, {"blank": 0}, f"contest '{COUNCIL}' has a blank column"),
        (MAYOR, {"blank": None}, f"contest '{MAYOR}' lacks the blank column"),
    ],
)
def test_codes_of_another_definition_are_named(
    kind: Literal["zero", "tally"], contest: str, change: dict[str, Any], message: str
) -> None:
    report = REPORTS[kind]
    assert not isinstance(report, BallotAccount)
    changed = structs.replace(report.contests[contest], **change)
    report = structs.replace(report, contests={**report.contests, contest: changed})
    with pytest.raises(StatementError, match=message):
        check(signed(report), kind)


@pytest.mark.parametrize("kind", ["zero", "tally"])
def test_contests_of_another_definition_are_named(kind: Literal["zero", "tally"]) -> None:
    report = REPORTS[kind]
    assert not isinstance(report, BallotAccount)
    with pytest.raises(StatementError, match=f"lacks contest '{MAYOR}'"):
        check(signed(structs.replace(report, contests={COUNCIL: report.contests[COUNCIL]})), kind)
    with pytest.raises(StatementError, match="has an undefined contest 'mayor:2'"):
        check(signed(structs.replace(report, contests={**report.contests, "mayor:2": NOTHING})), kind)


@pytest.mark.parametrize(
    ("ballots", "message"),
    [({COUNCIL: 1}, f"lacks contest '{MAYOR}'"), ({COUNCIL: 1, MAYOR: 1, "x": 1}, "undefined contest 'x'")],
)
def test_an_account_of_other_contests_is_refused(ballots: dict[str, int], message: str) -> None:
    with pytest.raises(StatementError, match=message):
        check(signed(structs.replace(REPORTS["account"], ballots=ballots)), "account")


@pytest.mark.parametrize(
    ("contest", "change", "message"),
    [
        (COUNCIL, {"votes": {"2": 0, "5": 1, "41": 0}}, f"code '5' of contest '{COUNCIL}'"),
        (MAYOR, {"blank": 1}, f"blank in contest '{MAYOR}'"),
        (MAYOR, {"valid": 1}, f"valid in contest '{MAYOR}'"),
        (MAYOR, {"invalid": 1}, f"invalid in contest '{MAYOR}'"),
        (MAYOR, {"ballots": 1}, f"ballots in contest '{MAYOR}'"),
    ],
)
def test_a_zero_report_that_is_not_zero_is_refused(
    contest: str, change: dict[str, Any], message: str
) -> None:
    report = WORLD.zero_report("branch-1")
    changed = structs.replace(report.contests[contest], **change)
    with pytest.raises(StatementError, match=message):
        check(signed(structs.replace(report, contests={**report.contests, contest: changed})), "zero")


def test_a_zero_report_whose_counter_is_not_zero_is_refused() -> None:
    with pytest.raises(StatementError, match="public counter"):
        check(signed(structs.replace(REPORTS["zero"], public_counter=1)), "zero")


def test_sums_that_do_not_add_up_are_evidence_and_no_reason_to_refuse() -> None:
    tally = WORLD.tally("branch-1", public_counter=0)
    changed = structs.replace(tally.contests[MAYOR], valid=0, ballots=9)
    tally = structs.replace(tally, contests={**tally.contests, MAYOR: changed})
    assert check(signed(tally), "tally") == tally
