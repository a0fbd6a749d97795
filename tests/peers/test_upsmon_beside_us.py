"""upsmon and our client at one upsd: both are counted, and its forced shutdown reaches us before it ends the power."""

import asyncio
from pathlib import Path

import pytest

from drivers.ports import UpsReading
from drivers.ups.nut.driver import NutUps
from drivers.ups.nut.target import NutTarget
from tests.contracts.ups_listener import PATIENCE_S, UpsListener, now, running
from tests.peers.nut import HOST, PASSWORD, USER, Nut, dummy

pytestmark = pytest.mark.peer("upsd", "upsc", "upsrw", "upsmon")


async def test_primary_ends_the_power_without_a_word_to_us(tmp_path: Path) -> None:
    """One story, for a machine runs one upsmon at a time: its PID file cannot be moved."""
    mark = tmp_path / "would-be-off"
    listener = UpsListener()
    async with Nut(dummy()) as nut:
        target = NutTarget(HOST, "dummy", None, USER, PASSWORD, nut.port)
        async with running(NutUps(target, now, listener.hear, 100)):
            await listener.next(UpsReading)
            await nut.start_upsmon("dummy", mark)
            await nut.wait_for_logins("dummy", 2)

            await nut.upsrw("dummy", "ups.status", "OB DISCHRG")
            await listener.next(UpsReading, lambda one: one.flags == {"OB", "DISCHRG"})
            assert not mark.exists()

            await nut.upsrw("dummy", "ups.status", "OB LB")
            forced = await listener.next(UpsReading, lambda one: "FSD" in one.flags)
            assert (forced.on_battery, forced.battery_low) == (True, True)
            assert not mark.exists(), "upsmon waits a while for those who are logged in, as we are"
            async with asyncio.timeout(PATIENCE_S):
                while not mark.exists():  # noqa: ASYNC110 - made by another process
                    await asyncio.sleep(0.1)
        await nut.wait_for_logins("dummy", 0)
