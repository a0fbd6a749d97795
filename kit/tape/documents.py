"""What stands on the zero tape and on the tally tape."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from crypto import tape_code
from crypto.manifest import TrustedManifest
from crypto.reports import check_report
from crypto.statements import ContestResult, Finding, TerminalStatement
from kit.tape import words
from kit.tape.blocks import Block, Both, Code, Gap, Line, Row, Rule
from kit.tape.words import Words

SIGNATURE_ROWS: Final = 120  # dots: 15 mm
_GROUP: Final = 8  # characters of a fingerprint that are read out together
_GROUPS: Final = 4  # of them on a line


@dataclass(frozen=True, slots=True, repr=False)
class Subject:
    """What is to be printed. Has no repr: it holds a tally in plain."""

    terminal: str
    report: bytes
    """The terminal's signed zero report or tally (DSSE)."""
    at: str
    """When, as the kit reckons: RFC 3339."""
    copy: int
    """From 1; all before it broke off."""
    findings: tuple[Finding, ...] = ()


def zero_tape(subject: Subject, manifest: TrustedManifest, branch: str) -> tuple[Block, ...]:
    """The tape of the morning: nothing is counted yet, and this is the manifest. Raises as ``check_report``."""
    report = check_report(subject.report, manifest, branch=branch, terminal=subject.terminal, kind="zero")
    return (
        *_head(words.ZERO, subject, report, manifest),
        *_results(report.contests, report.public_counter, manifest, branch),
        *_foot(subject),
    )


def tally_tape(subject: Subject, manifest: TrustedManifest, branch: str) -> tuple[Block, ...]:
    """The tape of the evening; its codes carry the terminal's signed tally whole. Raises as ``check_report``."""
    report = check_report(subject.report, manifest, branch=branch, terminal=subject.terminal, kind="tally")
    codes = tape_code.write(subject.report, manifest, branch=branch, terminal=subject.terminal)
    return (
        *_head(words.TALLY, subject, report, manifest),
        _fact(words.CLOSE_NO, str(report.close_no)),
        *_results(report.contests, report.public_counter, manifest, branch),
        *_findings(subject.findings),
        *_codes(codes),
        *_foot(subject),
    )


def _head(
    title: Words, subject: Subject, report: TerminalStatement, manifest: TrustedManifest
) -> Iterator[Block]:
    yield Line(title.persian, "large", centred=True)
    yield Line(title.english, "large", centred=True)
    if subject.copy > 1:
        yield Both(*words.BROKE_OFF)
    yield _fact(words.COPY, str(subject.copy))
    yield Rule()
    yield _fact(words.ELECTION, report.election)
    yield _fact(words.ROUND, str(report.round))
    yield _fact(words.BRANCH, report.branch)
    yield Line(manifest.branch(report.branch).name)
    yield _fact(words.TERMINAL, report.terminal)
    yield _fact(words.PRINTED, subject.at)
    yield from _fingerprint(words.MANIFEST, report.manifest_sha256)
    yield from _fingerprint(words.DEFINITION, report.definition_sha256)


def _results(
    results: Mapping[str, ContestResult], counter: int, manifest: TrustedManifest, branch: str
) -> Iterator[Block]:
    for contest in manifest.contests_of(branch):
        result = results[contest.id]
        yield Rule()
        yield Line(contest.title)
        yield Line(contest.id, "small")
        for candidate in contest.candidates:
            yield Row(candidate.name, candidate.code, str(result.votes[candidate.code]))
        columns = [
            (words.VALID, result.valid),
            (words.INVALID, result.invalid),
            (words.BALLOTS, result.ballots),
        ]
        if result.blank is not None:
            columns.insert(0, (words.BLANK, result.blank))
        for column, count in columns:
            yield Row(f"{column.persian} - {column.english}", "", str(count))
    yield Rule()
    yield Row(f"{words.COUNTER.persian} - {words.COUNTER.english}", "", str(counter))


def _findings(findings: tuple[Finding, ...]) -> Iterator[Block]:
    yield Rule()
    if not findings:
        yield Both(
            f"{words.FINDINGS.persian}: {words.NONE.persian}",
            f"{words.FINDINGS.english}: {words.NONE.english}",
        )
        return
    yield Both(*words.FINDINGS)
    for finding in findings:
        grade, said = words.GRADE[finding.grade], words.FINDING[finding.code]
        yield Both(f"{grade.persian}: {said.persian}", f"{grade.english}: {said.english}")
        if finding.contest is not None:
            yield Line(finding.contest, "small")


def _codes(codes: list[str]) -> Iterator[Block]:
    yield Rule()
    yield Both(*words.CODES, "small")
    for number, code in enumerate(codes, 1):
        yield Line(f"{number}/{len(codes)}", "small", centred=True)
        yield Code(code)


def _foot(subject: Subject) -> Iterator[Block]:
    yield Rule()
    yield from _fingerprint(words.REPORT, sha256(subject.report).hexdigest())
    yield Both(*words.SIGNATURES, "small")
    yield Gap(SIGNATURE_ROWS)
    yield Rule()
    yield Both(*words.END, "small")


def _fact(name: Words, value: str) -> Block:
    return Both(
        name.persian, f"{name.english}: {value}"
    )  # digits and dashes keep their order between Latin letters


def _fingerprint(name: Words, digest: str) -> Iterator[Block]:
    yield Both(*name, "small")
    groups = [digest[at : at + _GROUP] for at in range(0, len(digest), _GROUP)]
    for at in range(0, len(groups), _GROUPS):
        yield Line(" ".join(groups[at : at + _GROUPS]), "small")
