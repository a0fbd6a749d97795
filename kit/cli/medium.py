"""Files on removable media: under their name and on the medium, or not at all. Whoever prepared it is not trusted."""

import contextlib
import os
from pathlib import Path


class MediumError(Exception):
    """The medium is not to be trusted; the message says what it did and what to do."""


def stem(branch: str, device: str) -> str:
    """What the names of a kit's files begin with. Sticks are FAT mostly, whose names hold no colons; ids may."""
    return f"{branch}-{device}".replace(":", "_")  # no id has an underscore: two never get one name


def put(path: Path, data: bytes, *, replace: bool) -> None:
    """Write a file so that it is on the medium when this returns, under its name or not at all.

    ``replace``: whether an older file of this name may go: receipts and the index grow, envelopes never change.

    Raises:
        OSError: it cannot be written, or another file of this name is there. The medium may be gone.
        MediumError: reading it back gives other bytes.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise FileExistsError(f"{path}: a link or no ordinary file is there; take an empty folder")
    if not replace and path.exists() and (path.stat().st_size != len(data) or path.read_bytes() != data):
        raise FileExistsError(f"{path}: another file is there; take an empty folder")
    draft = path.with_name(f".{path.name}.part")
    draft.unlink(missing_ok=True)
    try:
        _write(draft, data)
        _compare(draft, data)
        draft.replace(path)
    except (OSError, MediumError):
        with contextlib.suppress(OSError):  # a stick that is gone takes its drafts along
            draft.unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _compare(draft: Path, data: bytes) -> None:
    if draft.read_bytes() != data:
        raise MediumError(f"{draft}: the medium gives other bytes back than were written; take another one")


def _write(draft: Path, data: bytes) -> None:
    # Who prepared the medium must not choose what is written over: links are not followed, nothing old is opened.
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
        # Else the comparison would read our own memory, and not the medium.
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
