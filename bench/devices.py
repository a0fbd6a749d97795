"""What talking to devices costs, each figure beside the bare minimum of the same run.

python bench/devices.py [--json] [--rounds N]

Terminal round trip: a request of the kit and its answer through dialogue, codec, link and line, against an echo of as
many bytes by ``os.read`` and ``add_reader`` alone. Both go through a pseudo-terminal to one process at its other end,
in turns, so that whatever else the machine does meets both.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
import time
import tty
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Final

import _tree  # noqa: F401 - before any package of the tree

from drivers.ports import TerminalDone, TerminalEvent, TerminalStatus, TerminalUp
from drivers.terminal import messages
from drivers.terminal.driver import SerialTerminal
from drivers.terminal.frames import ID_MAX, Frame, encode
from drivers.uart import uart

TERMINAL: Final = "terminal-1"
BAUD: Final = 115_200
ROUNDS: Final = 6_000
TURNS: Final = 100  # how often the two are measured in turn
ROUND_TRIP_MAX: Final = 1.5  # times the bare echo
PATIENCE_S: Final = 60.0
READ_MAX: Final = 4096  # bytes


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured figure against its limit; ``ratio`` is the share of the limit that is used."""

    what: str
    figure: float
    unit: str
    limit: float

    @property
    def ratio(self) -> float:
        """1 or less is within the limit."""
        return self.figure / self.limit

    def line(self) -> str:
        """For people."""
        return (
            f"{self.what:<34} {self.figure:>10.2f} {self.unit:<14} at most {self.limit:g}  "
            f"ratio {self.ratio:.2f}  {'ok' if self.ratio <= 1 else 'NO'}"
        )

    def as_json(self) -> str:
        """For machines."""
        return json.dumps({**asdict(self), "ratio": round(self.ratio, 4), "ok": self.ratio <= 1})


def answers() -> dict[bytes, bytes]:
    """What a terminal that is at rest says to every request that the kit makes here, by the bytes of the request."""
    hello = bytes(4) + messages.address(TERMINAL) + b"\x031.0" + bytes(64)
    asked = {
        messages.HELLO: (messages.hello(0), hello),
        messages.STATUS: (b"", bytes(12)),
        messages.ACTIONS["self-test"]: (messages.address(TERMINAL), b"\0"),
    }
    return {
        encode(Frame(kind, id_, payload)): encode(Frame(kind | messages.ANSWER, id_, answer))
        for kind, (payload, answer) in asked.items()
        for id_ in range(1, ID_MAX + 1)
    }


def far_end(master: int, says: Callable[[bytes], bytes]) -> int:
    """Fork a process that answers at the other end of a pseudo-terminal until it is killed; returns its number."""
    child = os.fork()
    if child:
        return child
    try:
        while True:
            os.write(master, says(os.read(master, READ_MAX)))
    finally:
        os._exit(0)


class Echo:
    """The bare minimum of whoever asks and awaits the answer: one write, one reader, one read."""

    def __init__(self, path: str) -> None:
        self._fd = os.open(path, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
        self._loop = asyncio.get_running_loop()
        self._data = encode(Frame(messages.ACTIONS["self-test"], 1, messages.address(TERMINAL)))
        self._got = 0
        self._whole: asyncio.Future[None] = self._loop.create_future()
        self._loop.add_reader(self._fd, self._readable)

    async def rounds(self, number: int) -> None:
        """So many echoes, one after the other."""
        for _ in range(number):
            self._got, self._whole = 0, self._loop.create_future()
            os.write(self._fd, self._data)
            await self._whole

    def close(self) -> None:
        """Let go of the line."""
        self._loop.remove_reader(self._fd)
        os.close(self._fd)

    def _readable(self) -> None:
        self._got += len(os.read(self._fd, READ_MAX))
        if self._got >= len(self._data):
            self._whole.set_result(None)


class Kit:
    """Our driver, asking for one self-test after the other."""

    def __init__(self, path: str) -> None:
        loop = asyncio.get_running_loop()
        self._left = 0
        self._done: asyncio.Future[None] = loop.create_future()
        self._loop = loop
        self.up = asyncio.Event()
        self._driver = SerialTerminal(
            uart(path, BAUD),
            lambda: time.monotonic_ns() // 1_000_000,
            self._hear,
            TERMINAL,
            session=0,
            status_interval_ms=3_600_000,
        )
        self._running = loop.create_task(self._driver.run())

    async def rounds(self, number: int) -> None:
        """So many self-tests, one after the other."""
        self._left, self._done = number, self._loop.create_future()
        self._driver.request("self-test")
        await self._done

    async def close(self) -> None:
        """Let go of the line."""
        self._running.cancel()
        await asyncio.wait((self._running,))

    def _hear(self, event: TerminalEvent) -> None:
        if isinstance(event, TerminalDone):
            self._left -= 1
            if self._left:
                self._driver.request("self-test")
            else:
                self._done.set_result(None)
        elif isinstance(event, TerminalStatus):
            self.up.set()
        elif not isinstance(event, TerminalUp):
            raise SystemExit(f"the far end is gone: {event}")


def terminal_round_trip(rounds: int) -> Figure:
    """Our round trip as a multiple of the bare echo's, each in the least disturbed of its turns."""
    table = answers()
    ptys = [os.openpty() for _ in range(2)]
    for end in (end for pair in ptys for end in pair):
        tty.setraw(end)
    children = [far_end(ptys[0][0], lambda data: data), far_end(ptys[1][0], lambda data: table[data])]
    try:
        echo_s, ours_s = asyncio.run(_least(*(os.ttyname(slave) for _, slave in ptys), rounds // TURNS))
    finally:
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        for end in (end for pair in ptys for end in pair):
            os.close(end)
    return Figure("terminal round trip over a pty", ours_s / echo_s, "x a bare echo", ROUND_TRIP_MAX)


async def _least(echo_path: str, terminal_path: str, rounds: int) -> list[float]:
    """Seconds of the fastest turn of each: the echo's, then ours."""
    echo, kit = Echo(echo_path), Kit(terminal_path)
    least = [float("inf"), float("inf")]
    try:
        async with asyncio.timeout(PATIENCE_S):
            await kit.up.wait()
            for _ in range(TURNS):
                for at, what in enumerate((echo, kit)):
                    began = time.perf_counter()
                    await what.rounds(rounds)
                    least[at] = min(least[at], time.perf_counter() - began)
    finally:
        await kit.close()
        echo.close()
    return least


def main() -> None:
    """Measure everything; exit code 1 where a limit is broken."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    parser.add_argument("--rounds", type=int, default=ROUNDS, metavar="N", help="round trips of each kind")
    arguments = parser.parse_args()
    if arguments.rounds < TURNS:
        parser.error(f"--rounds {arguments.rounds}: at least {TURNS} are needed")
    figures = [terminal_round_trip(arguments.rounds)]
    for figure in figures:
        print(figure.as_json() if arguments.json else figure.line())
    sys.exit(any(figure.ratio > 1 for figure in figures))


if __name__ == "__main__":
    main()
