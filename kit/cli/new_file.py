"""New files of kitctl: on the disk when it says so, and never over another one."""

import os
from pathlib import Path


def write_new(path: Path, data: bytes) -> None:
    """A new file, synced; nothing is ever overwritten. Raises OSError."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
