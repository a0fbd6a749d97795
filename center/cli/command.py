"""What all commands share: exit codes, parser, how results are written and errors told."""

import argparse
import sys
from collections.abc import Callable
from typing import Any, Final, NoReturn

from center.errors import CenterError

OK: Final = 0
WARNING: Final = 1
CRITICAL: Final = 2
UNKNOWN: Final = 3
USAGE: Final = 64
DATA: Final = 65
BUG: Final = 70
QUEUED: Final = 75
PROGRESS_STEP: Final = 50  # items between two updates of the progress line

Run = Callable[[argparse.Namespace], int]
"""A command: takes its arguments, returns the exit code, raises CenterError."""


class Parser(argparse.ArgumentParser):
    """Argparse with the project's exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """End the program."""
        self.print_usage(sys.stderr)
        self.exit(USAGE, f"{self.prog}: {message}\n")


Commands = Any
"""What ``add_subparsers`` returns: argparse has no public name for it."""


def natural(text: str) -> int:
    """A number from 0 up to 2^63 - 1, for argparse."""
    if not text.isascii() or not text.isdecimal() or int(text) >= 2**63:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 0 up")
    return int(text)


def fail(program: str, error: CenterError) -> int:
    """Tell an error to people; returns the exit code."""
    print(f"{program}: {error}", file=sys.stderr)
    return error.exit_code


def progress_of(what: str) -> Callable[[int, int], None] | None:
    """A progress line on stderr (done, of all), None where nobody watches: stderr is no terminal."""

    def show(done: int, total: int) -> None:
        if done % PROGRESS_STEP == 0 or done == total:
            end = "\n" if done == total else ""
            print(f"\r{what}: {done} of {total}", end=end, file=sys.stderr, flush=True)

    return show if sys.stderr.isatty() else None
