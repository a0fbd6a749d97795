"""Carries packets between pairs of TUN interfaces as a mobile network would: late, unevenly, slowly, or not at all.

    python -m tests.netlab.relay NAME:BRANCH_FD:WAN_FD ...

A line of JSON on standard input changes a link from then on, and is answered by a line once it holds:
``{"link": NAME, "delay_ms": 30, "jitter_ms": 5, "loss": 0.3, "rate": 32000, "up": true, "down": true, "largest": 0}``;
what it does not name stays. ``rate``: bits a second, 0 for no limit; ``up`` and ``down``: whether packets of the branch
and of the centre pass; ``largest``: bytes of the largest packet that passes, 0 for no limit.
"""

import contextlib
import heapq
import json
import os
import select
import sys
import time
import zlib
from dataclasses import dataclass, replace
from random import Random
from typing import Final

QUEUE_MAX: Final = 256  # packets that wait in one direction; more are dropped
PACKET_MAX: Final = 65_536  # bytes


@dataclass(frozen=True, slots=True)
class Habits:
    """How a link is. ``delay_ms`` and ``jitter_ms``: each way."""

    delay_ms: float = 30.0
    jitter_ms: float = 4.0
    loss: float = 0.0
    rate: int = 0
    up: bool = True
    down: bool = True
    largest: int = 0


class Direction:
    """One way of one link: packets leave in the order in which they came."""

    def __init__(self, source: int, target: int, *, up: bool, seed: int) -> None:
        self.source, self.target = source, target
        self._up, self._rng = up, Random(seed)
        self.waiting: list[tuple[float, int, bytes]] = []
        self._last = 0.0
        self._sent = 0.0
        self._number = 0

    def take(self, packet: bytes, habits: Habits, now: float) -> None:
        passes = habits.up if self._up else habits.down
        lost = self._rng.random() < habits.loss or (habits.largest and len(packet) > habits.largest)
        if not passes or lost or len(self.waiting) >= QUEUE_MAX:
            return
        leaves = now
        if habits.rate:
            leaves = self._sent = max(now, self._sent) + 8 * len(packet) / habits.rate
        late_ms = habits.delay_ms + self._rng.uniform(-habits.jitter_ms, habits.jitter_ms)
        self._last = max(self._last, leaves + late_ms / 1000)
        self._number += 1
        heapq.heappush(self.waiting, (self._last, self._number, packet))

    def give(self, now: float) -> None:
        while self.waiting and self.waiting[0][0] <= now:
            packet = heapq.heappop(self.waiting)[2]
            with contextlib.suppress(OSError):  # that end is down just now: lost
                os.write(self.target, packet)


class Relay:
    """All links of a lab."""

    def __init__(self, links: dict[str, tuple[int, int]]) -> None:
        self._habits = dict.fromkeys(links, Habits())
        self._ways: dict[int, tuple[str, Direction]] = {}
        for name, (branch, wan) in links.items():
            for source, target, up in ((branch, wan, True), (wan, branch, False)):
                os.set_blocking(source, False)
                seed = zlib.crc32(f"{name} {up}".encode())
                self._ways[source] = (name, Direction(source, target, up=up, seed=seed))
        self._said = b""

    def run(self) -> None:
        """Until standard input ends."""
        while True:
            now = time.monotonic()
            due = [way.waiting[0][0] for _, way in self._ways.values() if way.waiting]
            pause = max(0.0, min(due) - now) if due else None
            ready, _, _ = select.select([0, *self._ways], [], [], pause)
            now = time.monotonic()
            for fd in ready:
                if fd == 0:
                    if not self._heard(os.read(0, PACKET_MAX)):
                        return
                else:
                    self._read(fd, now)
            for _, way in self._ways.values():
                way.give(now)

    def _read(self, fd: int, now: float) -> None:
        name, way = self._ways[fd]
        while True:
            try:
                packet = os.read(fd, PACKET_MAX)
            except OSError:  # nothing more, or the interface is down
                return
            way.take(packet, self._habits[name], now)

    def _heard(self, data: bytes) -> bool:
        self._said += data
        *lines, self._said = self._said.split(b"\n")
        for line in lines:
            wish = json.loads(line)
            name = wish.pop("link")
            self._habits[name] = replace(self._habits[name], **wish)
            sys.stdout.write("done\n")
            sys.stdout.flush()
        return bool(data)


def main() -> None:
    links = {}
    for argument in sys.argv[1:]:
        name, branch, wan = argument.rsplit(":", 2)
        links[name] = (int(branch), int(wan))
    Relay(links).run()


if __name__ == "__main__":
    main()
