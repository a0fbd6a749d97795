"""``kit-sim`` as people run it."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from simulators.cli import main
from tests.programs import typed

ROOT: Final = Path(__file__).parents[2]
LIMIT_S: Final = 200.0


def start(*arguments: str | Path, temporary: Path) -> subprocess.Popen[str]:
    """Start it. ``temporary``: where it makes temporary folders."""
    return subprocess.Popen(
        [sys.executable, "-m", "simulators.cli", *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": str(ROOT), "TMPDIR": str(temporary)},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def ran(*arguments: str | Path, temporary: Path) -> tuple[int, str, str]:
    """Run it to its end: exit code, standard output, standard error."""
    with start(*arguments, temporary=temporary) as process:
        out, err = process.communicate(timeout=LIMIT_S)
    return process.returncode, out, err


def refused(*arguments: str | Path, temporary: Path) -> tuple[int, str, str]:
    """As ``ran``, within this process: for what it refuses before it starts any other."""
    ended = typed(main, "kit-sim", *arguments, TMPDIR=str(temporary))
    return ended.returncode, ended.stdout, ended.stderr
