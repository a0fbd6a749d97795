"""The gateway's own folder: records as files, whole and synced or not there."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from center.errors import OutputError, SpoolError
from center.files import TEMPORARY_PREFIX, UnreadableError, read_whole, sync_folder, write_whole
from center.pruning import Keep, Pruned, prune
from center.sms.records import RECORD_MAX, TYPES, Kind, Record
from center.state_folders import give_to_owner

FILES_MAX: Final = 20_000  # of one kind that are read
_MODE: Final = 0o700
_NAME: Final = re.compile(r"[0-9a-z-]{1,80}")
_DONE: Final = "done"
_RESULT_MAX: Final = 4_096  # bytes


class Folder:
    """``center.sms.records.Store`` on a disk: ``part/``, ``envelope/``, ``numbers/`` and ``order/`` in one folder."""

    def __init__(self, root: Path) -> None:
        self.root: Final = root

    def prepare(self) -> None:
        """Make the folders and remove what was half written; raises SpoolError."""
        try:
            self._make(self.root)
            for kind in (*TYPES, _DONE):
                folder = self.root / kind
                self._make(folder)
                for path in folder.glob(f"{TEMPORARY_PREFIX}*"):
                    if kind not in ("order", _DONE):  # others write there
                        path.unlink()
        except OSError as error:
            raise SpoolError(
                f"{self.root}: cannot be used ({error.strerror}): check owner and disk"
            ) from error

    def _make(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=_MODE, parents=True, exist_ok=True)
            give_to_owner(folder, like=folder.parent)

    def keep(self, kind: Kind, name: str, record: Record) -> None:
        """As Store."""
        path = self.root / kind / name
        with _spoken():
            write_whole(path, msgspec.json.encode(record))
            give_to_owner(path, like=path.parent)
            sync_folder(path.parent)

    def forget(self, kind: Kind, name: str) -> None:
        """As Store. Not synced: a file that comes back costs a message that is known already."""
        with _spoken(), contextlib.suppress(FileNotFoundError):
            (self.root / kind / name).unlink()

    def load(self, kind: Kind) -> list[tuple[str, Record]]:
        """As Store. Names and files of strangers are left where they are."""
        found: list[tuple[int, str, Record]] = []
        with _spoken():
            paths = [path for path in (self.root / kind).iterdir() if _NAME.fullmatch(path.name)]
        for path in paths[:FILES_MAX]:
            with contextlib.suppress(OSError, UnreadableError, msgspec.MsgspecError):
                data = read_whole(path, RECORD_MAX)
                if data is not None:
                    record = msgspec.json.decode(data, type=TYPES[kind])
                    found.append((path.stat().st_mtime_ns, path.name, record))
        return [(name, record) for _, name, record in sorted(found, key=lambda one: one[:2])]

    def settle_order(self, name: str, words: str) -> None:
        """An order is done with: ``words`` say how, an empty text that all was sent."""
        with _spoken():
            write_whole(self.root / _DONE / name, words.encode()[:_RESULT_MAX])
            give_to_owner(self.root / _DONE / name, like=self.root / _DONE)
            sync_folder(self.root / _DONE)
        self.forget("order", name)

    def prune_done(self, keep: Keep, *, wall_ms: int) -> list[Pruned]:
        """Let old results go. One whose order is still there stays: it says that it was sent. Raises SpoolError."""
        return prune(
            self.root / _DONE,
            keep,
            wall_ms=wall_ms,
            is_needed=lambda name: (self.root / "order" / name).exists(),
        )

    def settled_order(self, name: str) -> str | None:
        """How an order ended, None while it waits."""
        try:
            data = read_whole(self.root / _DONE / name, _RESULT_MAX)
        except UnreadableError as error:
            raise SpoolError(f"{self.root / _DONE / name}: {error}") from error
        return None if data is None else data.decode("utf-8", "replace")


@contextlib.contextmanager
def _spoken() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SpoolError(
            f"{error.filename}: cannot be used ({error.strerror}): check owner and disk"
        ) from error
    except OutputError as error:
        raise SpoolError(str(error)) from error
