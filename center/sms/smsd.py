"""smsd's spool as a way for short messages: ``incoming`` is emptied, ``outgoing`` filled, ``sent`` and ``failed`` read.

What is no binary message of ours stays in ``incoming``: smsd may serve others as well.
"""

import asyncio
import contextlib
import os
import time
from bisect import bisect
from pathlib import Path
from typing import Final

from center.errors import SpoolError
from center.files import UnreadableError, read_whole
from center.sms.port import Arrived, Outcome, Say, Settled
from center.sms.smsd_file import (
    FILE_MAX,
    SmsdFileError,
    UnfinishedFileError,
    headers_of,
    outgoing,
    read_received,
)

FOLDERS: Final = ("incoming", "outgoing", "sent", "failed")
LOOK_S: Final = 0.5  # seconds between two looks
FAILURE_PAUSE_S: Final = 10.0  # seconds after the disk refused
UNFINISHED_S: Final = 60.0  # seconds after which a file that is cut off will not be finished
FILES_MAX: Final = 10_000  # files looked into in one look
NOT_OURS_MAX: Final = (
    100_000  # names that are remembered as not ours; what is beyond is looked into each time
)
VANISHED_S: Final = 600.0  # seconds after which a file that is in no folder of smsd's is taken for lost
PREFIX: Final = "branch-kit-"  # of our files in outgoing, sent and failed
_MODE: Final = 0o660  # smsd must be able to read, write and move it


def check_spool(root: Path) -> None:
    """Raise SpoolError where this is no spool of smsd that may be used."""
    for folder in (root, *(root / name for name in FOLDERS)):
        if not folder.is_dir() or not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
            raise SpoolError(
                f"{folder}: is no folder that may be read and written: name smsd's folder (as in smsd.conf), and run "
                f"this as a member of smsd's group"
            )


class SmsdSpool:
    """Implements ``center.sms.port.ShortMessages``.

    Args:
        root: smsd's folder, /var/spool/sms as a rule. Temporary files are made in it, for renaming.
        arrived: takes each message; its file is removed after that.
        settled: hears the outcome of each message.
        say: tells people.
        session: names this life among the files of others: letters and digits.
    """

    def __init__(self, root: Path, arrived: Arrived, settled: Settled, say: Say, *, session: str) -> None:
        self._root: Final = root
        self._arrived: Final = arrived
        self._settled: Final = settled
        self._say: Final = say
        self._session: Final = session
        self._under_way: dict[str, int] = {}
        self._not_ours: set[str] = set()
        self._last = ""
        self._seen_s: dict[str, float] = {}

    async def run(self) -> None:
        """Look again and again until cancelled; never returns by itself."""
        self._clear()
        while True:
            pause_s = LOOK_S
            try:
                self._look_for_outcomes()
                self._look_for_messages()
            except (OSError, SpoolError) as error:
                self._say(f"smsd's spool or the gateway's folder fails, nothing is lost: {error}")
                pause_s = FAILURE_PAUSE_S
            await asyncio.sleep(pause_s)

    def send(self, token: int, number: str, user_data: bytes) -> None:
        """As ShortMessages: whole in ``outgoing`` by a rename, as smsd takes whatever it sees there."""
        name = f"{PREFIX}{self._session}-{token}"
        temporary = self._root / f".{name}"
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _MODE)
            with os.fdopen(descriptor, "wb") as file:
                file.write(outgoing(number, user_data))
                file.flush()
                os.fchmod(file.fileno(), _MODE)  # whatever our umask is
                os.fsync(file.fileno())
            temporary.rename(self._root / "outgoing" / name)
        except OSError as error:
            with contextlib.suppress(OSError):
                temporary.unlink()
            self._settled(Outcome(token, sent=False, reason=f"{error.filename}: {error.strerror}"))
            return
        self._under_way[name] = token

    def _clear(self) -> None:
        """Remove what earlier lives left: what of it is still to be sent is sent anew."""
        found = [*self._root.glob(f".{PREFIX}*")]
        for folder in ("outgoing", "sent", "failed"):
            found += (self._root / folder).glob(f"{PREFIX}*")
        for path in found:
            if path.name.removeprefix(".").removeprefix(PREFIX).startswith(f"{self._session}-"):
                continue  # given to smsd already in this life
            with contextlib.suppress(OSError):
                path.unlink()

    def _look_for_outcomes(self) -> None:
        for name, token in list(self._under_way.items()):
            for folder in ("sent", "failed"):
                path = self._root / folder / name
                if not path.exists():
                    continue
                reason = ""
                if folder == "failed":
                    with contextlib.suppress(UnreadableError):
                        headers, _ = headers_of(read_whole(path, FILE_MAX) or b"")
                        reason = f"smsd: {headers.get('Fail_reason', 'it does not say why')}"
                path.unlink(missing_ok=True)
                self._settle(name, Outcome(token, sent=folder == "sent", reason=reason))
                break
            else:
                self._look_whether_gone(name, token)

    def _look_whether_gone(self, name: str, token: int) -> None:
        """A file that somebody took away brings no outcome: its message is tried again, and its place is free."""
        now_s = time.monotonic()
        if any((self._root / folder / name).exists() for folder in ("outgoing", "checked")):
            self._seen_s[name] = now_s
        elif now_s - self._seen_s.setdefault(name, now_s) >= VANISHED_S:
            self._settle(name, Outcome(token, sent=False, reason="its file is gone from smsd's folders"))

    def _settle(self, name: str, outcome: Outcome) -> None:
        del self._under_way[name]
        self._seen_s.pop(name, None)
        self._settled(outcome)

    def _look_for_messages(self) -> None:
        """Those of others are no obstacle, however many there are: in turn, and each is looked into once."""
        with os.scandir(self._root / "incoming") as found:
            names = {entry.name for entry in found if not entry.name.startswith(".")}
        self._not_ours &= names
        fresh = sorted(names - self._not_ours)
        at = bisect(fresh, self._last) if len(fresh) > FILES_MAX else 0
        for self._last in (fresh[at:] + fresh[:at])[:FILES_MAX]:
            self._take(self._root / "incoming" / self._last)

    def _take(self, path: Path) -> None:
        try:
            data = read_whole(path, FILE_MAX)
            if data is None:
                return
            message = read_received(data)
        except (UnreadableError, SmsdFileError) as error:
            if isinstance(error, UnfinishedFileError) and _age_s(path) < UNFINISHED_S:
                return
            if len(self._not_ours) < NOT_OURS_MAX:
                self._not_ours.add(path.name)
                self._say(f"{path.name} stays in incoming: {error}")
            return
        self._arrived(message.sender, message.user_data)
        path.unlink(missing_ok=True)


def _age_s(path: Path) -> float:
    """Seconds since somebody wrote to a file; 0 when it is gone."""
    with contextlib.suppress(OSError):
        return time.time() - path.stat().st_mtime
    return 0.0
