"""Where ``kitctl journal`` gets a journal from: the running daemon, the folder of a stopped one, or an exported file.

An export is the facts and nothing else: line n is the canonical JSON of fact n, UTF-8, ended by one newline.
"""

import fcntl
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from crypto.wire import ENVELOPE_MAX
from kit.cli.client import ask
from kit.journal.journal import FACT_MAX, Journal, JournalError
from kit.journal.seeds import seeds_in
from kit.journal.signed import JOURNAL_FILE, SEEDS_FILE

EXPORT_MAX: Final = 1024 * 1024 * 1024  # bytes of one export
SEEDS_MAX: Final = 64 * 1024  # bytes of a seed file


class SourceError(Exception):
    """The journal cannot be had; the message says from where, why, and what to do."""


def from_daemon(socket: Path) -> list[bytes]:
    """Page after page over the control socket; the daemon signs what is not signed yet first.

    Raises:
        NoDaemonError: nobody answers.
        SourceError: the daemon does not give it.
    """
    bodies: list[bytes] = []
    first: int | None = 1
    while first is not None:
        answer: dict[str, Any] = ask(socket, {"op": "journal", "first": first})
        if not answer.get("ok"):
            raise SourceError(f"{socket}: {answer.get('error', 'no answer')}")
        bodies += [line.encode() for line in answer["facts"]]
        first = answer["next"]
    return bodies


def from_folder(state_dir: Path) -> tuple[list[bytes], dict[int, bytes]]:
    """Facts and seeds of a stopped kit. The files are left as they are: SQLite reads a copy.

    Raises:
        SourceError: no journal there, it cannot be read, or a daemon is at work in the folder.
        JournalError: the file is damaged.
    """
    try:
        _nobody_at_work(state_dir)
        with tempfile.TemporaryDirectory(prefix="kitctl-") as folder:
            for name in (JOURNAL_FILE, f"{JOURNAL_FILE}-wal"):
                if (state_dir / name).exists():
                    shutil.copy(state_dir / name, folder)
            if not (Path(folder) / JOURNAL_FILE).exists():
                raise SourceError(f"{state_dir / JOURNAL_FILE}: not there; name the state directory of a kit")
            journal = Journal(Path(folder) / JOURNAL_FILE)
            try:
                bodies = journal.bodies()
            finally:
                journal.close()
        seeds = state_dir / SEEDS_FILE
        return bodies, seeds_in(limited(seeds, SEEDS_MAX)) if seeds.exists() else {}
    except OSError as error:
        raise SourceError(f"{state_dir}: cannot be read ({error})") from error


def from_export(path: Path) -> list[bytes]:
    """The lines of an export; raises SourceError, JournalError."""
    data = limited(path, EXPORT_MAX)
    if data and not data.endswith(b"\n"):
        raise JournalError(f"{path}: the last line is not whole: copy the export again")
    bodies = data.split(b"\n")[:-1]
    for number, body in enumerate(bodies, 1):
        if len(body) > FACT_MAX:
            raise JournalError(
                f"{path}: line {number} is longer than any fact: this is no export of a journal"
            )
    return bodies


def to_export(bodies: Sequence[bytes]) -> bytes:
    """The bytes of an export."""
    return b"".join(body + b"\n" for body in bodies)


def published_leaves(folder: Path) -> dict[int, bytes]:
    """The envelopes in a published folder (or in its ``leaves``), by index in the log; raises SourceError."""
    leaves = folder / "leaves" if (folder / "leaves").is_dir() else folder
    found = {}
    try:
        for path in leaves.iterdir():
            index = path.name.removesuffix(".dsse.json")
            if index != path.name and index.isdecimal() and index.isascii():
                found[int(index)] = limited(path, ENVELOPE_MAX)
    except OSError as error:
        raise SourceError(f"{leaves}: cannot be read ({error})") from error
    if not found:
        raise SourceError(f"{leaves}: no leaves there; name the folder that center publish wrote")
    return found


def _nobody_at_work(state_dir: Path) -> None:
    lock = state_dir / "lock"
    if not lock.exists():
        return
    with lock.open("rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SourceError(
                f"{state_dir}: kitd is at work there; leave --state-dir away to ask it, or stop it first"
            ) from None


def limited(path: Path, most: int) -> bytes:
    """A file of at most ``most`` bytes; raises SourceError."""
    try:
        with path.open("rb") as file:
            data = file.read(most + 1)
    except OSError as error:
        raise SourceError(f"{path}: cannot be read ({error})") from error
    if len(data) > most:
        raise SourceError(f"{path}: larger than {most} bytes: not what is meant here")
    return data
