"""``center audit``: a stranger's look at a publication."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from center.audit.auditing import Auditor, Sample
from center.audit.record import Progress, printable
from center.audit.sampling import DICE_MIN
from center.audit.types import AuditReport
from center.cli.command import CRITICAL, DATA, OK, PROGRESS_STEP, WARNING, Commands, natural
from center.cli.manifest_keys import add_manifest_keys, manifest_keys
from center.cli.workers import Workers
from center.errors import ConfigError, PublicationMissingError
from center.opening.types import OpenedUnit
from center.summary import finding_line

SHOWN_MAX: Final = 50  # faults, remarks or findings printed in words; --json has all of them

_EXAMPLES: Final = """examples:
  center audit public --manifest-key KEY1 --manifest-key KEY2 --manifest-key KEY3 --threshold 2
  center audit public --manifest-key KEY1 --previous last-week --json
  center audit public --manifest-key KEY1 --promise my-receipt.txt --promise my-acknowledgement.txt
  center audit public --manifest-key KEY1 --sample 20 --dice 31415926535897932384    whose tapes to look at

The keys are the only thing that you have to get from people whom you trust. Nothing else is believed.
exit codes: 0 all that can be recomputed agrees, 1 so it does, with something absent, late or not witnessed, 2 numbers
that do not agree or units set aside, 65 something was changed, forged, lost or contradicts itself, 69 no publication
"""

_WORDS: Final = {
    "good": "GOOD: everything that can be recomputed was, and agrees",
    "remarks": "GOOD, WITH REMARKS: everything that can be recomputed agrees; read the remarks",
    "alarms": "ALARMS: the publication is sound; numbers in it do not agree, or units are set aside",
    "faults": "FAULTS: this publication is not what was signed, or contradicts itself",
}
_CODES: Final = {"good": OK, "remarks": WARNING, "alarms": CRITICAL, "faults": DATA}


def add(commands: Commands) -> None:
    """Add the command to the parser of ``center``."""
    audit = commands.add_parser(
        "audit",
        help="recompute a publication, trusting nothing but the manifest keys",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    audit.add_argument("folder", type=Path, metavar="DIR", help="what center publish wrote")
    add_manifest_keys(audit)
    audit.add_argument(
        "--previous", type=Path, metavar="DIR", help="an older copy: the log may only have grown"
    )
    audit.add_argument(
        "--promise",
        dest="promises",
        type=Path,
        default=[],
        action="append",
        metavar="FILE",
        help="a receipt or acknowledgement that somebody holds: its envelope must be published; once for each",
    )
    audit.add_argument(
        "--sample", type=natural, metavar="N", help="draw N branches by --dice, to compare their tapes with"
    )
    audit.add_argument(
        "--dice", metavar="DIGITS", help=f"at least {DICE_MIN} digits, thrown in public after the publication"
    )
    audit.add_argument("--json", action="store_true", help="one JSON object instead of words")
    audit.set_defaults(run=_run)


def _run(arguments: argparse.Namespace) -> int:
    trusted, threshold = manifest_keys(arguments)
    for folder in (arguments.folder, arguments.previous):
        if folder is not None and not folder.is_dir():
            raise PublicationMissingError(f"{folder}: no such folder: give what center publish wrote")
    sample = _sample(arguments.sample, arguments.dice)
    with Workers() as spread:
        auditor = Auditor(
            arguments.folder,
            trusted=trusted,
            threshold=threshold,
            previous=arguments.previous,
            promises=arguments.promises,
            sample=sample,
            progress=_progress(),
            spread=spread,
        )
        report = auditor.audit()
    if arguments.json:
        print(json.dumps(msgspec.to_builtins(report), ensure_ascii=False))
    else:
        print("\n".join(_lines(report)))
    return _CODES[report.verdict]


def _sample(count: int | None, dice: str | None) -> Sample | None:
    if count is None and dice is None:
        return None
    if count is None or dice is None:
        raise ConfigError("--sample and --dice belong together: how many branches, and by which throw")
    if len(dice) < DICE_MIN or not (dice.isascii() and dice.isdecimal()):
        raise ConfigError(
            f"--dice {dice}: at least {DICE_MIN} decimal digits, or somebody could foresee the draw"
        )
    return Sample(count, dice)


def _lines(report: AuditReport) -> Iterator[str]:
    yield _WORDS[report.verdict]
    yield ""
    if report.election is not None:
        yield f"election {report.election}, manifest {report.manifest_sha256}"
    yield "checked: " + (", ".join(f"{what} {times}" for what, times in report.checked.items()) or "nothing")
    yield from report.how_opened
    if report.units:
        yield "units: " + ", ".join(f"{number} {status}" for status, number in report.units.items())
    for contest, total in report.contests.items():
        votes = ", ".join(f"{code}: {number}" for code, number in total.votes.items())
        blank = "" if total.blank is None else f", blank: {total.blank}"
        yield f"{contest}  {votes}{blank}  valid {total.valid}, invalid {total.invalid}, ballots {total.ballots}"
    yield from _section("faults", [f"{one.file}: {one.problem}" for one in report.faults])
    yield from _section("remarks", [f"{one.file}: {one.problem}" for one in report.remarks])
    yield from _section("findings of reconciliation", [finding_line(one) for one in report.findings])
    yield from _section("drawn by lot: compare with their tapes", list(map(_drawn_line, report.sample)))
    yield from _section("NOT checked, for it cannot be from here", list(report.not_checked))


def _drawn_line(unit: OpenedUnit) -> str:
    results = "; ".join(
        f"{contest} {', '.join(f'{code}: {votes}' for code, votes in result.votes.items())}"
        f"{'' if result.blank is None else f', blank: {result.blank}'}, valid {result.valid}, invalid {result.invalid}"
        for contest, result in unit.contests.items()
    )
    return f"{unit.branch} {unit.terminal}: {results or f'{unit.status}: {unit.reason}'}"


def _section(title: str, lines: list[str]) -> Iterator[str]:
    if not lines:
        return
    yield ""
    yield f"{title}:"
    for line in lines[:SHOWN_MAX]:
        yield f"  - {printable(line)}"
    if len(lines) > SHOWN_MAX:
        yield f"  and {len(lines) - SHOWN_MAX} more: --json shows them all"


def _progress() -> Progress | None:
    def show(what: str, done: int, total: int) -> None:
        if done % PROGRESS_STEP == 0 or done == total:
            end = "\n" if done == total else ""
            print(f"\r{what}: {done} of {total}", end=end, file=sys.stderr, flush=True)

    return show if sys.stderr.isatty() else None
