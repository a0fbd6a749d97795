"""Reports that a terminal signs: verified, and held against the manifest.

Whether the numbers add up is not asked here: that is evidence, see ``crypto/reconcile.py``. No message of this module
quotes a count, because a tally must stay secret until it is opened.
"""

from collections.abc import Mapping, Sequence
from typing import Final, Literal, TypeVar, overload

from crypto import codec, envelope
from crypto.envelope import Envelope
from crypto.errors import EncodingError, StatementError
from crypto.identity import key_id
from crypto.manifest import TrustedManifest
from crypto.statements import (
    BallotAccount,
    Contest,
    ContestResult,
    Statement,
    Tally,
    TerminalStatement,
    ZeroReport,
)
from crypto.wire import TYPE_BALLOT_ACCOUNT, TYPE_TALLY, TYPE_ZERO_REPORT

ReportKind = Literal["zero", "account", "tally"]

_TYPES: Final[dict[ReportKind, tuple[str, type[ZeroReport | BallotAccount | Tally]]]] = {
    "zero": (TYPE_ZERO_REPORT, ZeroReport),
    "account": (TYPE_BALLOT_ACCOUNT, BallotAccount),
    "tally": (TYPE_TALLY, Tally),
}

_S = TypeVar("_S", bound=TerminalStatement)


@overload
def check_report(
    data: bytes, manifest: TrustedManifest, *, branch: str, terminal: str, kind: Literal["zero"]
) -> ZeroReport: ...


@overload
def check_report(
    data: bytes, manifest: TrustedManifest, *, branch: str, terminal: str, kind: Literal["account"]
) -> BallotAccount: ...


@overload
def check_report(
    data: bytes, manifest: TrustedManifest, *, branch: str, terminal: str, kind: Literal["tally"]
) -> Tally: ...


def check_report(
    data: bytes, manifest: TrustedManifest, *, branch: str, terminal: str, kind: ReportKind
) -> ZeroReport | BallotAccount | Tally:
    """Verify the DSSE envelope of a terminal's report and hold it against the manifest.

    Raises:
        EncodingError, StatementError: not such a report, or one about something else than this terminal of this
            branch under this manifest; other contests or candidates than the manifest's (both are named); a zero
            report that is not all zero.
        SignatureInvalidError: not signed by this terminal alone.
        ManifestError: the manifest knows no such branch or terminal.
    """
    return check_report_envelope(
        Envelope.from_bytes(data), manifest, branch=branch, terminal=terminal, kind=kind
    )


@overload
def check_report_envelope(
    envelope_: Envelope, manifest: TrustedManifest, *, branch: str, terminal: str, kind: Literal["tally"]
) -> Tally: ...


@overload
def check_report_envelope(
    envelope_: Envelope, manifest: TrustedManifest, *, branch: str, terminal: str, kind: ReportKind
) -> ZeroReport | BallotAccount | Tally: ...


def check_report_envelope(
    envelope_: Envelope, manifest: TrustedManifest, *, branch: str, terminal: str, kind: ReportKind
) -> ZeroReport | BallotAccount | Tally:
    """``check_report`` of an envelope that has been read; raises as that does."""
    payload_type, type_ = _TYPES[kind]
    if terminal not in manifest.branch(branch).all_terminals:
        raise StatementError(f"terminal {terminal!r} does not belong to branch {branch!r}: check the cabling")
    public = manifest.terminal_key(terminal)
    envelope.verify(envelope_, payload_type=payload_type, keys={key_id(public): public})
    report = _parse(envelope_.payload, type_, terminal)
    _check_subject(report, manifest, branch, terminal)
    contests = manifest.contests_of(branch)
    if isinstance(report, BallotAccount):
        contest_ids = [contest.id for contest in contests]
        _check_ids(f"the ballot account of terminal {terminal!r}", "contest", report.ballots, contest_ids)
        return report
    check_results(report.contests, contests)
    if isinstance(report, ZeroReport):
        _check_zero(report)
    return report


def check_results(results: Mapping[str, ContestResult], contests: Sequence[Contest]) -> None:
    """Raise StatementError, naming contest and code, unless the results are of exactly these contests.

    Exactly: every contest, every candidate code, a blank column where and only where the contest has one.
    """
    _check_ids("the report", "contest", results, [contest.id for contest in contests])
    for contest in contests:
        result = results[contest.id]
        where = f"the result of contest {contest.id!r}"
        _check_ids(where, "code", result.votes, [candidate.code for candidate in contest.candidates])
        if (result.blank is not None) != contest.blank:
            raise StatementError(
                f"{where} {'lacks the' if contest.blank else 'has a'} blank column, against the manifest: the "
                f"terminal counts by another definition"
            )


def check_fields(what: str, statement: Statement, expected: Mapping[str, str | int]) -> None:
    """Raise StatementError for the first field of ``statement`` that is not what ``expected`` says."""
    for field, value in expected.items():
        stated = getattr(statement, field)
        if stated != value:
            raise StatementError(
                f"{what} states {field} {stated!r}, but {value!r} is expected: whoever signed it is set up for "
                f"something else"
            )


def _parse(payload: bytes, type_: type[_S], terminal: str) -> _S:
    try:
        return codec.from_bytes(payload, type_)
    except EncodingError:
        pass  # its message, and the exceptions behind it, may quote numbers of a tally
    raise EncodingError(
        f"the {type_.__name__} of terminal {terminal!r} is signed, but not canonical JSON: report this terminal"
    )


def _check_subject(report: TerminalStatement, manifest: TrustedManifest, branch: str, terminal: str) -> None:
    expected: dict[str, str | int] = {
        "election": manifest.manifest.election,
        "round": manifest.manifest.round,
        "branch": branch,
        "terminal": terminal,
        "manifest_sha256": manifest.sha256,
        "definition_sha256": manifest.definition_sha256(branch),
    }
    check_fields(f"the report of terminal {terminal!r}", report, expected)


def _check_ids(where: str, what: str, stated: Mapping[str, object], defined: Sequence[str]) -> None:
    """Refuse a missing or surplus id, the first in alphabetical order: messages are the same everywhere."""
    if len(stated) == len(defined) and all(map(stated.__contains__, defined)):
        return
    first = min(stated.keys() ^ set(defined))
    fault = "lacks" if first in defined else "has an undefined"
    raise StatementError(f"{where} {fault} {what} {first!r}: the terminal counts by another definition")


def _check_zero(report: ZeroReport) -> None:
    for contest, result in report.contests.items():
        for code, votes in result.votes.items():
            if votes:
                raise StatementError(f"the zero report counts votes for code {code!r} of contest {contest!r}")
        for column in ("blank", "valid", "invalid", "ballots"):
            if getattr(result, column):
                raise StatementError(f"the zero report counts {column} in contest {contest!r}")
    if report.public_counter:
        raise StatementError("the zero report has a public counter that is not zero")
