"""Folders of the state directory with two sides: centerd or the gateway, and programs of people, perhaps as root."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from center.errors import SpoolError

FOLDER_MODE: Final = 0o700


def make_folders(*folders: Path, like: Path) -> None:
    """Make those that are missing, in the name of whoever ``like`` belongs to; raises SpoolError."""
    for folder in folders:
        with naming(folder):
            with contextlib.suppress(FileExistsError):
                folder.mkdir(mode=FOLDER_MODE)
                give_to_owner(folder, like=like)
            if not stat.S_ISDIR(folder.lstat().st_mode):
                raise SpoolError(f"{folder}: is no folder: move it away")


def give_to_owner(path: Path, *, like: Path) -> None:
    """What root makes belongs to whoever ``like`` belongs to: centerd does not run as root. Raises OSError."""
    if os.geteuid() == 0:
        owner = like.stat()
        os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)


@contextlib.contextmanager
def naming(path: Path) -> Iterator[None]:
    """Turn errors of the system into SpoolError, with the path named."""
    try:
        yield
    except OSError as error:
        raise SpoolError(f"{path}: cannot be used ({error.strerror}): check owner and disk") from error
