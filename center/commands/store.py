"""Commands on the disk of the centre: what was asked for, the counters, and what was given.

    commands/asked/NAME       a request, put there whole by ``center command``; centerd takes it within a second
    commands/counters.json    the last number of each kind: durable before a command of that number is signed
    commands/given/NAME.note  the signed command: durable before any branch hears it
    commands/given/NAME.manifest   the manifest that goes with it
    commands/refused/NAME.reason   why a request became no command

Whoever is killed in between leaves a gap in the numbers, or a request that is done already: both do no harm.
"""

import itertools
import os
import re
from pathlib import Path
from typing import Final

import msgspec

from center.commands.request import CommandRequest
from center.errors import SpoolError
from center.files import UnreadableError, read_whole, sync_folder, write_whole
from center.pruning import Keep, Pruned, prune
from center.state_folders import give_to_owner, make_folders, naming
from crypto.codec import sha256_hex, unb64
from crypto.command import COMMAND_MAX, CommandKind
from crypto.errors import EvidenceError
from crypto.wire import MQTT_PAYLOAD_MAX

COMMANDS_DIR: Final = "commands"
ASKED: Final = "asked"
GIVEN: Final = "given"
REFUSED: Final = "refused"
COUNTERS: Final = "counters.json"
ASKED_MAX: Final = 200  # requests that wait
GIVEN_KEPT_MAX: Final = 2_000  # files of commands that were given; the oldest make way
REQUEST_MAX: Final = MQTT_PAYLOAD_MAX * 4 // 3 + 4_096  # bytes of one request
COUNTERS_MAX: Final = 4_096  # bytes
REASON_MAX: Final = 4_096  # bytes

_NAME: Final = re.compile(r"[0-9]{13,16}-[0-9a-f]{16}")


class CommandStore:
    """The commands of one state directory, seen from either side. Raises SpoolError and OutputError."""

    def __init__(self, state_dir: Path) -> None:
        self.folder = state_dir / COMMANDS_DIR

    def prepare(self) -> None:
        """Make the folders, in the name of the state directory's owner when root makes them."""
        make_folders(
            self.folder, *(self.folder / name for name in (ASKED, GIVEN, REFUSED)), like=self.folder.parent
        )

    # --- the side of those who ask ---

    def ask(self, request: CommandRequest, *, wall_ms: int) -> str:
        """Put a request there, durably; returns its name."""
        if len(self.asked()) >= ASKED_MAX:
            raise SpoolError(
                f"{self.folder / ASKED}: {ASKED_MAX} requests wait already: is centerd running? Start it, then ask "
                "again"
            )
        data = msgspec.json.encode(request)
        name = f"{wall_ms:013d}-{sha256_hex(data)[:16]}"
        path = self.folder / ASKED / name
        write_whole(path, data)
        with naming(path):
            give_to_owner(path, like=self.folder.parent)
        sync_folder(path.parent)
        return name

    def note(self, name: str) -> str | None:
        """The command that a request became, None so far."""
        data = self._read(self.folder / GIVEN / f"{name}.note", 4 * COMMAND_MAX)
        return None if data is None else data.decode("utf-8", "replace")

    def refusal(self, name: str) -> str | None:
        """Why a request became no command, None so far."""
        data = self._read(self.folder / REFUSED / f"{name}.reason", REASON_MAX)
        return None if data is None else data.decode("utf-8", "replace").rstrip("\n")

    # --- centerd's side ---

    def asked(self) -> list[str]:
        """The names of requests that wait, oldest first."""
        return self._names(ASKED, "", 2 * ASKED_MAX)

    def request(self, name: str) -> CommandRequest:
        """A request; raises EvidenceError when it is none."""
        data = self._read(self.folder / ASKED / name, REQUEST_MAX)
        try:
            return msgspec.json.decode(data or b"", type=CommandRequest)
        except msgspec.MsgspecError as error:
            raise EvidenceError(f"not a request of center command: {error}") from error

    def draw(self, kind: CommandKind, above: int) -> int:
        """The next number of a kind, durably drawn: nobody gets it again."""
        path = self.folder / COUNTERS
        data = self._read(path, COUNTERS_MAX)
        try:
            counters = {} if data is None else msgspec.json.decode(data, type=dict[str, int])
        except msgspec.MsgspecError as error:
            raise SpoolError(
                f"{path}: cannot be read ({error}): write the last numbers that branches followed into it, or ask with "
                "--above"
            ) from error
        number = max(counters.get(kind, 0), above) + 1
        write_whole(path, msgspec.json.encode({**counters, kind: number}) + b"\n")
        with naming(path):
            give_to_owner(path, like=self.folder.parent)
        sync_folder(self.folder)
        return number

    def give(self, name: str, note: str, manifest: bytes | None = None) -> None:
        """Lay a signed command down. Durable when this returns; its request is gone."""
        if manifest is not None:
            write_whole(self.folder / GIVEN / f"{name}.manifest", manifest)
        write_whole(self.folder / GIVEN / f"{name}.note", note.encode())
        sync_folder(self.folder / GIVEN)
        self._done(name)

    def refuse(self, name: str, reason: str) -> None:
        """Say why a request becomes no command; it is gone then."""
        write_whole(self.folder / REFUSED / f"{name}.reason", f"{reason}\n".encode()[:REASON_MAX])
        sync_folder(self.folder / REFUSED)
        self._done(name)

    def given(self) -> list[str]:
        """The names of what was given, oldest first."""
        return self._names(GIVEN, ".note", 2 * GIVEN_KEPT_MAX)

    def manifest(self, name: str) -> bytes | None:
        """The manifest that goes with a command, where there is one."""
        return self._read(self.folder / GIVEN / f"{name}.manifest", MQTT_PAYLOAD_MAX)

    def forget_old(self) -> None:
        """Keep the newest ``GIVEN_KEPT_MAX`` of what was given."""
        for name in self.given()[:-GIVEN_KEPT_MAX]:
            for suffix in (".manifest", ".note"):
                with naming(self.folder / GIVEN):
                    (self.folder / GIVEN / f"{name}{suffix}").unlink(missing_ok=True)

    def prune(self, keep: Keep, *, wall_ms: int) -> list[Pruned]:
        """Let old refusals go. One whose request is still there stays: it says that the request was judged."""
        return prune(
            self.folder / REFUSED,
            keep,
            wall_ms=wall_ms,
            is_needed=lambda name: (self.folder / ASKED / name.removesuffix(".reason")).exists(),
        )

    def _done(self, name: str) -> None:
        with naming(self.folder / ASKED):
            (self.folder / ASKED / name).unlink(missing_ok=True)

    def _names(self, folder: str, suffix: str, most: int) -> list[str]:
        path = self.folder / folder
        with naming(path), os.scandir(path) as found:
            names = [entry.name for entry in itertools.islice(found, 2 * most)]
        stems = [name.removesuffix(suffix) for name in names if name.endswith(suffix)]
        return sorted(stem for stem in stems if _NAME.fullmatch(stem))

    def _read(self, path: Path, max_bytes: int) -> bytes | None:
        try:
            return read_whole(path, max_bytes)
        except UnreadableError as error:
            raise SpoolError(f"{path}: {error}: give the right to read it") from error


def manifest_in(request: CommandRequest) -> bytes | None:
    """The manifest's bytes in a request; raises EncodingError."""
    return None if request.manifest is None else unb64(request.manifest)
