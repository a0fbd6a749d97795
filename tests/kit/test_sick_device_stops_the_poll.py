"""A driver's bug that a hostile device finds: the device is lost, everything else at the kit goes on."""

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from drivers.modem.at.driver import AtModem
from drivers.ports import Baudrate, ByteStream, ModemLost, OpenStream, StreamClosedError, UpsLost
from drivers.printer.driver import EscposPrinter
from kit import held
from kit.config import load
from kit.daemon import build
from kit.edges import SystemClock
from kit.events import Event, ModemHeard, UpsHeard
from kit.held import hold
from kit.periphery import Periphery
from kit.ports import Ports
from kit.runner import StuckError
from tests.kit.commission import commission

PATIENCE_S = 20.0


class Diary:
    """A log that remembers."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def info(self, event: str, **_: Any) -> None:
        self.lines.append(event)

    warning = error = exception = info


def _nothing_there(_port: str, _baudrate: Baudrate) -> OpenStream:
    async def open_stream() -> ByteStream:
        raise StreamClosedError("unplugged")

    return open_stream


async def _wait_for(condition: Any) -> None:
    loop = asyncio.get_running_loop()
    deadline = loop.time() + PATIENCE_S
    while not condition():
        assert loop.time() < deadline, "it did not come"
        await asyncio.sleep(0.01)


async def test_bug_in_one_driver_stops_all_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = commission(tmp_path)
    with path.open("a") as file:
        file.write('\n[[modems]]\nkind = "at"\nname = "a"\nport = "/dev/null"\n')
    runs = 0

    async def run(_: AtModem) -> None:
        nonlocal runs
        runs += 1
        raise KeyError("what a hostile modem said")

    monkeypatch.setattr(AtModem, "run", run)
    monkeypatch.setattr(held, "PAUSE_MIN_S", 0.01)
    heard: list[Event] = []
    diary = Diary()
    ports = Ports(clock=SystemClock(), entropy=bytes, open_stream=_nothing_there)
    periphery = Periphery(load(path), ports, heard.append, diary)
    tasks = {name: asyncio.ensure_future(part) for name, part in periphery.parts()}
    try:
        await _wait_for(lambda: runs >= 3 and any(isinstance(event, UpsHeard) for event in heard))
        assert not [name for name, task in tasks.items() if task.done()]
        lost = [event.event for event in heard if isinstance(event, ModemHeard)]
        assert all(isinstance(event, ModemLost) for event in lost)
        assert "KeyError" in lost[0].reason  # type: ignore[union-attr]
        assert diary.lines.count("driver failed") == runs
        assert any(isinstance(event.event, UpsLost) for event in heard if isinstance(event, UpsHeard))
    finally:
        for task in tasks.values():
            task.cancel()
        await asyncio.gather(*tasks.values(), return_exceptions=True)


async def test_bug_in_the_printers_driver_ends_the_daemon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = commission(tmp_path)
    (tmp_path / "state").mkdir()
    with path.open("a") as file:
        file.write('\n[printer]\nkind = "network"\nhost = "127.0.0.1"\ntcp_port = 9\n')
    runs = 0

    async def run(_: EscposPrinter) -> None:
        nonlocal runs
        runs += 1
        raise IndexError("what a hostile printer said")

    monkeypatch.setattr(EscposPrinter, "run", run)
    monkeypatch.setattr(held, "PAUSE_MIN_S", 0.01)
    ports = Ports(clock=SystemClock(), entropy=os.urandom, open_stream=_nothing_there)
    daemon = build(load(path), ports, Diary())
    task = asyncio.ensure_future(daemon.run(listen=False))
    await _wait_for(lambda: runs >= 3 or task.done())
    assert not task.done()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_driver_that_fails_at_once_is_begun_anew_without_a_pause(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 10:
            raise asyncio.CancelledError

    async def run() -> None:
        raise ValueError

    monkeypatch.setattr(asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        await hold("modem a", run, lambda _: None, Diary())
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60, 60]


async def test_driver_that_ends_is_never_missed() -> None:
    reasons: list[str] = []

    async def run() -> None:
        return

    task = asyncio.ensure_future(hold("fibre", run, reasons.append, Diary()))
    await _wait_for(lambda: reasons)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert "ended by itself" in reasons[0]


@pytest.mark.parametrize("grouped", [False, True])
async def test_kit_that_is_stuck_is_held_up_by_a_driver(*, grouped: bool) -> None:
    """A restart heals it, and only a restart."""

    async def run() -> None:
        stuck = StuckError("10000 events wait")
        raise ExceptionGroup("tasks", [ValueError(), stuck]) if grouped else stuck

    with pytest.raises(ExceptionGroup if grouped else StuckError):
        await hold("ups", run, lambda _: None, Diary())
