"""What every world is built of: virtual time, a network with a broker, an election, a centre, and branches."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from crypto.statements import Endpoint
from simulators.election import Election, Times, commission
from simulators.results import Results, Station
from simulators.virtual.clock import SeededEntropy
from simulators.virtual.loop import VirtualLoop
from simulators.virtual.mqtt_broker import SimBroker
from simulators.virtual.mqtt_packets import Message
from simulators.virtual.net import Network
from simulators.virtual.timed_loop import START_S
from simulators.virtual.trace import Trace
from simulators.world.branch import ADDRESSES, BROKER_PORT, UPLINKS, Branch
from simulators.world.centre import HOST, PORT, Centre
from simulators.world.checks import Wiretap

HOUR: Final = 3_600
DAY_BEGINS_MS: Final = 1_813_289_400_000  # 2027-06-18T03:30:00Z, a morning in Tehran


@dataclass(frozen=True, slots=True)
class Hours:
    """The times of a day, in seconds after it began, one after another."""

    open_s: int = 1 * HOUR
    close_s: int = 11 * HOUR
    heal_s: int = 12 * HOUR
    """When the faults end."""
    deadline_s: int = 13 * HOUR
    """By then everything must have arrived; the envelopes may be opened."""


FULL_DAY: Final = Hours()


def commissioned(
    results: Results, stations: Sequence[Station], seed: str, hours: Hours, *, spares: bool = False
) -> Election:
    """The election of a world: its keys, its people, its manifest."""
    schedule = (hours.open_s, hours.close_s, hours.close_s, hours.deadline_s)
    times = Times(*(DAY_BEGINS_MS + 1000 * at_s for at_s in schedule))
    entropy = SeededEntropy(seed, "commissioning")
    return commission(results, stations, times, entropy, Endpoint(host=HOST, port=PORT), spares=spares)


class World:
    """Everything stands, and nothing runs yet. The first life of whatever is in it begins with a script.

    ``spares``: each branch has a standby kit and a standby terminal enrolled. ``spool``: the folder of the centre's
    spool, None for a centre without one. ``uplinks``: of each branch, the preferred one first; ``bound``: to network
    cards. ``election``: made by ``commissioned`` for the same stations and hours; None: this world commissions its own.
    """

    def __init__(
        self,
        results: Results,
        stations: Sequence[Station],
        seed: str,
        *,
        hours: Hours = FULL_DAY,
        spares: bool = False,
        spool: Path | None = None,
        verbose: bool = False,
        uplinks: tuple[str, ...] = UPLINKS,
        bound: bool = False,
        election: Election | None = None,
    ) -> None:
        self.hours, self._verbose = hours, verbose
        self.loop = VirtualLoop(seed=seed, trace=Trace(tail=200))
        self.network = Network(self.loop)
        self.broker = SimBroker(self.network)
        for name in uplinks:
            self.broker.listen(ADDRESSES[name], BROKER_PORT)
        self.broker.listen(HOST, PORT)
        self.election = election or commissioned(results, stations, seed, hours, spares=spares)
        self.centre = Centre(
            self.loop, self.network, self.election, wall_start_ms=DAY_BEGINS_MS, spool_dir=spool
        )
        self.branches = [
            Branch(
                self.loop,
                self.network,
                self.election,
                station,
                wall_start_ms=DAY_BEGINS_MS,
                verbose=verbose,
                uplinks=uplinks,
                bound=bound,
            )
            for station in stations
        ]
        self._standbys: list[Branch] = []
        self.tap = Wiretap()
        self.broker.on_publish.append(self._published)
        self.network.tap(self.tap.sent)

    def standby_of(self, branch: Branch, *, poll: Literal["first", "re-vote"] = "first") -> Branch:
        """The standby kit of a branch, in its box: to be plugged in and started. One a branch."""
        kit = Branch(
            self.loop,
            self.network,
            self.election,
            branch.station,
            wall_start_ms=self.wall_ms,
            verbose=self._verbose,
            first=branch,
            poll=poll,
        )
        self._standbys.append(kit)
        return kit

    @property
    def wall_ms(self) -> int:
        """True wall time, milliseconds since 1970-01-01 UTC."""
        return DAY_BEGINS_MS + int(1000 * (self.loop.time() - START_S))

    async def sleep_until(self, at_s: float) -> None:
        """Until so many seconds after the day began; at once when that is past."""
        await asyncio.sleep(max(0.0, START_S + at_s - self.loop.time()))

    @property
    def kits(self) -> list[Branch]:
        """Those that branches begin with, and the standbys that were taken out of their boxes."""
        return [*self.branches, *self._standbys]

    def close(self) -> None:
        """Take all disks away. The world is of no further use."""
        for disk in (self.centre.disk, *(kit.disk for kit in self.kits)):
            disk.close()

    def _published(self, client: str, message: Message) -> None:
        del client
        self.tap.published(message.topic, message.payload)
