"""``kit-ceremony``: from a plan to a signed manifest and an election key that nobody has. Files only, no network."""

import argparse
import io
import sys
from collections.abc import Sequence
from typing import Final, NoReturn

from center.cli import (
    ceremony_dkg,
    ceremony_key,
    ceremony_manifest,
    ceremony_plan,
    ceremony_rehearse,
    ceremony_share,
)
from center.cli.ceremony_desk import Desk, real_desk
from center.cli.command import DATA, UNKNOWN, Parser, Run, fail
from center.errors import CenterError
from crypto.errors import (
    EvidenceError,
    MemoryShortError,
    PassphraseError,
    WrongPassphraseOfKeyError,
)
from crypto.trustee_errors import UnusablePassphraseError, WrongPassphraseError

FORBIDDEN: Final = 77
UNAVAILABLE: Final = 69

_PROGRAM: Final = "kit-ceremony"
_EXAMPLES: Final = """the ceremony, in order (docs/ceremony.md has it as a table):
  plan check      agree on people, numbers and the ballot
  key new         everybody makes their key; the requests go to the coordinator
  enrol           the coordinator verifies and lists them
  dkg ...         the trustees make the election key (or, plan B: escrow new)
  manifest ...    build, show, sign, merge, verify
  share check, drill    before the machines are put away: is everything good?

examples:
  kit-ceremony rehearse /tmp/rehearsal             a whole ceremony with generated people, showing every command
  kit-ceremony dkg --help                          each command has examples

exit codes: 0 done, 1 done with something to be read, 64 usage, 65 refused: a file, signature or person is not right,
69 a file is missing, 73 cannot write or would overwrite, 77 wrong or unusable passphrase, 78 plan or options
"""


def main_ceremony(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``kit-ceremony``; ends the process with the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a bare machine may know no Persian: better escapes than an end
            stream.reconfigure(errors="backslashreplace")
    sys.exit(run_ceremony(sys.argv[1:] if argv is None else argv, real_desk()))


def run_ceremony(argv: Sequence[str], desk: Desk) -> int:
    """Run one command at a desk; returns the exit code. Wrong usage raises SystemExit, as argparse does."""
    parser = Parser(
        _PROGRAM,
        description="Make an election's keys and its manifest. Everything moves as files; no network is used.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for part in (
        ceremony_plan,
        ceremony_key,
        ceremony_dkg,
        ceremony_manifest,
        ceremony_share,
        ceremony_rehearse,
    ):
        part.add(commands)
    arguments = parser.parse_args(argv)
    arguments.desk = desk
    arguments.run_ceremony = run_ceremony
    run: Run = arguments.run
    try:
        return run(arguments)
    except CenterError as error:
        return fail(_PROGRAM, error)
    except EvidenceError as error:
        print(f"{_PROGRAM}: {error}", file=sys.stderr)
        return _code_of(error)
    except (EOFError, KeyboardInterrupt):
        print(f"\n{_PROGRAM}: stopped by hand; files already named as written are whole", file=sys.stderr)
        return UNKNOWN


def _code_of(error: EvidenceError) -> int:
    if isinstance(
        error, PassphraseError | WrongPassphraseOfKeyError | WrongPassphraseError | UnusablePassphraseError
    ):
        return FORBIDDEN
    return UNAVAILABLE if isinstance(error, MemoryShortError) else DATA
