"""Programs and libraries that nobody here wrote: they accept what we make, drive what we wrote, refuse what we refuse.

Here: what becomes of a test that needs a program. Libraries come with the other dependencies of development.
"""

import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest

_SYSTEM_FOLDERS = (
    "/usr/local/sbin",
    "/usr/sbin",
    "/sbin",
)  # where daemons live; often not in a person's PATH


def in_ci() -> bool:
    """Whether a missing peer is a failure."""
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def require_program(name: str) -> str:
    """The full path of a program.

    Where it is missing: the test is skipped, by name and with the reason; in CI it fails.
    """
    path = shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS)))
    if path is None:
        missing(f"the program {name!r} is not installed (see deploy/dev/apt-packages.txt)")
    return path


def require_folder(path: Path, what: str, script: str) -> Path:
    """``path``, a folder that ``script`` makes and that holds ``what``. Where it is missing: as for a program."""
    if not path.is_dir():
        missing(f"{what} is not installed (run {script})")
    return path


def missing(reason: str) -> NoReturn:
    """What a test needs is not here: skipped with the reason; in CI it fails."""
    if in_ci():
        pytest.fail(f"{reason}; in CI a missing peer is a failure", pytrace=False)
    pytest.skip(reason)
