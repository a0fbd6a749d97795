"""Files as the centre reads and writes them: whole or not at all, and never more than expected."""

import contextlib
import os
import stat
import tempfile
from pathlib import Path
from typing import Final

from center.errors import ConfigError, OutputError

PUBLIC_MODE: Final = 0o644
PRIVATE_MODE: Final = 0o600
TEMPORARY_PREFIX: Final = ".unfinished-"


class UnreadableError(Exception):
    """A file that cannot be read, is no ordinary file or is too long: the message says which of them."""


def check_secret(path: Path, what: str) -> None:
    """Raise ConfigError where anybody but its owner may read a secret; OSError where there is none."""
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise ConfigError(f"{path}: others may read this {what} (mode {mode:04o}): chmod 600 {path}")


def write_whole(path: Path, data: bytes, *, mode: int = PRIVATE_MODE) -> None:
    """Write a whole file or none, synced, in the place of an older one; raises OutputError.

    The name itself is on the disk only after ``sync_folder``.
    """
    temporary = None
    try:
        descriptor, temporary = tempfile.mkstemp(dir=path.resolve().parent, prefix=TEMPORARY_PREFIX)
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()
        raise OutputError(f"{path}: cannot be written ({error.strerror}): choose another place") from error


def sync_folder(folder: Path) -> None:
    """Bring the names in a folder to the disk; raises OutputError."""
    try:
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        raise OutputError(f"{folder}: cannot be synced ({error.strerror}): check the disk") from error


def read_whole(path: Path, max_bytes: int) -> bytes | None:
    """Read an ordinary file of at most ``max_bytes``; None when there is none; raises UnreadableError.

    Never waits on a pipe and never follows a link: the folder may come from a stranger.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise UnreadableError(f"cannot be read ({error.strerror})") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise UnreadableError("is no ordinary file")
    with os.fdopen(descriptor, "rb") as file:
        try:
            data = file.read(max_bytes + 1)
        except OSError as error:
            raise UnreadableError(f"cannot be read ({error.strerror})") from error
    if len(data) > max_bytes:
        raise UnreadableError(f"is longer than {max_bytes} bytes")
    return data
