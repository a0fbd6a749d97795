"""Far ends of a printer: one small class for each, which the contract of the port holds the driver against.

Another one: a class with what ``PrinterRig`` asks for, and a line in RIGS.
"""

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, Final, Protocol

from drivers.ports import OpenStream, PrinterEvent
from drivers.printer.driver import EscposPrinter
from drivers.printer.lines import network, usb
from drivers.uart import uart
from simulators.devices.pipe import PipeLine
from simulators.devices.printer import PrinterModel, make_printer
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import Hear, LinkedPty, TcpPort
from simulators.stand.stand import Line, Stand
from simulators.stand.transcript import Transcript

WIDTH: Final = 64  # dots
Emit = Callable[[PrinterEvent], None]


def now() -> int:
    """The running loop's clock, ms."""
    return int(asyncio.get_running_loop().time() * 1000)


class PrinterRig(Protocol):
    """A printer that prints ``rows_per_s``, fine at first. ``virtual``: runs on a loop whose clock jumps."""

    @property
    def virtual(self) -> bool: ...
    async def start(self, emit: Emit, *, answers: bool = True) -> EscposPrinter:
        """Build the far end and return a driver that is not running yet."""

    def do(self, words: str) -> None:
        """What people and accidents do to a printer, as ``kit-sim ctl`` says it."""

    def tapes(self) -> list[list[bytes]]:
        """What was cut off, and last what hangs out of it: rows with black in them."""

    async def stop(self) -> None:
        """Take the far end down. Idempotent."""


class _Simulated:
    """The simulated printer on the stand; where it hangs is the subclasses' matter."""

    virtual: ClassVar[bool] = False
    latency: ClassVar[int] = 0

    def __init__(self) -> None:
        self._model: PrinterModel | None = None
        self._stand: Stand | None = None

    async def start(self, emit: Emit, *, answers: bool = True) -> EscposPrinter:
        self._model = make_printer(
            width_dots=WIDTH, rows_per_s=400 if self.virtual else 2_500, answers=answers
        )
        self._stand = Stand(FaultyLine(self._model), Transcript(None), now)
        line, opener = self._line(self._stand.hear)
        self._stand.put_behind(line)
        poll_ms = 5_000 if self.virtual else 200
        return EscposPrinter(opener(), now, emit, width_dots=WIDTH, answers=answers, poll_ms=poll_ms)

    def do(self, words: str) -> None:
        assert self._stand is not None
        self._stand.obey(words.split())

    def tapes(self) -> list[list[bytes]]:
        assert self._model is not None
        paper = self._model.paper
        return [[row for row in tape if any(row)] for tape in (*paper.tapes, paper.hanging)]

    async def stop(self) -> None:
        if self._stand is not None:
            self._stand.close()
            self._stand = None

    def _line(self, hear: Hear) -> tuple[Line, Callable[[], OpenStream]]:
        raise NotImplementedError


class InPipe(_Simulated):
    """Without a kernel in between, on virtual time."""

    virtual = True

    def _line(self, hear: Hear) -> tuple[Line, Callable[[], OpenStream]]:
        pipe = PipeLine(hear, latency_ms=2)
        return _StandPipe(pipe), lambda: pipe.open


class _StandPipe:
    """A pipe as a line of the stand."""

    def __init__(self, pipe: PipeLine) -> None:
        self._pipe = pipe

    def send(self, data: bytes) -> None:
        stream = self._pipe._stream
        if stream is not None:
            stream._inward.append(data)
            stream._reach_reader()

    def plug(self) -> str:
        self._pipe.plug()
        return "plugged in"

    def unplug(self) -> str:
        self._pipe.unplug()
        return "unplugged"

    def close(self) -> None:
        self._pipe.unplug()


class _OnPty(_Simulated):
    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory(prefix="printer-")

    @property
    def _path(self) -> Path:
        return Path(self._folder.name) / "printer"

    async def stop(self) -> None:
        await super().stop()
        self._folder.cleanup()


class SerialOnPty(_OnPty):
    """Over a pseudo-terminal and pyserial."""

    def _line(self, hear: Hear) -> tuple[Line, Callable[[], OpenStream]]:
        return LinkedPty(self._path, hear), lambda: uart(str(self._path), 115_200)


class UsbOnPty(_OnPty):
    """Over a character device that is opened as ``/dev/usb/lp0`` is."""

    def _line(self, hear: Hear) -> tuple[Line, Callable[[], OpenStream]]:
        return LinkedPty(self._path, hear), lambda: usb(str(self._path))


class OnNetwork(_Simulated):
    """Over TCP."""

    def _line(self, hear: Hear) -> tuple[Line, Callable[[], OpenStream]]:
        port = TcpPort("127.0.0.1", 0, hear, None)
        host, number = port.address.removeprefix("tcp:").split(":")
        return port, lambda: network(host, int(number))


RIGS: Final[dict[str, Callable[[], PrinterRig]]] = {
    "pipe": InPipe,
    "serial": SerialOnPty,
    "usb": UsbOnPty,
    "network": OnNetwork,
}
