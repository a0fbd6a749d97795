"""The client's end of the control socket: a plain blocking socket, so that the CLI starts in no time."""

import json
import socket
from pathlib import Path
from typing import Any, Final

ANSWER_TIMEOUT_S: Final = 35.0
ANSWER_MAX: Final = 4 * 1024 * 1024  # bytes


class NoDaemonError(Exception):
    """Nobody answers at the socket."""


def ask(path: Path, request: dict[str, Any]) -> dict[str, Any]:
    """Send one request, return the answer; raises NoDaemonError."""
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as line:
            line.settimeout(ANSWER_TIMEOUT_S)
            line.connect(str(path))
            line.sendall(json.dumps(request).encode() + b"\n")
            with line.makefile("rb") as stream:
                answer = stream.readline(ANSWER_MAX)
    except OSError as error:
        raise NoDaemonError(f"{path}: {error}") from error
    if not answer.endswith(b"\n"):
        raise NoDaemonError(f"{path}: the daemon hung up without an answer")
    try:
        value = json.loads(answer)
    except ValueError as error:
        raise NoDaemonError(f"{path}: this is no kitd, it does not speak JSON") from error
    if not isinstance(value, dict):
        raise NoDaemonError(f"{path}: this is no kitd, it does not answer with an object")
    return value
