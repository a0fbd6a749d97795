"""The swarm: seeded faults all day long, thickest around closing time; then everything heals.

Each fault is drawn with its length, strikes, and ends by itself. What strikes follows from the seed alone.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Sequence
from random import Random
from typing import Final

from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import BrokerFaults, SimBroker
from simulators.virtual.mqtt_packets import Message
from simulators.world.branch import Branch
from simulators.world.centre import Centre

CALM_MEAN_S: Final = 900.0  # between two faults at one branch, in the daytime
STORM_MEAN_S: Final = 40.0  # around closing time
CENTRAL_MEAN_S: Final = 2_400.0  # between two faults of broker or centre; a fifth of that in the storm
OUTAGE_S: Final = (2.0, 600.0)
RESTART_S: Final = (3.0, 120.0)
CUT_OPERATIONS_MAX: Final = 40  # disk operations until a planned cut strikes in the middle of one
AMBUSH_OPERATIONS_MAX: Final = 6  # a fact is journaled with about as many: the cut is to strike among them

Fault = Callable[[Branch, Random], Coroutine[None, None, None]]
CentralFault = Callable[[Random], Coroutine[None, None, None]]


class Swarm:
    """Throws faults at a world. ``storm`` says whether it is closing time; ``stop`` ends all faults."""

    def __init__(
        self, loop: VirtualLoop, branches: Sequence[Branch], centre: Centre, broker: SimBroker
    ) -> None:
        self._loop, self._branches, self._centre, self._broker = loop, branches, centre, broker
        self.storm = False
        self.struck: Counter[str] = Counter()
        self._traps: dict[str, Callable[[], None]] = {}
        """What happens when something is published next, by how its topic ends."""
        broker.on_publish.append(self._published)
        self._over = False
        self._tasks: list[asyncio.Task[None]] = []
        self._faults: tuple[tuple[str, Fault], ...] = (
            ("link-down", self._link_down),
            ("link-blackhole", self._link_blackhole),
            ("link-flap", self._link_flap),
            ("link-reset", self._link_reset),
            ("all-links-blackhole", self._all_links_blackhole),
            ("daemon-crash", self._crash),
            ("daemon-crash-in-mid-write", self._crash_in_mid_write),
            ("daemon-crash-at-order", self._crash_at_order),
            ("daemon-crash-at-send", self._crash_at_send),
            ("power-cut", self._power_cut),
            ("mains-cut", self._mains_cut),
            ("terminal-reboot", self._terminal_reboot),
            ("terminal-mute", self._terminal_mute),
            ("line-noise", self._line_noise),
            ("clock-jump", self._clock_jump),
        )
        self._central: tuple[tuple[str, CentralFault], ...] = (
            ("centre-crash", self._centre_crash),
            ("centre-crash-at-receipt", self._centre_crash_at_receipt),
            ("centre-cut-off", self._centre_cut_off),
            ("witnesses-silent", self._witnesses_silent),
            ("broker-crash", self._broker_crash),
            ("broker-sick", self._broker_sick),
        )

    def start(self) -> None:
        """One stream of faults a branch, and one for what is central."""
        streams = [self._at_branch(branch) for branch in self._branches]
        self._tasks = [self._loop.create_task(stream) for stream in [*streams, self._at_centre()]]

    def heal(self) -> None:
        """End everything: links up, lines clean, power on, everybody running, and nothing struck any more."""
        self._over = True
        for task in self._tasks:
            task.cancel()
        self._traps.clear()
        self._broker.faults = BrokerFaults()
        self._broker.restart()
        self._centre.link.up()
        self._centre.witnesses.silent = False
        self._centre.start()
        for branch in self._branches:
            for link in branch.links.values():
                link.up()
            branch.terminal.faults.mute = False
            branch.terminal.noise.chance = branch.ups.noise.chance = 0.0
            branch.ups.set_mains(on=True, now_ms=branch.now_ms)
            branch.ambush = None
            branch.disk.call_off()
            branch.start()

    # --- streams ---

    async def _at_branch(self, branch: Branch) -> None:
        rng = self._loop.stream(f"swarm/{branch.name}")
        while not self._over:
            await asyncio.sleep(rng.expovariate(1 / (STORM_MEAN_S if self.storm else CALM_MEAN_S)))
            name, fault = self._faults[rng.randrange(len(self._faults))]
            self._strike(branch.name, name)
            # Not awaited: faults overlap as they please.
            self._tasks.append(self._loop.create_task(fault(branch, rng)))

    async def _at_centre(self) -> None:
        rng = self._loop.stream("swarm/center")
        while not self._over:
            mean = CENTRAL_MEAN_S / 5 if self.storm else CENTRAL_MEAN_S
            await asyncio.sleep(rng.expovariate(1 / mean))
            name, fault = self._central[rng.randrange(len(self._central))]
            self._strike("center", name)
            self._tasks.append(self._loop.create_task(fault(rng)))

    def _strike(self, where: str, what: str) -> None:
        self.struck[what] += 1
        self._loop.trace.event(self._loop.time(), where, f"fault {what}")

    def _published(self, _client: str, message: Message) -> None:
        for end in [end for end in self._traps if message.topic.endswith(end)]:
            # Not now: the broker is in the middle of its work.
            self._loop.call_soon(self._traps.pop(end))

    # --- faults at the centre ---

    async def _centre_crash(self, rng: Random) -> None:
        self._centre.cut()
        await asyncio.sleep(rng.uniform(*RESTART_S))
        self._centre.start()

    async def _centre_crash_at_receipt(self, rng: Random) -> None:
        struck = asyncio.Event()

        def strike() -> None:
            self._centre.cut()
            struck.set()

        self._traps["/receipt"] = strike
        await struck.wait()
        await asyncio.sleep(rng.uniform(*RESTART_S))
        self._centre.start()

    async def _centre_cut_off(self, rng: Random) -> None:
        self._centre.link.blackhole()
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        self._centre.link.up()

    async def _witnesses_silent(self, rng: Random) -> None:
        self._centre.witnesses.silent = True
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        self._centre.witnesses.silent = False

    async def _broker_crash(self, rng: Random) -> None:
        self._broker.crash()
        await asyncio.sleep(rng.uniform(*RESTART_S))
        self._broker.restart()

    async def _broker_sick(self, rng: Random) -> None:
        self._broker.faults = BrokerFaults(
            lose_puback=rng.uniform(0.0, 0.5),
            duplicate=rng.uniform(0.0, 0.5),
            delay=rng.uniform(0.0, 0.5),
            drop_qos0=rng.uniform(0.0, 0.5),
        )
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        self._broker.faults = BrokerFaults()

    # --- faults at a branch ---

    async def _link_down(self, branch: Branch, rng: Random) -> None:
        link = branch.links[rng.choice(list(branch.links))]
        link.down()
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        link.up()

    async def _link_blackhole(self, branch: Branch, rng: Random) -> None:
        link = branch.links[rng.choice(list(branch.links))]
        link.blackhole()
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        link.up()

    async def _link_flap(self, branch: Branch, rng: Random) -> None:
        link = branch.links[rng.choice(list(branch.links))]
        link.flap(up_s=(0.5, 20.0), out_s=(0.5, 20.0), fault=rng.choice(("down", "blackhole")))
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        link.up()

    async def _link_reset(self, branch: Branch, rng: Random) -> None:
        branch.links[rng.choice(list(branch.links))].reset()

    async def _all_links_blackhole(self, branch: Branch, rng: Random) -> None:
        for link in branch.links.values():
            link.blackhole()
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        for link in branch.links.values():
            link.up()

    async def _crash(self, branch: Branch, rng: Random) -> None:
        del rng
        branch.cut()  # it boots again by itself, as from its supervisor

    async def _crash_in_mid_write(self, branch: Branch, rng: Random) -> None:
        branch.disk.cut_after(rng.randint(1, CUT_OPERATIONS_MAX))

    async def _crash_at_order(self, branch: Branch, rng: Random) -> None:
        branch.ambush = rng.randint(1, AMBUSH_OPERATIONS_MAX)

    async def _crash_at_send(self, branch: Branch, rng: Random) -> None:
        del rng
        self._traps[f"/{branch.name}/envelope"] = branch.cut

    async def _power_cut(self, branch: Branch, rng: Random) -> None:
        del rng
        branch.cut()
        branch.reboot_terminal()

    async def _mains_cut(self, branch: Branch, rng: Random) -> None:
        branch.ups.set_charge(rng.choice((100, 100, 30, 22)), now_ms=branch.now_ms)
        branch.ups.set_mains(on=False, now_ms=branch.now_ms)
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        branch.ups.set_mains(on=True, now_ms=branch.now_ms)

    async def _terminal_reboot(self, branch: Branch, rng: Random) -> None:
        del rng
        branch.reboot_terminal()

    async def _terminal_mute(self, branch: Branch, rng: Random) -> None:
        branch.terminal.faults.mute = True
        await asyncio.sleep(rng.uniform(*OUTAGE_S) / 4)
        branch.terminal.faults.mute = False

    async def _line_noise(self, branch: Branch, rng: Random) -> None:
        branch.terminal.noise.chance = branch.ups.noise.chance = rng.uniform(0.0005, 0.01)
        await asyncio.sleep(rng.uniform(*OUTAGE_S))
        branch.terminal.noise.chance = branch.ups.noise.chance = 0.0

    async def _clock_jump(self, branch: Branch, rng: Random) -> None:
        branch.clock.step_wall(rng.choice((-1, 1)) * rng.randint(1_000, 120_000))
