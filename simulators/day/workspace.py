"""The folder that a day lives in: a temporary one, or one that was asked for and stays."""

import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

SOCKET_PATH_MAX: Final = 107  # bytes of a Unix socket's path (sun_path of unix(7), less its final zero)
SOCKETS: Final = ("{branch}/kitd.sock", "kitd-{branch}.notify", "centerd.notify")


class WorkspaceError(Exception):
    """The folder cannot be used; the message says which, why, and what to do."""


class Workspace:
    """``keep``: the folder to use and leave, None for a temporary one. ``branches``: who will have sockets in it.

    Raises WorkspaceError, and then there is nothing to tidy.
    """

    def __init__(self, keep: Path | None, branches: Iterable[str]) -> None:
        self._keep = keep is not None
        try:
            self.path = Path(tempfile.mkdtemp(prefix="branch-kit-day-")) if keep is None else keep.absolute()
            try:
                _check_length(self.path, branches)
            except WorkspaceError:
                if keep is None:
                    self.path.rmdir()
                raise
            self.path.mkdir(parents=True, exist_ok=True)
            if any(self.path.iterdir()):
                raise WorkspaceError(f"{keep} is not empty: name an empty folder, or one that does not exist")
        except OSError as error:
            raise WorkspaceError(
                f"{error.filename}: cannot be used as folder ({error.strerror}): choose another place"
            ) from error

    def leave(self, *, remove: bool) -> Path | None:
        """Remove it where it is temporary and nobody needs it (``remove``), or empty; returns it where it stays."""
        if not self._keep and (remove or not any(self.path.iterdir())):
            shutil.rmtree(self.path)
            return None
        return self.path


def _check_length(folder: Path, branches: Iterable[str]) -> None:
    paths = (folder / socket.format(branch=branch) for branch in branches for socket in SOCKETS)
    longest = max(len(os.fsencode(path)) for path in paths)
    if longest > SOCKET_PATH_MAX:
        raise WorkspaceError(
            f"{folder}: sockets in it would have paths of {longest} bytes, and {SOCKET_PATH_MAX} are possible: "
            "choose a shorter path (--keep, or TMPDIR)"
        )
