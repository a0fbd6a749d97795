"""The spool: files that the centre's own people bring, in a folder where centerd finds them.

``center submit`` puts a file into ``spool/`` whole and synced; centerd judges it like a message, and when what it
holds is durable in the ledger, moves the file to ``spool/done/`` or ``spool/refused/``. What became of it is written
beside it first (``.result``, ``.reason``). Whoever is killed in between finds the file waiting again: judged once
more, it is a duplicate.
"""

import contextlib
import itertools
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

from center.errors import SpoolError
from center.files import TEMPORARY_PREFIX, UnreadableError, read_whole, sync_folder, write_whole
from center.state_folders import give_to_owner, make_folders, naming
from crypto.carrier import from_compact
from crypto.codec import sha256_hex
from crypto.manifest import TrustedManifest
from crypto.wire import ENVELOPE_MAX

SPOOL_DIR: Final = "spool"
DONE: Final = "done"
REFUSED: Final = "refused"
WAITING_MAX: Final = 1_000  # files in the spool before it takes no more
SCANNED_MAX: Final = 4_096  # names looked at in one look around
PARTS_NAME: Final = ".parts"  # in the spool: parts of envelopes whose other parts are not photographed yet
PARTS_MAX: Final = 4_096  # texts of codes in it
PARTS_FILE_MAX: Final = PARTS_MAX * 700  # bytes
VERDICT_MAX: Final = 4_096  # bytes of a .result or .reason file
UNFINISHED_MS: Final = 3_600_000  # a file half written this long ago will not be finished

_NAME: Final = re.compile(r"[0-9]{13,16}-[0-9]{4}-[0-9a-f]{64}")


class ForeignFileError(Exception):
    """A file of the spool that is not what ``center submit`` put there: the message says why."""


class Result(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a file that was taken holds: the hash of the envelope and its leaf; ``held``: it was logged before."""

    sha256: str
    leaf: int
    held: bool


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a file: ``result`` when it was taken, else ``reason`` says why not."""

    result: Result | None
    reason: str | None


class Spool:
    """The spool of one state directory, seen from either side. Raises SpoolError where the disk refuses."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / SPOOL_DIR

    def prepare(self) -> None:
        """Make the folders, in the name of the state directory's owner when root makes them."""
        make_folders(self.folder, self.folder / DONE, self.folder / REFUSED, like=self.folder.parent)

    # --- the side of those who bring files ---

    def bring(self, data: bytes, *, wall_ms: int, index: int) -> str:
        """Put a file into the spool, durably; returns its name there.

        ``index`` (0-9999) keeps files of one moment in their order.
        """
        with naming(self.folder), os.scandir(self.folder) as found:
            waiting = sum(1 for _ in itertools.islice(found, WAITING_MAX + 2))
        if waiting >= WAITING_MAX + 2:  # the two folders stand there as well
            raise SpoolError(
                f"{self.folder}: {WAITING_MAX} files wait already: is centerd running? Start it, then submit again"
            )
        name = f"{wall_ms:013d}-{index:04d}-{sha256_hex(data)}"
        path = self.folder / name
        write_whole(path, data)
        with naming(path):
            give_to_owner(path, like=self.folder.parent)
        sync_folder(self.folder)
        return name

    def verdict(self, name: str) -> Verdict | None:
        """What became of a file, None while it waits."""
        result = _read_record(self.folder / DONE / f"{name}.result")
        if result is not None and not (self.folder / name).exists():
            with contextlib.suppress(msgspec.MsgspecError):
                return Verdict(msgspec.json.decode(result, type=Result), None)
        reason = _read_record(self.folder / REFUSED / f"{name}.reason")
        if reason is not None and not (self.folder / name).exists():
            return Verdict(None, reason.decode("utf-8", "replace").rstrip("\n"))
        return None

    def kept_parts(self) -> list[str]:
        """The texts of codes that earlier imports could not make whole; none where the file is no such thing."""
        try:
            data = read_whole(self.folder / PARTS_NAME, PARTS_FILE_MAX)
        except UnreadableError:
            return []
        return [] if data is None else data.decode("ascii", "replace").splitlines()[:PARTS_MAX]

    def keep_parts(self, texts: Sequence[str]) -> None:
        """Keep these for later imports, in the place of those that were kept: at most ``PARTS_MAX``, the first ones."""
        path = self.folder / PARTS_NAME
        write_whole(path, "".join(f"{text}\n" for text in texts[:PARTS_MAX]).encode("ascii"))
        with naming(path):
            give_to_owner(path, like=self.folder.parent)
        sync_folder(self.folder)

    # --- centerd's side ---

    def clear_unfinished(self, *, wall_ms: int) -> None:
        """Remove what a submit that was killed long ago left half written."""
        for path in self.folder.glob(f"{TEMPORARY_PREFIX}*"):
            with contextlib.suppress(OSError):
                if path.lstat().st_mtime_ns // 1_000_000 < wall_ms - UNFINISHED_MS:
                    path.unlink()

    def waiting(self) -> list[str]:
        """The names of what waits, in the order in which it was brought; names of strangers after them."""
        with naming(self.folder), os.scandir(self.folder) as found:
            names = [entry.name for entry in itertools.islice(found, SCANNED_MAX)]
        names = [name for name in names if name not in (DONE, REFUSED) and not name.startswith(".")]
        return sorted(names, key=lambda name: (_NAME.fullmatch(name) is None, name))

    def read(self, name: str) -> bytes:
        """The content of a waiting file; raises ForeignFileError for what ``bring`` did not put there."""
        if _NAME.fullmatch(name) is None:
            raise ForeignFileError("was not brought by center submit: submit it with that")
        try:
            data = read_whole(self.folder / name, ENVELOPE_MAX)
        except UnreadableError as error:
            raise ForeignFileError(f"{error}: submit it again") from error
        if data is None:
            raise ForeignFileError("is gone")
        if not name.endswith(sha256_hex(data)):
            raise ForeignFileError(
                "is half written or was changed: its name is of other bytes; submit it again"
            )
        return data

    def accept(self, name: str, result: Result) -> None:
        """Lay a file aside as taken."""
        self._settle(name, DONE, ".result", msgspec.json.encode(result) + b"\n")

    def refuse(self, name: str, reason: str) -> None:
        """Lay a file aside as refused, with the reason beside it."""
        self._settle(name, REFUSED, ".reason", f"{reason}\n".encode()[:VERDICT_MAX])

    def _settle(self, name: str, folder: str, suffix: str, record: bytes) -> None:
        target = self.folder / folder
        # Names of strangers may be of any length and hold any bytes: theirs are told by a hash.
        kept = name if _NAME.fullmatch(name) else f"foreign-{sha256_hex(os.fsencode(name))[:32]}"
        write_whole(target / f"{kept}{suffix}", record)
        with naming(self.folder / name), contextlib.suppress(FileNotFoundError):
            (self.folder / name).rename(target / kept)
        sync_folder(target)
        sync_folder(self.folder)


def envelope_in(data: bytes, manifest: TrustedManifest) -> bytes:
    """The envelope that a file holds: as it is, or rendered from its compact carrier.

    Raises EvidenceError when it is a carrier that renders to nothing. An envelope is not verified here.
    """
    return data if data[:1] == b"{" else from_compact(data, manifest)


def _read_record(path: Path) -> bytes | None:
    try:
        return read_whole(path, VERDICT_MAX)
    except UnreadableError as error:
        raise SpoolError(
            f"{path}: {error}: give the right to read it, or ask whoever runs centerd"
        ) from error
