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
    """Serve commands on a UNIX socket at ``path``; raises OSError."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while line := await reader.readline():
                writer.write(json.dumps(_answer(stand, line), ensure_ascii=False).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):
            pass  # the script is gone, or sent a line beyond LINE_MAX
        finally:
            writer.close()

    path.unlink(missing_ok=True)  # noqa: ASYNC240 - once, before anything is served
    return await asyncio.start_unix_server(serve, path, limit=LINE_MAX)


def ask(path: Path, words: list[str]) -> Mapping[str, Any]:
    """One command to the stand at ``path``; returns ``{"ok": true, "says": ...}`` or ``{"ok": false, "error": ...}``.

    Raises:
        StandUnreachableError: nobody answers there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
        line.settimeout(ANSWER_S)
        try:
            line.connect(str(path))
            line.sendall(" ".join(words).encode() + b"\n")
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
