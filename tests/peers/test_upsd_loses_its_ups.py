"""Our client of upsd against a real one: what stops being known is told as lost, with the reason, and comes back.

A real ``upsd`` asks a real ``dummy-ups``, whose variables ``upsrw`` sets.
"""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from functools import partial

import pytest

from drivers.ports import UpsCommandEnded, UpsLost, UpsReading
from drivers.ups.nut.driver import NutUps
from drivers.ups.nut.target import NutTarget
from tests.contracts.ups_listener import UpsListener, now, running
from tests.peers.nut import HOST, ODD_PASSWORD, PASSWORD, USER, Nut, dummy

pytestmark = pytest.mark.peer("upsd", "upsc", "upsrw")
POLL_MS = 200


def _shows(status: str, reading: UpsReading) -> bool:
    return reading.flags == set(status.split())


@pytest.fixture(scope="module")
def nut() -> Iterator[Nut]:
    """One server for all: each test leaves it as it found it, for starting one takes seconds."""
    server = Nut(dummy())
    asyncio.run(server.start())
    yield server
    server.end()


def target_of(nut: Nut, ups: str = "dummy") -> NutTarget:
    return NutTarget(HOST, ups, None, USER, PASSWORD, nut.port)


@contextlib.asynccontextmanager
async def listening(target: NutTarget) -> AsyncIterator[tuple[UpsListener, NutUps]]:
    listener = UpsListener()
    ups = NutUps(target, now, listener.hear, POLL_MS)
    async with running(ups):
        yield listener, ups


async def test_values_and_flags_are_read_wrongly(nut: Nut) -> None:
    async with listening(target_of(nut)) as (listener, _):
        assert await listener.next(UpsReading) == UpsReading(
            on_battery=False,
            battery_low=False,
            input_voltage_v=230.1,
            load_percent=12.0,
            battery_voltage_v=13.6,
            battery_charge_percent=90.0,
            battery_runtime_s=1200.0,
            flags=frozenset({"OL"}),
        )
        for status, on_battery, battery_low in (
            ("ALARM OL CHRG RB TRIM CAL", False, False),
            ("OB DISCHRG", True, False),
            ("FSD OB LB", True, True),
        ):
            await nut.upsrw("dummy", "ups.status", status)
            reading = await listener.next(UpsReading, partial(_shows, status))
            assert (reading.on_battery, reading.battery_low) == (on_battery, battery_low)
        await nut.upsrw("dummy", "ups.status", "OFF")
        assert "neither on line (OL) nor on battery (OB)" in (await listener.next(UpsLost)).reason
        await nut.upsrw("dummy", "ups.status", "OL")
        await listener.next(UpsReading)


async def test_driver_dies_or_hangs(nut: Nut) -> None:
    async with listening(target_of(nut)) as (listener, _):
        await listener.next(UpsReading)
        nut.kill("dummy")
        assert "DRIVER-NOT-CONNECTED" in (await listener.next(UpsLost)).reason
        await listener.silent_for(1.0)
        await nut.start_driver("dummy")
        await listener.next(UpsReading)
        nut.send("dummy", signal.SIGSTOP)
        assert "DATA-STALE" in (await listener.next(UpsLost)).reason
        await listener.silent_for(1.0)
        nut.send("dummy", signal.SIGCONT)
        await listener.next(UpsReading)


async def test_upsd_dies_or_hangs(nut: Nut) -> None:
    async with listening(target_of(nut)) as (listener, _):
        await listener.next(UpsReading)
        nut.kill("upsd")
        assert "cannot connect" in (await listener.next(UpsLost)).reason
        await listener.silent_for(1.0)
        await nut.start_upsd()
        await listener.next(UpsReading)
        nut.send("upsd", signal.SIGSTOP)
        assert (
            "no believable answer in 3 polls: upsd has not answered" in (await listener.next(UpsLost)).reason
        )
        nut.send("upsd", signal.SIGCONT)
        await listener.next(UpsReading)


async def test_upsd_does_not_know_the_ups_or_us(nut: Nut) -> None:
    here = target_of(nut)
    for target, reason in (
        (replace(here, ups="another"), "upsd refuses LOGIN: UNKNOWN-UPS: upsd has no UPS named another"),
        (replace(here, ups="another", username=None, password=None), "UNKNOWN-UPS"),
        (replace(here, password="wrong"), "upsd refuses LOGIN: ACCESS-DENIED"),  # noqa: S106
        (replace(here, username="stranger", password="unloved"), "upsd refuses LOGIN: ACCESS-DENIED"),  # noqa: S106
    ):
        async with listening(target) as (listener, _):
            assert reason in (await listener.next(UpsLost)).reason
            await listener.silent_for(0.5)


async def test_password_needs_quotes(nut: Nut) -> None:
    odd = replace(target_of(nut), username="odd", password=ODD_PASSWORD)
    async with listening(odd) as (listener, ups):
        await listener.next(UpsReading)
        assert await nut.logins("dummy") == 1
        ups.command("beeper.toggle")
        ended = await listener.next(UpsCommandEnded)
        assert (ended.command, ended.outcome) == ("beeper.toggle", "refused")
    await nut.wait_for_logins("dummy", 0)


async def test_one_who_only_looks_on_is_counted_or_obeyed(nut: Nut) -> None:
    async with listening(replace(target_of(nut), username=None, password=None)) as (listener, ups):
        await listener.next(UpsReading)
        assert await nut.logins("dummy") == 0
        ups.command("beeper.toggle")
        ended = await listener.next(UpsCommandEnded)
        assert (ended.outcome, "USERNAME-REQUIRED" in ended.detail) == ("refused", True)


async def test_ok_is_taken_for_done(nut: Nut) -> None:
    """upsd says OK to ``load.off``, which dummy-ups lists and then does not know: tracking tells the truth."""
    async with listening(target_of(nut)) as (listener, ups):
        await listener.next(UpsReading)
        ups.command("load.off")  # type: ignore[arg-type]  # the one command that dummy-ups lists; no UpsCommand
        ended = await listener.next(UpsCommandEnded)
        assert (ended.outcome, ended.detail) == ("refused", "upsd says ERR UNKNOWN")
        ups.command("beeper.toggle")
        ended = await listener.next(UpsCommandEnded)
        assert (ended.outcome, ended.detail) == ("refused", "upsd says ERR CMD-NOT-SUPPORTED")
