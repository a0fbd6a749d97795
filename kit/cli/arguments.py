"""What both command lines of the kit share: how they show their help, and the exit code for wrong usage."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final, NoReturn

from kit import exit_codes

DEFAULT_SOCKET: Final = "/run/branch-kit/kitd.sock"


class Parser(argparse.ArgumentParser):
    """Argparse with the project's exit code for wrong usage."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and leave with 64."""
        self.print_usage(sys.stderr)
        self.exit(exit_codes.USAGE, f"{self.prog}: {message}\n")


def default_socket() -> Path:
    """Where kitd listens, unless the command line says otherwise."""
    return Path(os.environ.get("KITD_SOCKET", DEFAULT_SOCKET))


def language() -> str:
    """``fa`` or ``en``, by the locale."""
    locale = os.environ.get("LC_ALL") or os.environ.get("LC_MESSAGES") or os.environ.get("LANG") or ""
    return "fa" if locale.startswith("fa") else "en"


def program(name: str, description: str | None, examples: str) -> Parser:
    """The parser of one program; ``examples`` are printed as they are written."""
    return Parser(
        name, description=description, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter
    )
