"""The folder under audit: a stranger's files, read within limits, and what lies there that nothing asked for."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from center.audit.record import AuditRecord
from center.files import TEMPORARY_PREFIX, UnreadableError, read_whole
from center.publication import layout as publication

FOLDERS: Final = (publication.EARLIER, publication.LEAVES, publication.RECEIPTS, publication.OPENINGS)


class AuditedFolder:
    """Reads the files of one publication by their names, and remembers which ones were asked for.

    What cannot be read is a fault in the record.
    """

    def __init__(self, path: Path, record: AuditRecord) -> None:
        self._path = path
        self._record = record
        self._known: set[str] = set()

    def read(self, name: str, max_bytes: int) -> bytes | None:
        """Read a file of the publication; None when it is missing or at fault."""
        self._known.add(name)
        return self._read(self._path / name, max_bytes, name)

    def read_elsewhere(self, path: Path, max_bytes: int) -> bytes | None:
        """Read a file of another folder, which is named by its whole path; None when it is missing or at fault."""
        return self._read(path, max_bytes, str(path))

    def exists(self, name: str) -> bool:
        """Whether there is anything of this name."""
        return (self._path / name).exists()

    def names(self, folder: str) -> Iterator[str]:
        """The files of a folder below the publication; half-written ones of a publisher at work are none."""
        try:
            paths = sorted((self._path / folder).iterdir())
        except OSError:
            return  # its files will be missing
        for path in paths:
            if not path.name.startswith(TEMPORARY_PREFIX):
                yield f"{folder}/{path.name}"

    def remark_unexpected(self) -> None:
        """Name what lies in the folder and belongs to nothing: a publication under way, or somebody's addition."""
        found = [path.name for path in sorted(self._path.iterdir()) if path.name not in FOLDERS]
        for folder in (publication.EARLIER, publication.LEAVES, publication.RECEIPTS):
            found += self.names(folder)
        for name in self.names(publication.OPENINGS):
            is_order = publication.order_number(name) is not None and (self._path / name).is_dir()
            found += self.names(name) if is_order else [name]
        for name in found:
            if name not in self._known:
                self._record.remark(
                    name, "belongs to nothing that the checkpoint covers, and was not looked at"
                )

    def _read(self, path: Path, max_bytes: int, shown: str) -> bytes | None:
        try:
            data = read_whole(path, max_bytes)
        except UnreadableError as error:
            self._record.fault(shown, str(error))
            return None
        if data is None:
            self._record.fault(shown, "is missing")
        return data
