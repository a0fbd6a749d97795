"""NUT's own drivers on our simulated UPSes: ``nutdrv_qx`` on every model, ``blazer_ser`` on those that it knows.

``kit-sim ups`` holds the pseudo-terminal, a real ``upsd`` asks the driver, ``upsc`` tells what came of it. blazer_ser
is the older driver: Voltronic's QS it knows as "mustek", which asks the same question for the status.
"""

import asyncio
import contextlib
import shutil
import tempfile
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, Final

import pytest

from simulators.day.process import entry
from simulators.stand import control
from tests.peers.nut import Nut, NutDriver

SEEN_S: Final = 2.0  # a change at the UPS is seen by upsc
EVER_S: Final = 30.0  # by when anything has happened, however busy the machine
TRIES: Final = 4  # outages, of which one must be seen in time: a busy machine may be late now and then
UPS: Final = "simulated"
POWER_WORDS: Final = {"OL", "OB", "LB"}

DRIVERS: Final[dict[str, list[tuple[str, ...]]]] = {
    "megatec": [("nutdrv_qx", "protocol = megatec"), ("blazer_ser", "protocol = megatec")],
    "q1": [("nutdrv_qx", "protocol = q1"), ("blazer_ser", "protocol = megatec", "norating", "novendor")],
    "voltronic-qs": [
        ("nutdrv_qx", "protocol = voltronic-qs"),
        ("blazer_ser", "protocol = mustek", "novendor"),
    ],
}
"""By model: NUT's drivers that speak to it, and their settings."""
pytestmark = pytest.mark.peer("upsd", "upsc")


class Bench:
    """One simulated UPS, the driver on it, and upsd."""

    def __init__(self, nut: Nut, folder: Path) -> None:
        self.nut = nut
        self._socket = folder / "control"

    async def script(self, line: str) -> Any:
        """What ``kit-sim ctl`` does."""
        answer = await asyncio.to_thread(control.ask, self._socket, line.split())
        assert answer["ok"], answer
        return answer["says"]

    async def words(self) -> set[str]:
        """Of ``ups.status``, or of the complaint instead."""
        return set((await self.nut.upsc(UPS, "ups.status")).split())

    async def seen(self, *wanted: str) -> float:
        """Wait for a status; returns how long it took."""
        began = time.monotonic()
        while (said := await self.words()) & POWER_WORDS != set(wanted):
            assert time.monotonic() - began < EVER_S, f"{said} and not {wanted}: {self.nut.said(UPS)}"
            await asyncio.sleep(0.02)
        return time.monotonic() - began

    async def stale(self) -> None:
        began = time.monotonic()
        while "stale" not in (said := await self.words()):
            assert time.monotonic() - began < EVER_S, f"{said} of a mute UPS"
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def bench(model: str, program: str, *lines: str) -> AsyncIterator[Bench]:
    folder = Path(tempfile.mkdtemp(prefix="kit-sim-"))
    link, socket = folder / "line", folder / "control"
    command = entry(
        "simulators.cli:main", "ups", "--model", model, "--link", str(link), "--control", str(socket)
    )
    process = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL)
    try:
        began = time.monotonic()
        while not (link.exists() and socket.exists()):
            assert process.returncode is None, "kit-sim ended"
            assert time.monotonic() - began < EVER_S, "kit-sim lays no line"
            await asyncio.sleep(0.02)
        async with Nut(NutDriver(UPS, program, (f"port = {link}", *lines))) as nut:
            yield Bench(nut, folder)
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.wait()
        shutil.rmtree(folder, ignore_errors=True)


async def live_through_outages(table: Bench) -> None:
    """OL, OB, OB LB, OL, each seen in time; then the UPS falls mute and comes back."""
    await table.seen("OL")
    slowest: list[float] = []
    while len(slowest) < TRIES and min(slowest, default=EVER_S) > SEEN_S:
        took = []
        for line, wanted in (("mains off", ("OB",)), ("charge 10 %", ("OB", "LB")), ("mains on", ("OL",))):
            await table.script(line)
            took.append(await table.seen(*wanted))
        await table.script("charge 100 %")
        slowest.append(max(took))
    assert min(slowest) <= SEEN_S
    await table.script("mute")
    await table.stale()
    await table.script("heard")
    await table.seen("OL")


@pytest.mark.parametrize("model", DRIVERS)
async def test_outage_is_not_seen_in_time(model: str) -> None:
    async def ask(program: str, *lines: str) -> None:
        async with bench(model, program, *lines) as table:
            await live_through_outages(table)

    async with asyncio.TaskGroup() as drivers:
        for driver in DRIVERS[model]:
            drivers.create_task(ask(*driver))


@pytest.mark.parametrize(
    ("model", "subdriver"), [("megatec", "Megatec"), ("q1", "Q1"), ("voltronic-qs", "Voltronic-QS")]
)
async def test_driver_that_guesses_takes_it_for_something_else(model: str, subdriver: str) -> None:
    async with bench(model, "nutdrv_qx") as table:
        await table.seen("OL")
        assert (await table.nut.upsc(UPS, "driver.version.data")).split()[0] == subdriver


async def test_driver_reads_other_values_than_are_true() -> None:
    async with bench("megatec", "nutdrv_qx", "protocol = megatec", "pollfreq = 2") as table:
        for variable, value in (
            ("device.mfr", "KITSIM"),
            ("battery.voltage.nominal", "12.0"),
            ("input.voltage.nominal", "230"),
            ("ups.load", "33"),
            ("battery.voltage", "13.60"),
            ("ups.type", "offline / line interactive"),
        ):
            assert await table.nut.upsc(UPS, variable) == value, variable
        await table.script("mains 180 V")
        began = time.monotonic()
        while await table.words() != {"OL", "BOOST"}:
            assert time.monotonic() - began < EVER_S, "no boost is seen"
            await asyncio.sleep(0.5)


@pytest.mark.parametrize(("model", "which"), [("megatec", 0), ("megatec", 1), ("voltronic-qs", 0)])
async def test_instant_commands_come_to_nothing(model: str, which: int) -> None:
    async with bench(model, *DRIVERS[model][which]) as table:

        async def until(key: str, value: object) -> None:
            began = time.monotonic()
            while (state := await table.script("state"))[key] != value:
                assert time.monotonic() - began < EVER_S, (key, state)
                await asyncio.sleep(0.05)

        assert "SUCCESS" in await table.nut.upscmd(UPS, "test.battery.start.quick")
        await until("testing", True)
        assert "SUCCESS" in await table.nut.upscmd(UPS, "shutdown.return")
        state = await table.script("state")
        assert 0 < state["shutdown_in_ms"] <= 30_000
        assert "SUCCESS" in await table.nut.upscmd(UPS, "shutdown.stop")
        await until("shutdown_in_ms", None)
        assert "SUCCESS" in await table.nut.upscmd(UPS, "beeper.toggle")
        await until("beeper_muted", True)


async def test_command_that_the_ups_does_not_know_is_called_done() -> None:
    async with bench("q1", "nutdrv_qx", "protocol = q1") as table:
        assert "SUCCESS" not in await table.nut.upscmd(UPS, "test.battery.start.quick")
