"""The machine's resolver behind a line that is dead: it holds a thread until it is let go."""

import socket
import threading
from typing import Any


class HangingResolver:
    """Takes the place of socket.getaddrinfo.

    Hangs until ``go`` is set, ``hangs_s`` at most; then it knows one address: ``host`` and ``port``.
    """

    def __init__(self, hangs_s: float, host: str, port: int) -> None:
        self.go = threading.Event()
        self.asked = 0
        self._hangs_s = hangs_s
        self._answer = (socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, port))

    def __call__(self, *_: Any, **__: Any) -> list[Any]:
        self.asked += 1
        self.go.wait(self._hangs_s)
        return [self._answer]
