"""A kit with one modem that holds two SIMs: the real station, runner and AT driver, a simulated modem and a gateway.

One uplink hangs on the modem: it has a session while the SIM in use is registered, and its operator carries data. The
other one is dead unless a test says otherwise.
"""

import asyncio
from collections.abc import Callable
from functools import cache, partial
from typing import Any, Final

from crypto import rfc3339
from drivers.modem.at.driver import AtModem
from drivers.modem.at.settings import AtSettings, SimSwitch
from drivers.ports import ModemEvent
from failover.events import Connect, Disconnect, Probe, ProbeEchoed, UplinkConnected, UplinkLost
from failover.timing import Timing
from kit.effects import Effect, Reply, SendSms, UseSim
from kit.events import ModemHeard, SimOrdered
from kit.facts import Fact, SimChanged, SmsPartTaken
from kit.ladder.ladder import LadderSetup
from kit.links.budgets import DataPlan
from kit.runner import Runner
from kit.sims.plan import SimPlan
from kit.sims.state import Pace
from kit.sms.plan import SmsPlan
from kit.station import Station
from simulators.devices.modem import SimulatedNetwork, make_modem
from simulators.virtual.loop import VirtualLoop
from tests.kit.bench_clocks import BenchClocks
from tests.kit.harness import BRANCH, MORNING_MS, ONE_TERMINAL
from tests.kit.sms_bench import TICK_S, Gateway, Journal, Port, clocks, sealed_day
from tests.kit.staff import standing_in

MODEM: Final = "m"
MOBILE: Final = "4g"
UPLINKS: Final = ("fibre", MOBILE)
NUMBERS: Final = ("+99900000101", "+99900000102")  # of the SIMs, by slot
CENTRE: Final = "+99900000201"
REGISTRATION_MS: Final = 25_000
PLAN: Final = SmsPlan(
    numbers=(CENTRE,), modems=(MODEM,), patience_ms=120_000, max_per_hour=60, max_per_envelope=100
)
TWO_SIMS: Final = {MODEM: SimPlan(slots=2, uplinks=(MOBILE,))}


@cache
def open_day() -> tuple[Fact, ...]:
    """The journal of a day whose polls are open."""
    return tuple(standing_in("open").journal.facts)


_DAYS: Final[dict[Pace, Callable[[], tuple[Fact, ...]]]] = {
    "critical": sealed_day,
    "polls": open_day,
    "quiet": tuple,
}


class SimBench(BenchClocks):
    """Everything on one virtual clock. ``pace``: that of the day that the kit is in."""

    def __init__(
        self,
        loop: VirtualLoop,
        pace: Pace = "critical",
        *,
        sms: bool = False,
        sims: dict[str, SimPlan] = TWO_SIMS,
        switch: SimSwitch = "csus",
        apns: tuple[str, ...] = ("first",),
    ) -> None:
        self.loop, self.sims, self.plan = loop, sims, PLAN if sms else None
        self.network = SimulatedNetwork()
        self.port = Port(
            make_modem(number=NUMBERS[0], sims=2, network=self.network, registration_ms=REGISTRATION_MS),
            self.now,
        )
        self.centre_port = Port(
            make_modem(number=CENTRE, imei="001010000000901", network=self.network), self.now
        )
        self.settings = AtSettings(sim_slots=2, sim_switch=switch, apn=apns[0], other_apns=apns[1:])
        self.journal = Journal()
        facts = _DAYS[pace]()
        self.journal.append(facts)
        self.begun = len(facts)
        self.wall_ms_offset = (rfc3339.to_ms(facts[-1].at) if facts else MORNING_MS) - self.now()
        self.data = {1: True, 2: True}
        """Whether the operator of each SIM carries data."""
        self.works = {"fibre": False, MOBILE: True}
        self.deaf = False
        """The power goes before the modem hears of a change."""
        self.used: list[tuple[int, int]] = []
        """Seconds and slot of every change that was asked for."""
        self.heard: list[ModemEvent] = []
        self.replies: dict[int, dict[str, object]] = {}
        self.lives = 0
        self.centre = AtModem(self.centre_port.open, self.now, self._at_centre, AtSettings())
        self.gateway = Gateway(self.centre.send_sms, self.now)
        loop.spawn("air", self.centre.run())
        loop.spawn("air", self._tick())
        self.boot()

    def boot(self) -> None:
        self.lives += 1
        self.sessions: set[str] = set()
        self.station = Station(
            ONE_TERMINAL.loaded,
            BRANCH,
            uplinks=UPLINKS,
            timing=Timing(),
            has_ups=False,
            modems=(MODEM,),
            ladder=LadderSetup(clocks(), self.plan) if self.plan else None,
            data_plans={MOBILE: DataPlan((5_000_000, 7_000_000), modem=MODEM)},
            lines={MOBILE: f"modem:{MODEM}"},
            sims=self.sims,
        )
        self.runner = Runner(self.station, self.journal, self, self._release)  # type: ignore[arg-type]
        self.runner.replay()
        self.runner.boot(f"boot-{self.lives}")
        self.modem = AtModem(self.port.open, self.now, partial(self._hear, self.runner), self.settings)
        self.loop.spawn("kit", self.modem.run())
        self.loop.spawn("kit", self.runner.run())

    def restart(self, off_s: float = 5) -> None:
        self.loop.kill("kit")
        self.run(off_s)
        self.boot()

    def obey(self, command: str) -> None:
        self.port.model.command(command.split(), self.now())

    def order(self, slot: int, modem: str = MODEM, *, anyway: bool = False) -> dict[str, object]:
        self.runner.post(SimOrdered(modem, slot, 77, anyway))
        self.run(0.1)
        return self.replies.pop(77)

    def changes(self) -> list[SimChanged]:
        return [fact for fact in self.journal.facts[self.begun :] if isinstance(fact, SimChanged)]

    def taken_at(self) -> list[float]:
        """When parts were taken by the network, by the clock of ``now``, in seconds."""
        facts = [fact for fact in self.journal.facts if isinstance(fact, SmsPartTaken)]
        return [(rfc3339.to_ms(fact.at) - self.wall_ms_offset) / 1000 for fact in facts]

    def taken(self) -> int:
        return len(self.taken_at())

    def picture(self) -> dict[str, Any]:
        (shown,) = self.station.status(self.now())["links"]["sims"]
        picture: dict[str, Any] = shown
        return picture

    @property
    def slot(self) -> int:
        """Of the SIM that the modem really uses."""
        return self.port.model.device.slot + 1

    @property
    def has_session(self) -> bool:
        return MOBILE in self.station.failover.usable()

    def carries(self, uplink: str) -> bool:
        radio = self.port.model.device.radio
        return self.works[uplink] and (uplink != MOBILE or (radio.registered and self.data[self.slot]))

    def _at_centre(self, event: ModemEvent) -> None:
        self.gateway.hear(event)

    def _hear(self, runner: Runner, event: ModemEvent) -> None:
        self.heard.append(event)
        runner.post(ModemHeard(MODEM, event))

    def _release(self, effect: Effect) -> None:
        match effect:
            case UseSim(modem, slot):
                assert modem == MODEM
                self.used.append((self.now() // 1000, slot))
                if not self.deaf:
                    self.modem.use_sim(slot)
            case SendSms():
                self.modem.send_sms(effect.token, effect.number, effect.user_data)
            case Reply(reply, body):
                self.replies[reply] = body
            case Connect(uplink):
                up = self.carries(uplink)
                if up:
                    self.sessions.add(uplink)
                outcome = UplinkConnected(uplink) if up else UplinkLost(uplink, "connection refused")
                self.loop.call_later(0.05, self.runner.post, outcome)
            case Disconnect(uplink):
                self.sessions.discard(uplink)
            case Probe(uplink, nonce):
                if uplink in self.sessions and self.carries(uplink):
                    self.loop.call_later(0.03, self.runner.post, ProbeEchoed(uplink, nonce))

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK_S)
            for port in (self.port, self.centre_port):
                port.tick()
