"""The program ``center`` within this process, for tests that run it many times."""

from dataclasses import dataclass

from center.cli import main_center
from tests.programs import typed


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def center(*arguments: object) -> Ran:
    """Run ``center`` to its end."""
    ended = typed(main_center, "center", *arguments)
    return Ran(ended.returncode, ended.stdout, ended.stderr)
