"""kitctl tape: what the codes of a tally tape say, checked against the manifest, anywhere and without a network."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import msgspec

from crypto import tape_code
from crypto.codec import sha256_hex
from crypto.manifest import TrustedManifest
from crypto.statements import Tally
from kit import exit_codes
from kit.cli import journal_sources as sources
from kit.cli.arguments import program
from kit.cli.new_file import write_new
from kit.cli.outcome import outcome
from kit.cli.trust import trust_options, trusted_manifest
from kit.cli.words import printable

EXAMPLES: Final = """examples:
  zbarimg --quiet --raw photo-*.jpg > codes.txt                     any reader of QR codes will do
  kitctl tape read codes.txt --config kitd.toml                     the counts, and that the terminal signed them
  kitctl tape read codes.txt --config kitd.toml --envelope tally.dsse.json     its signed statement, as a new file

exit codes: 0 the terminal signed it, 64 usage, 65 codes missing or misread, or a wrong signature, 69 no such file,
73 cannot write, 78 configuration
"""
CODES_MAX: Final = 1 << 20  # bytes of the texts of all codes
_PREFIX: Final = "QR-Code:"  # zbarimg without --raw


def main(arguments: list[str]) -> NoReturn:
    """``kitctl tape ...``: parse, run, leave with an exit code."""
    parser = program("kitctl tape", __doc__, EXAMPLES)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    read = commands.add_parser("read", parents=[trust_options()], help="check what a reader of codes read")
    read.add_argument(
        "file", type=Path, metavar="FILE", help="the texts of the codes, one a line, in any order"
    )
    read.add_argument("--envelope", type=Path, metavar="FILE", help="write the terminal's signed statement")
    read.add_argument("--json", action="store_true", help="print the statement as JSON")
    sys.exit(outcome(_read, parser.parse_args(arguments)))


def _read(given: argparse.Namespace) -> int:
    """``kitctl tape read``."""
    manifest = trusted_manifest(given)
    text = sources.limited(given.file, CODES_MAX).decode("ascii", errors="replace")
    lines = (line.strip("\r").removeprefix(_PREFIX) for line in text.split("\n"))
    tally, envelope = tape_code.read([line for line in lines if line.strip()], manifest)
    if given.envelope is not None:
        write_new(given.envelope, envelope)
    if given.json:
        statement: dict[str, Any] = msgspec.to_builtins(tally)
        print(json.dumps(statement | {"envelope_sha256": sha256_hex(envelope)}, ensure_ascii=False))
    else:
        print("\n".join(map(printable, _lines(tally, envelope, manifest))))
    return exit_codes.OK


def _lines(tally: Tally, envelope: bytes, manifest: TrustedManifest) -> list[str]:
    """The counts with the manifest's names."""
    lines = [
        f"signed by terminal {tally.terminal} of branch {tally.branch}, close {tally.close_no}",
        f"SHA-256 {sha256_hex(envelope)}",
    ]
    for contest in manifest.contests_of(tally.branch):
        result = tally.contests[contest.id]
        lines.append(f"{contest.id} {contest.title}")
        lines += [
            f"  {result.votes[candidate.code]:>8}  {candidate.code}  {candidate.name}"
            for candidate in contest.candidates
        ]
        counts = {
            "blank": result.blank,
            "valid": result.valid,
            "invalid": result.invalid,
            "ballots": result.ballots,
        }
        lines += [f"  {count:>8}  {name}" for name, count in counts.items() if count is not None]
    return [*lines, f"public counter {tally.public_counter}"]
