"""A short day on which all data links of a branch die for good while it seals; a modem may be left, and a gateway."""

import asyncio
import gc
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from center.pruning import Keep
from center.sms.folder import Folder
from center.sms.gateway import Gateway
from center.sms.modem import ModemMessages
from drivers.modem.at.settings import AtSettings
from kit.facts import EnvelopeSealed
from kit.tables.devices import AtModemLine
from kit.tables.escalation import EscalationTable, PhaseClock
from kit.tables.sms import SmsTable
from simulators.devices.modem import SimulatedNetwork, make_modem
from simulators.devices.pipe import PipeLine
from simulators.virtual.net import install
from simulators.world.centre import HOST, LATENCY_S, PORT
from simulators.world.world import Hours, World
from tests.world.short_day import sample

HOURS: Final = Hours(open_s=60, close_s=120, heal_s=600, deadline_s=7_200)
GATEWAY_NUMBER: Final = "+99900000900"
GATEWAY_NODE: Final = "sms-gateway"
PATIENCE_S: Final = 120
ASK_AFTER_S: Final = 30
SMS_AFTER_S: Final = 60
COURIER_AFTER_S: Final = 900
TICK_S: Final = 0.5
PART_S: Final = 5.0
"""Of one SMS: a modem takes 1.2 s to send it, the network 0.8 s or three times that; both ends look twice a second."""
CLOCK: Final = PhaseClock(sms_after_s=SMS_AFTER_S, courier_after_s=COURIER_AFTER_S)


class LadderStory(World):
    """One branch. ``modem`` False: nothing but data links and couriers."""

    def __init__(self, seed: int, folder: Path, *, modem: bool = True) -> None:
        super().__init__(*sample(1, seed), f"ladder/{seed}", hours=HOURS)
        self.branch = self.branches[0]
        self.rng = Random(seed)
        self.air = SimulatedNetwork()
        self.modems: list[tuple[Any, PipeLine]] = []
        escalation = EscalationTable(account=CLOCK, tally=CLOCK)
        self.branch.equip("nothing", PipeLine(lambda _: b""), escalation=escalation)
        self._folder = folder
        if modem:
            self.branch.equip(
                "modem",
                self._modem("+99900000101", 1),
                modems=(AtModemLine(name="sim-a", port="modem"),),
                sms=SmsTable(numbers=(GATEWAY_NUMBER,), patience_s=PATIENCE_S),
            )
            self._gateway_line = self._modem(GATEWAY_NUMBER, 2)
            self.network.add_link("gateway/lan", host=HOST, port=PORT, node=GATEWAY_NODE, latency_s=LATENCY_S)

    def play(self, script: Callable[["LadderStory"], Any]) -> tuple[list[Any], Any]:
        """The facts of the branch's journal, and what the script returned."""
        with self.loop, install(self.loop, self.network):
            told = self.loop.run_until_complete(script(self))
            self.branch.end()
            self.loop.kill(GATEWAY_NODE)
            self.centre.cut()
            facts, _ = self.branch.read_journal()
            sealed = {fact.sha256 for fact in facts if isinstance(fact, EnvelopeSealed)}
            logged = [entry.sha256 for entry in self.centre.entries()]
            gc.collect()
            assert [*self.branch.broken, *self.loop.complaints] == []
            assert len(set(logged)) == len(logged)
            assert set(logged) <= sealed
        self.close()
        return facts, told

    async def until_sealed(self) -> None:
        """Everything runs; the links die while it is sealed, each its own way, and stay dead."""
        self.centre.start()
        self.branch.start()
        if self.modems:
            tick = self.loop.create_task(self._tick())
            self.loop.spawn(GATEWAY_NODE, self._gateway().run())
            assert not tick.done()
        officials = self.branch.officials
        await officials.readiness()
        await officials.order("zero")
        await self.sleep_until(self.hours.open_s)
        await officials.order("open")
        while self.branch.terminal.cast(self.branch.rng):
            pass
        await self.sleep_until(self.hours.close_s)
        await officials.order("close")
        for link in self.branch.links.values():
            self.rng.choice((link.down, link.blackhole, lambda link=link: link.one_way("deaf")))()
        voters = {contest: row.signed_for for contest, row in self.branch.station.contests.items()}
        await officials.order("account", voters)
        await officials.until("sealed", lambda status: len(status["ladder"]["envelopes"]) > 1)

    async def status(self) -> dict[str, Any]:
        status = await self.branch.officials.status()
        assert status is not None
        return status

    def _modem(self, number: str, place: int) -> PipeLine:
        model = make_modem(number=number, imei=f"00101000000{place:04d}", network=self.air)
        line = PipeLine(lambda data: model.feed(data, self._now_ms()), latency_ms=1)
        self.modems.append((model, line))
        return line

    def _gateway(self) -> Gateway:
        folder = Folder(self._folder)
        folder.prepare()

        def by_modem(arrived: Any, settled: Any, say: Any) -> ModemMessages:
            line = self._gateway_line
            return ModemMessages(line.open, self._now_ms, arrived, settled, say, AtSettings())

        return Gateway(
            self.election.trusted,
            folder,
            (HOST, PORT),
            "center-sms",
            by_modem,
            tell=lambda _: None,
            ask_after_ms=1_000 * ASK_AFTER_S,
            reference=7,
            keep=Keep(most=2_000, days=180),
            wall_ms=self._now_ms,
        )

    def _now_ms(self) -> int:
        return int(self.loop.time() * 1_000)

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for model, line in self.modems:
                line.say(model.tick(self._now_ms()))


def acknowledged_within_s(parts: int, lost: int) -> float:
    """From sealing to the acknowledgement of two envelopes that went out in ``parts`` SMS, ``lost`` of them in vain.

    The clock of the rung; each part is sent, forwarded and read in PART_S, one after another, and so are the two
    acknowledgements; and for parts that are lost the centre asks after ASK_AFTER_S without news.
    """
    return SMS_AFTER_S + PART_S * (parts + 2) + ASK_AFTER_S * lost
