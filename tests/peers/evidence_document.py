"""docs/evidence.md runs: its commands, over the example beside it, show what the page says that they show.

    python -m tests.peers.evidence_document      writes what they show now into the page

A block of the page (fenced as ``console``) is one shell: lines after ``$ `` are commands, ``> `` continues one, all
the rest is what it prints. Each block begins in the folder of the example, with its functions (``check.sh``) read in.
"""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

DOCS: Final = Path(__file__).parents[2] / "docs"
PAGE: Final = DOCS / "evidence.md"
EXAMPLE: Final = DOCS / "evidence"
BLOCK_S: Final = 120  # Go compiles its programs

_BLOCK: Final = re.compile(r"(?<=^```console\n).*?(?=^```$)", re.MULTILINE | re.DOTALL)
_MARK: Final = "--- next command ---"


class BlockError(Exception):
    """A command of the page failed; the message says which block, and what it wrote."""


@dataclass(frozen=True)
class Step:
    """One command, and what the page says that it prints."""

    command: str
    shown: str


def blocks(text: str) -> list[str]:
    """The console blocks of a page, in order."""
    return _BLOCK.findall(text)


def steps(block: str) -> list[Step]:
    """The commands of a block."""
    found: list[tuple[list[str], list[str]]] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            found.append(([line[2:]], []))
        elif line.startswith("> ") and found and not found[-1][1]:
            found[-1][0].append(line[2:])
        elif found:
            found[-1][1].append(line)
        else:
            raise BlockError(f"output before the first command: {line}")
    return [Step("\n".join(command), "\n".join(shown)) for command, shown in found]


def run(block: str, folder: Path) -> list[str]:
    """What each command of a block prints in ``folder`` (a copy of the example)."""
    lines = ["set -euo pipefail", ". ./check.sh"]
    for step in steps(block):
        lines += [step.command, f"printf '%s\\n' '{_MARK}'"]
    done = subprocess.run(
        ["bash", "-c", "\n".join(lines)],
        cwd=folder,
        env={**os.environ, "LC_ALL": "C.UTF-8"},
        capture_output=True,
        text=True,
        timeout=BLOCK_S,
        check=False,
    )
    shown = [part.strip("\n") for part in done.stdout.split(f"{_MARK}\n")]
    if done.returncode:
        command = steps(block)[len(shown) - 1].command
        raise BlockError(f"exit code {done.returncode} of {command!r}: {shown[-1]}\n{done.stderr}")
    return shown[:-1]


def copies(folder: Path) -> Path:
    """A copy of the example that commands may litter."""
    return Path(shutil.copytree(EXAMPLE, folder / "evidence"))


def rendered(block: str, folder: Path) -> str:
    """The block with what its commands print now."""
    return "".join(_lines(block, run(block, folder)))


def _lines(block: str, shown: list[str]) -> Iterator[str]:
    for step, output in zip(steps(block), shown, strict=True):
        first, *more = step.command.split("\n")
        yield f"$ {first}\n"
        yield from (f"> {line}\n" for line in more)
        yield f"{output}\n" if output else ""


def main() -> None:
    """Write the page anew."""
    text = PAGE.read_text(encoding="utf-8")
    with TemporaryDirectory() as temporary:
        folder = copies(Path(temporary))
        for block in blocks(text):
            text = text.replace(block, rendered(block, folder))
    PAGE.write_text(text, encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {len(blocks(text))} blocks\n")


if __name__ == "__main__":
    main()
