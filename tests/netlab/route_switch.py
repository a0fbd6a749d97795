"""The rule by which OpenWrt's mwan3 leaves a link: a ping every 10 s, five losses in a row, then other metrics."""

import os
import socket
import struct
import threading
import time
from typing import Final

from tests.netlab.branch import Branch
from tests.netlab.link import BROKER, METRIC

INTERVAL_S: Final = 10.0
TIMEOUT_S: Final = 2.0
LOSSES: Final = 5
_ECHO, _ECHO_REPLY = 8, 0


class RouteSwitch:
    """Watches one link of a branch from a thread of its own; when it is dead its default route loses its place."""

    def __init__(self, branch: Branch, link: str, *, interval_s: float = INTERVAL_S) -> None:
        self._branch, self._link = branch, branch.cable(link)
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._losses = 0
        self.moved_at: float | None = None
        """When the route lost its place, on the monotonic clock."""
        with branch.namespace.inside():
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, self._link.interface.encode())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def reset(self) -> None:
        """The link is in order again, and its route in its place."""
        self._losses, self.moved_at = 0, None
        at = self._link.at
        self._branch.namespace.ip(
            f"route del default via {at.far} dev {at.interface} metric {at.metric + 10 * METRIC}",
            force=True,
        )
        self._link.lease()

    def close(self) -> None:
        """Stop watching."""
        self._ended.set()
        self._thread.join()
        self._socket.close()

    def _watch(self) -> None:
        number, due = 0, time.monotonic() + self._interval_s
        while not self._ended.wait(max(0.0, due - time.monotonic())):
            number, due = number + 1, due + self._interval_s  # mwan3 itself waits after each timeout, too
            self._losses = 0 if self._answers(number & 0xFFFF) else self._losses + 1
            if self._losses == LOSSES:
                self._move()

    def _move(self) -> None:
        at = self._link.at
        self._branch.namespace.ip(
            f"route del default via {at.far} dev {at.interface} metric {at.metric}",
            f"route add default via {at.far} dev {at.interface} metric {at.metric + 10 * METRIC}",
        )
        self.moved_at = time.monotonic()

    def _answers(self, number: int) -> bool:
        token = os.getpid() & 0xFFFF
        self._socket.sendto(_ping(token, number), (BROKER, 0))
        deadline = time.monotonic() + TIMEOUT_S
        while (left := deadline - time.monotonic()) > 0:
            self._socket.settimeout(left)
            try:
                packet = self._socket.recv(2048)
            except TimeoutError:
                return False
            header = 4 * (packet[0] & 0x0F)
            if struct.unpack_from("!BxxxHH", packet, header) == (_ECHO_REPLY, token, number):
                return True
        return False


def _ping(token: int, number: int) -> bytes:
    """An ICMP echo request (RFC 792)."""
    bare = struct.pack("!BBHHH", _ECHO, 0, 0, token, number)
    total = sum(struct.unpack("!4H", bare))
    total = (total & 0xFFFF) + (total >> 16)
    return struct.pack("!BBHHH", _ECHO, 0, ~total & 0xFFFF, token, number)
