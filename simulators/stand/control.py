"""The control socket of a stand: a line of words in, a line of JSON out."""

import asyncio
import json
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from simulators.stand.model import CommandError
from simulators.stand.stand import Stand

LINE_MAX: Final = 64 * 1024  # bytes of one command
ANSWER_MAX: Final = 1024 * 1024  # bytes of one answer
ANSWER_S: Final = 10.0  # how long a script waits for an answer


class StandUnreachableError(Exception):
    """No stand answers at this socket; the message says what to look at."""


async def listen(path: Path, stand: Stand) -> asyncio.Server:
    """Serve commands on a UNIX socket at ``path``, in place of one that nobody serves any more.

    Raises:
        OSError: it cannot be made, another simulator serves it, or what is there is no socket.
    """

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(_answer(stand, line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the script is gone, or sent a line beyond LINE_MAX
        finally:
            writer.close()

    _clear(path)
    return await asyncio.start_unix_server(serve, path, limit=LINE_MAX)


def _clear(path: Path) -> None:
    """Remove the socket of a simulator that was killed, and nothing else; raises OSError."""
    if not path.is_symlink() and not path.exists():
        return
    if not path.is_socket():
        raise FileExistsError(f"{path}: is there and no socket; choose another name, or remove it")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise FileExistsError(
                f"{path}: another simulator serves it; stop that one, or choose another name"
            )


def ask(path: Path, words: list[str]) -> Mapping[str, Any]:
    """One command to the stand at ``path``; returns ``{"ok": true, "says": ...}`` or ``{"ok": false, "error": ...}``.

    Raises:
        StandUnreachableError: nobody answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(path))
            line.sendall(" ".join(words).encode(errors="replace") + b"\n")
            with line.makefile("rb") as answers:
                answer = answers.readline(ANSWER_MAX)
            said: Mapping[str, Any] = json.loads(answer)
        except (OSError, ValueError) as wrong:
            raise StandUnreachableError(
                f"{path}: no simulator answers ({wrong}); start one with --control {path}"
            ) from wrong
    return said


def _answer(stand: Stand, line: bytes) -> dict[str, Any]:
    try:
        return {"ok": True, "says": stand.obey(line.decode("utf-8", errors="replace").split())}
    except CommandError as wrong:
        return {"ok": False, "error": str(wrong)}
