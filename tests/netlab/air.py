"""Links over TUN interfaces, whose packets a process of ours carries: the 4G of a branch."""

import fcntl
import json
import os
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tests import peers
from tests.netlab.link import Addresses, Gate, routes
from tests.peers.namespaces import Namespace
from tests.peers.program import end

ROOT: Final = Path(__file__).parents[2]
_TUNSETIFF: Final = 0x400454CA
_TUNSETCARRIER: Final = 0x400454E2
_IFF_TUN: Final = 0x0001
_IFF_NO_PI: Final = 0x1000


class Air:
    """Implements ``Link``; carried from ``Sky.begin`` on."""

    def __init__(self, branch: Namespace, wan: Namespace, at: Addresses, key: str) -> None:
        self._branch, self._wan, self.at, self.key = branch, wan, at, key
        self.name = at.name
        self.near_fd, self.far_fd = _tun(branch, at.interface), _tun(wan, at.wan_interface)
        branch.ip(f"address add {at.near} peer {at.far} dev {at.interface}", f"link set {at.interface} up")
        wan.ip(
            f"address add {at.far} peer {at.near} dev {at.wan_interface}", f"link set {at.wan_interface} up"
        )
        self._gate = Gate(wan, at)
        self.sky: Sky | None = None
        self.usual: dict[str, Any] = {}
        self.lease()

    @property
    def interface(self) -> str:
        """Its present name."""
        return self.at.interface

    def lease(self) -> None:
        """What the mobile network would do: routes without a next hop."""
        self._branch.ip(*routes(self.at, ""))

    def change(self, **habits: Any) -> None:
        """Any of relay.Habits."""
        assert self.sky is not None
        self.sky.change(self.key, **habits)

    def cut(self, *, up: bool = True, down: bool = True) -> None:
        """As ``Link``."""
        self.change(up=not up, down=not down)

    def lose(self, percent: int) -> None:
        """As ``Link``."""
        self.change(loss=percent / 100)

    def slow(self, bits_per_s: int) -> None:
        """As ``Link``."""
        self.change(rate=bits_per_s)

    def swallow_larger(self, size: int) -> None:
        """As ``Link``."""
        self.change(largest=size)

    def unplug(self) -> None:
        """The modem says that there is no carrier."""
        fcntl.ioctl(self.near_fd, _TUNSETCARRIER, struct.pack("i", 0))

    def plug(self) -> None:
        """There is one again."""
        fcntl.ioctl(self.near_fd, _TUNSETCARRIER, struct.pack("i", 1))
        self.lease()

    def heal(self) -> None:
        """As ``Link``."""
        self._gate.clear()
        self.change(loss=0, rate=0, up=True, down=True, largest=0)


class Sky:
    """The process that carries the packets of all ``Air`` of a laboratory."""

    def __init__(self, links: Sequence[Air]) -> None:
        fds = [fd for link in links for fd in (link.near_fd, link.far_fd)]
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "tests.netlab.relay"),
                *(f"{link.key}:{link.near_fd}:{link.far_fd}" for link in links),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            pass_fds=fds,
            cwd=ROOT,
        )
        self._fds = fds
        self._one_at_a_time = threading.Lock()
        for link in links:
            link.sky = self

    def change(self, key: str, **habits: Any) -> None:
        """From the return on a link is like this."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with self._one_at_a_time:
            self._process.stdin.write(json.dumps({"link": key, **habits}).encode() + b"\n")
            self._process.stdin.flush()
            assert self._process.stdout.readline() == b"done\n", "the relay is gone"

    def close(self) -> None:
        """End the process; the interfaces go with it."""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        end(self._process, signal.SIGTERM)
        for fd in self._fds:
            os.close(fd)


def _tun(where: Namespace, name: str) -> int:
    """A new TUN interface without packet information, and the file that its packets come out of."""
    try:
        with where.inside():
            fd = os.open("/dev/net/tun", os.O_RDWR)
            fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _IFF_TUN | _IFF_NO_PI))
    except OSError as error:
        peers.missing(f"a TUN interface cannot be made here: {error}")
    return fd
