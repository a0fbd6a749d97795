"""How kitctl tells people that something is wrong."""

import sys

from kit.cli.words import printable


def fail(words: str, code: int) -> int:
    """Tell people what is wrong, in words that move no cursor; returns the exit code."""
    print(printable(f"kitctl: {words}"), file=sys.stderr)
    return code
