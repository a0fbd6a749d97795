"""The centre's programs: ``centerd`` receives, ``center`` shows, proves, opens, publishes, audits and witnesses.

Each is loaded when it is started, so that neither waits for what only the other needs.
"""

from collections.abc import Sequence
from typing import NoReturn

__all__ = ["main_center", "main_centerd"]


def main_center(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``center``; ends the process with the exit code."""
    from center.cli import center  # noqa: PLC0415 - see above

    center.main_center(argv)


def main_centerd(argv: Sequence[str] | None = None) -> NoReturn:
    """Entry point of ``centerd``; ends the process with the exit code."""
    from center.cli import centerd  # noqa: PLC0415 - see above

    centerd.main_centerd(argv)
