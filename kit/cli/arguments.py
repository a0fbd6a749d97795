"""What both command lines of the kit share: how they show their help, and the exit code for wrong usage."""

import argparse
import sys
from typing import NoReturn

from kit import exit_codes


class Parser(argparse.ArgumentParser):
    """Argparse with the project's exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with 64."""
        self.print_usage(sys.stderr)
        self.exit(exit_codes.USAGE, f"{self.prog}: {message}\n")


def program(name: str, description: str | None, examples: str) -> Parser:
    """The parser of one program; ``examples`` are printed as they are written."""
    return Parser(
        name, description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
