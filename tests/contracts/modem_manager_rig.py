"""The far end of our client of ModemManager: ModemManager itself, and the simulated modem behind it."""

import asyncio
import contextlib
import shutil
import tempfile
from pathlib import Path

from drivers.modem.manager import ManagerModem, ManagerSettings, ModemMatch
from drivers.ports import ModemReading
from simulators.devices.modem.factory import IMEI, make_modem
from simulators.stand.faults import FaultyLine
from simulators.stand.lines import LinkedPty
from simulators.stand.stand import Stand
from simulators.stand.transcript import Transcript
from tests.contracts.modem_rigs import ModemRig, Plan, Story
from tests.drivers.virtual_time import now
from tests.peers.modem_manager import MODEM, ModemManager

POLL_MS = 500


class _ManagerRig(ModemRig):
    async def settled(self) -> ModemReading:
        """ModemManager measures the radio a little after it has registered."""
        return await self.until(
            ModemReading, lambda reading: reading.registration == "home" and reading.signal.grade != "none"
        )


def by_modem_manager(story: Story, plan: Plan) -> None:
    """The ModemManager backend, ModemManager and the simulated modem, in real time."""
    folder = Path(tempfile.mkdtemp(prefix="mm-rig-"))
    try:
        asyncio.run(_tell(folder, story, plan))
    finally:
        shutil.rmtree(folder)


async def _tell(folder: Path, story: Story, plan: Plan) -> None:
    manager = ModemManager(folder)
    model = make_modem(pin=plan.sim_pin, sims=plan.sims, now_ms=now())
    stand = Stand(FaultyLine(model), Transcript(None), now)
    stand.put_behind(LinkedPty(folder / "modem", stand.hear))
    rig = _ManagerRig(stand)
    settings = ManagerSettings(POLL_MS, plan.pin, other_pins=(plan.pin,), measure_every_s=1)
    rig.driver = driver = ManagerModem(
        manager.address, ModemMatch(imei=IMEI), now, rig.heard.append, settings
    )
    try:
        await manager.start()
        await manager.plug(str(folder / "modem"))
        await manager.until_modem(lambda modem: "State" in modem[MODEM])
        running = asyncio.create_task(driver.run())
        await story(rig)
        assert not running.done(), "a driver never returns by itself"
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        assert running.cancelled(), "a driver that is cancelled ends as cancelled"
    finally:
        manager.stop()
        stand.close()
