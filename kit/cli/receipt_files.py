"""What the commands on receipts share: new files, and how errors are told."""

import os
import sys
from pathlib import Path

from kit.cli.words import printable


def write_new(path: Path, data: bytes) -> None:
    """A new file, synced; nothing is ever overwritten. Raises OSError."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def fail(words: str, code: int) -> int:
    """Tell people what is wrong; returns the exit code."""
    print(printable(f"kitctl: {words}"), file=sys.stderr)
    return code
