"""The swarm of a links-only world: each link of each branch breaks by itself, thickest around sealing.

From some instant on one uplink of each branch lives for good. Its others end as chance has it: healed, silent,
flapping, slow. What strikes when follows from the seed alone.
"""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Sequence
from math import inf
from random import Random
from typing import Final, Literal

from simulators.virtual.connection import Direction
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import SimBroker
from simulators.virtual.net import Link, Network
from simulators.virtual.timed_loop import START_S
from simulators.world.branch import Branch
from simulators.world.rungs.conditions import CONDITIONS, GOOD, LAST, OUT, Condition, befall
from simulators.world.rungs.lives import Lives

CALM_S: Final = (5.0, 200.0)
"""How long a condition lasts while the day is quiet: its logarithm is spread evenly."""
STORM_S: Final = (0.3, 40.0)
"""As CALM_S, around sealing and after it."""
Fate = Literal["ambushed", "cut-off", "stormy", "swaying"]
"""Of a branch. Ambushed: its links go out as the first byte of an envelope leaves. Cut off: before that. Both stay out
until one comes back for good. Stormy: its links come and go until one stays. Swaying: all links work while polls are
open, but the first one is now better and now worse than the others; then as stormy."""
FATES: Final[tuple[Fate, ...]] = ("ambushed", "ambushed", "cut-off", "stormy")
OUT_S: Final = (1.0, 150.0)
"""From about the sealing until one link lives for good."""
SWAY_S: Final = (110.0, 150.0)
"""How long the first link of a swaying branch stays good, or slow: so long that the ranking follows."""
CUT_OFF_S: Final = (1.0, 120.0)
"""How long before sealing a branch is cut off."""
LATE_MAX_S: Final = 1.0  # by which a link may outlive the others in an ambush
TOUCHY_S: Final = 20.0  # so long before an ambush links are good again
BROKER_AT_SEALING_CHANCE: Final = 0.25  # that the broker dies as the first byte of an envelope leaves
BROKER_CHANCE: Final = 0.3  # otherwise: that it is gone once around sealing
BROKER_S: Final = (1.0, 60.0)
ENVELOPE_TOPIC: Final = b"/envelope"
CENTRE_LOOK_S: Final = 0.1
CENTRE_CLIENT: Final = "centerd"


class LinkSwarm:
    """Breaks links, and heals one of each branch for good at ``heal_at``.

    ``calm_s``: when the first links break; ``seal_s``: about when envelopes are sealed; both virtual seconds.
    ``swaying``: all branches have that fate.
    """

    def __init__(
        self,
        loop: VirtualLoop,
        network: Network,
        branches: Sequence[Branch],
        broker: SimBroker,
        *,
        calm_s: float,
        seal_s: float,
        swaying: bool,
    ) -> None:
        self._loop, self._branches, self._broker = loop, branches, broker
        self._calm_s, self._seal_s = calm_s, seal_s
        self.struck: Counter[str] = Counter()
        self.lives = Lives()
        self.heal_at: dict[str, float] = {}
        """By branch: when one of its uplinks begins to live for good, virtual seconds."""
        self.survivor: dict[str, str] = {}
        self.fate: dict[str, Fate] = {}
        self._out_at: dict[str, float] = {}
        self._owner = {link.name: branch.name for branch in branches for link in branch.links.values()}
        self._sealed = asyncio.Event()
        self._ambush = {branch.name: asyncio.Event() for branch in branches}
        self._tasks: list[asyncio.Task[None]] = []
        for branch in branches:
            rng = loop.stream(f"rungs/{branch.name}")
            self.fate[branch.name] = fate = "swaying" if swaying else rng.choice(FATES)
            self.heal_at[branch.name] = seal_s + _spread(rng, OUT_S)
            self._out_at[branch.name] = seal_s - _spread(rng, CUT_OFF_S) if fate == "cut-off" else inf
            self.survivor[branch.name] = rng.choice(list(branch.links))
            self.struck[f"branch-{fate}"] += 1
        network.tap(self._sent)

    def start(self) -> None:
        """Every link is good until the quiet part of the day."""
        for branch in self._branches:
            for name, link in branch.links.items():
                self.lives.rung((branch.name, name), good=True, now=self._loop.time())
                self._tasks.append(self._loop.create_task(self._at_link(branch, name, link)))
        self._tasks.append(self._loop.create_task(self._at_broker()))

    # --- streams ---

    async def _at_link(self, branch: Branch, name: str, link: Link) -> None:
        rng = self._loop.stream(f"rungs/{link.name}")
        heal_at, fate = self.heal_at[branch.name], self.fate[branch.name]
        await self._until(self._calm_s + rng.uniform(0, CALM_S[1] / 4))
        if fate == "swaying":
            await self._sway(branch, name, rng)
        else:
            await self._spells(branch, name, rng, CONDITIONS, CALM_S, self._ends_at(branch.name))
        if fate == "ambushed":
            self._become(branch, name, "up", rng)
            await self._wait_for_envelope(branch.name)
            await asyncio.sleep(rng.choice((0.0, 0.0, 0.0, rng.uniform(0, LATE_MAX_S))))
        conditions = OUT if fate in ("ambushed", "cut-off") else CONDITIONS
        await self._spells(branch, name, rng, conditions, STORM_S, heal_at)
        last = "up" if name == self.survivor[branch.name] else rng.choice(LAST)
        self._become(branch, name, last, rng)

    def _ends_at(self, branch: str) -> float:
        """The quiet part of the day."""
        return min(self._out_at[branch], self._seal_s - TOUCHY_S)

    async def _spells(
        self,
        branch: Branch,
        name: str,
        rng: Random,
        conditions: Sequence[Condition],
        span: tuple[float, float],
        until: float,
    ) -> None:
        """One condition after another."""
        while (now := self._loop.time()) < until:
            self._become(branch, name, rng.choice(conditions), rng)
            await self._until(min(now + _spread(rng, span), until))

    async def _sway(self, branch: Branch, name: str, rng: Random) -> None:
        worse: Condition = "slow" if name == next(iter(branch.links)) else "up"
        while (now := self._loop.time()) < self._ends_at(branch.name):
            self._become(branch, name, worse if branch.links[name].bytes_per_s is None else "up", rng)
            await self._until(min(now + rng.uniform(*SWAY_S), self._ends_at(branch.name)))

    async def _wait_for_envelope(self, branch: str) -> None:
        left_s = self.heal_at[branch] - self._loop.time()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(0.0, left_s)):
                await self._ambush[branch].wait()

    def _sent(self, _at: float, link: str, direction: Direction, data: bytes) -> None:
        if direction == "up" and link in self._owner and ENVELOPE_TOPIC in data:
            self._ambush[self._owner[link]].set()
            self._sealed.set()

    async def _at_broker(self) -> None:
        rng = self._loop.stream("rungs/broker")
        if rng.random() < BROKER_AT_SEALING_CHANCE:
            await self._sealed.wait()
        elif rng.random() < BROKER_CHANCE:
            await self._until(self._seal_s + rng.uniform(-20, 200))
        else:
            return
        self._strike("broker", "broker-gone")
        self.lives.centre(there=False, now=self._loop.time())
        self._broker.crash()
        await asyncio.sleep(_spread(rng, BROKER_S))
        self._broker.restart()
        while CENTRE_CLIENT not in self._broker.clients():  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(CENTRE_LOOK_S)
        self.lives.centre(there=True, now=self._loop.time())

    async def _until(self, at: float) -> None:
        await asyncio.sleep(max(0.0, at - self._loop.time()))

    # --- conditions ---

    def _become(self, branch: Branch, name: str, condition: Condition, rng: Random) -> None:
        condition = befall(branch, name, condition, rng)
        if condition != "up":
            self._strike(branch.links[name].name, f"link-{condition}")
        good = condition in GOOD
        self.lives.rung((branch.name, name), good=good, now=self._loop.time())

    def _strike(self, where: str, what: str) -> None:
        self.struck[what] += 1
        self._loop.trace.event(self._loop.time(), where, f"fault {what}")


def _spread(rng: Random, span: tuple[float, float]) -> float:
    """Between the two, its logarithm spread evenly: short ones are as likely as long ones."""
    shortest, longest = span
    return float(shortest * (longest / shortest) ** rng.random())


def virtual(at_s: float) -> float:
    """Virtual seconds of so many seconds after the day began."""
    return START_S + at_s
