"""Every byte that a kit writes or sends during a simulated day, each with its moment; and voters in any order."""

import struct
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from random import Random
from typing import Any, Final

from simulators.results import Station
from simulators.virtual.timed_loop import START_S
from simulators.world.branch import Branch
from simulators.world.day import Outcome, WorldDay
from simulators.world.world import Hours
from tests.world.short_day import HOURS, sample

Leak = Callable[["Branch"], None]
"""Makes a kit tell something that it must not; called before the day."""

PAGE_BYTES: Final = 4096  # of an SQLite database as the kit makes it
WAL_HEAD, WAL_FRAME_HEAD = 32, 24  # bytes; SQLite file format, section 4.1
JOURNAL_HEAD: Final = 512  # bytes, section 3


def by_chance(name: str, offset: int) -> bool:
    """Whether SQLite draws this byte of a file by chance (salts, a nonce), or computes it from such (checksums)."""
    if name.endswith("-wal"):
        if offset < WAL_HEAD:
            return offset >= 16
        return 8 <= (offset - WAL_HEAD) % (WAL_FRAME_HEAD + PAGE_BYTES) < WAL_FRAME_HEAD
    if name.endswith("-journal"):
        if offset < JOURNAL_HEAD:
            return 12 <= offset < 16
        return (offset - JOURNAL_HEAD) % (4 + PAGE_BYTES + 4) >= 4 + PAGE_BYTES
    return False


class Recording:
    """What went out of one kit, by stream (``disk journal.db-wal``, ``net ... up``, ``log``), in the order it did."""

    def __init__(self, day: WorldDay, branch: Branch) -> None:
        self.streams: dict[str, list[bytes]] = defaultdict(list)
        self._day, self._branch = day, branch
        self._disk()
        self._lines()
        self._net()
        self._log()
        self._socket()

    def add(self, stream: str, data: bytes) -> None:
        """One piece, at this moment."""
        self.streams[stream].append(struct.pack(">d", self._day.loop.time() - START_S) + data)

    def bytes_of(self, kind: str) -> int:
        """How much went out on all streams of a kind."""
        return sum(
            len(piece) for name, pieces in self.streams.items() if name.startswith(kind) for piece in pieces
        )

    def shape(self) -> dict[str, list[tuple[bytes, int]]]:
        """Moments and lengths alone."""
        return {name: [(piece[:8], len(piece)) for piece in pieces] for name, pieces in self.streams.items()}

    def _disk(self) -> None:
        disk: Any = self._branch.disk
        write = disk.write

        def written(volume: Any, file: Any, change: Any) -> None:
            name = next((name for name, one in volume.files.items() if one is file), "temporary")
            data = b"truncated" if change.data is None else change.data
            kept = bytes(0 if by_chance(name, change.offset + at) else byte for at, byte in enumerate(data))
            self.add(f"disk {name}", b"%d %b" % (change.offset, kept))
            write(volume, file, change)

        disk.write = written

    def _lines(self) -> None:
        for name, line in self._branch.lines.items():
            self._line(name, line)

    def _line(self, name: str, line: Any) -> None:
        answer = line._answer

        def answered(data: bytes) -> bytes:
            self.add(f"serial to {name}", data)
            said: bytes = answer(data)
            self.add(f"serial from {name}", said)
            return said

        line._answer = answered

    def _net(self) -> None:
        def sent(_at: float, link: str, direction: str, data: bytes) -> None:
            if link.startswith(f"{self._branch.name}/"):
                self.add(f"net {link} {direction}", data)

        self._day.network.tap(sent)

    def _log(self) -> None:
        log: Any = self._branch._log
        line = log._line

        def logged(level: str, event: str, fields: dict[str, Any]) -> None:
            self.add("log", f"{level} {event} {fields}".encode())
            line(level, event, fields)

        log._line = logged

    def _socket(self) -> None:
        branch: Any = self._branch
        ask = branch.officials._ask

        async def asked(request: dict[str, Any]) -> dict[str, Any]:
            answer: dict[str, Any] = await ask(request)
            self.add("socket", repr(answer).encode())
            return answer

        branch.officials._ask = asked


class Voters:
    """Takes the order in which votes fall out of the world's hands: ``order`` alone decides it."""

    def __init__(self, branch: Branch, order: str) -> None:
        self.counts: list[str] = []
        """The running count after each voter: what nobody may learn."""
        model: Any = branch.terminal
        cast, rng = model.cast, Random(f"votes fall in order {order}")

        def voted(_: Random) -> bool:
            done: bool = cast(rng)
            self.counts.append(repr(model.durable["counted"]))
            return done

        model.cast = voted


def recorded(
    order: str,
    *,
    seed: int = 1,
    faults: bool = False,
    leak: Leak | None = None,
    change: Callable[[Station], Station] = lambda station: station,
    hours: Hours = HOURS,
) -> tuple[Recording, Voters, Outcome]:
    """One day of one branch. Days that differ in ``order`` alone are the same but for who voted when."""
    results, stations = sample(1, seed)
    day = WorldDay(results, [change(one) for one in stations], f"order/{seed}", faults=faults, hours=hours)
    (branch,) = day.branches
    voters = Voters(branch, order)
    recording = Recording(day, branch)
    if leak is not None:
        leak(branch)
    return recording, voters, day.run()


def differing(one: Recording, other: Recording) -> list[str]:
    """The streams that are not the same to the byte."""
    names: Mapping[str, Sequence[bytes]] = one.streams | other.streams
    return sorted(name for name in names if one.streams.get(name) != other.streams.get(name))
