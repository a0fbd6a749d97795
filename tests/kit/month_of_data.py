"""Months of one uplink over a modem with two SIMs, in virtual time, with every byte that really goes over the air."""

from bisect import bisect_left
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import accumulate, count
from random import Random
from typing import Final, Literal

from crypto import rfc3339
from failover.budget import MONTH_MS, DataBudget
from failover.events import (
    Connect,
    Disconnect,
    FailoverEvent,
    Probe,
    ProbeEchoed,
    SimUsed,
    Tick,
    TrafficCounted,
    UplinkConnected,
    UplinkLost,
    WindowChanged,
)
from failover.machine import Failover, Timing
from kit.facts import BootRecorded, Fact
from kit.links.traffic import Traffic
from kit.wall import Wall

Mode = Literal["good", "flaps", "tls-fails", "hole"]
UPLINK: Final = "4g"
HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS
BEGAN_MS: Final = rfc3339.to_ms("2026-10-12T08:00:00.000Z")
ATTEMPT_BYTES: Final = (5_000, 9_500)
"""With TLS, as its certificates and losses have it; what is reckoned lies between."""
PROBE_BYTES: Final = (420, 640)
TELL_MS: Final = 30_000


@dataclass(frozen=True, slots=True)
class Spent:
    """Bytes that went over the air of one SIM."""

    at: int
    sim: int
    size: int


class Month:
    """``told``: whether the kernel counts; else what really goes is what is reckoned.

    Attributes:
        spent: in order of time.
        probes, attempts: when they went out.
        facts: the journal.
    """

    def __init__(self, seed: int, megabytes: int, mode: Mode = "good", *, told: bool = True) -> None:
        self.random, self._told, self._bytes = Random(seed), told, megabytes * 1_000_000
        self.now = 0
        """Since the beginning; a life's own clock begins elsewhere."""
        self.mode = mode
        self.sim = 1
        self.spent: list[Spent] = []
        self.facts: list[Fact] = []
        self.probes: list[int] = []
        self.attempts: list[int] = []
        self.restarts = 0
        self._numbers = count()
        self._coming: list[tuple[int, int, int, FailoverEvent]] = []
        self._session = 0
        self._pending, self._told_at = 0, 0
        self.boot()

    @property
    def budget(self) -> DataBudget:
        """Of the SIM in use."""
        return self.core.uplink(UPLINK).spending.budget

    @property
    def life_now(self) -> int:
        """What the monotonic clock of this life says."""
        return self.now - self._boot_at + self._offset

    def boot(self, clock_error_ms: int = 0) -> None:
        """A life begins; what the one before it had not journaled is gone."""
        self.restarts += 1
        self._boot_at, self._offset = self.now, self.random.randrange(10**9)
        self._coming, self._pending = [], 0
        self._session += 1
        budgets = tuple(DataBudget(self._bytes, 520, 7_500) for _ in range(2))
        self.core = Failover((UPLINK,), "device-1", Timing(), {UPLINK: budgets})
        self.traffic = Traffic(self.core, Timing())
        for fact in self.facts:
            self.traffic.apply(fact)
        wall = Wall()
        wall.set(BEGAN_MS + self.now + clock_error_ms, self._offset)
        self.traffic.boot(wall)
        self._journal(BootRecorded(at=wall.text(self._offset), boot_id="a-life"))
        self.tell(Tick())
        self.tell(SimUsed(UPLINK, self.sim))

    def tell(self, event: FailoverEvent) -> None:
        """Hand the core one event now, and carry out what it wants."""
        effects = self.core.handle(event, self.life_now)
        for fact in self.traffic.look(self.life_now):
            self._journal(fact)
        for effect in effects:
            match effect:
                case Connect():
                    self._connect()
                case Probe(nonce=nonce):
                    self.probes.append(self.now)
                    self._spend(self._size_of(PROBE_BYTES, self.budget.each))
                    if self.mode in ("good", "flaps"):
                        self._later(60, ProbeEchoed(UPLINK, nonce))
                case Disconnect():
                    self._session += 1
                    self._tell_bytes()

    def run(self, duration_ms: int) -> None:
        """Let time pass."""
        until = self.now + duration_ms
        while True:
            wake_at = self.core.wake_at()
            due = until + 1 if wake_at is None else max(self.now, wake_at - self.life_now + self.now)
            if self._coming and self._coming[0][0] <= min(due, until):
                self.now, _, session, event = heappop(self._coming)
                if session == self._session:
                    if isinstance(event, UplinkLost):
                        self._session += 1
                        self._tell_bytes()
                    self.tell(event)
            elif due > until:
                break
            else:
                self.now = due
                self.tell(Tick())
        self.now = until

    def change(self, mode: Mode) -> None:
        """From the next session on, which comes at once."""
        self.mode = mode
        self._lose()

    def change_sim(self) -> None:
        """The modem uses the other one: its session dies, some time after it said so."""
        self.sim = 3 - self.sim
        self.tell(SimUsed(UPLINK, self.sim))
        self._lose()

    def _lose(self) -> None:
        if self.core.states()[UPLINK] in ("up", "suspect"):
            self._session += 1
            self._tell_bytes()
            self.tell(UplinkLost(UPLINK, "reset"))

    def window(self, *, critical: bool) -> None:
        """It opens or closes."""
        self.tell(WindowChanged(critical))

    def most_in_a_month(self, sim: int) -> int:
        """Bytes of one SIM in any 31 days."""
        mine = [each for each in self.spent if each.sim == sim]
        times, sums = [each.at for each in mine], [0, *accumulate(each.size for each in mine)]
        ends = enumerate(times, 1)
        return max((sums[end] - sums[bisect_left(times, at - MONTH_MS)] for end, at in ends), default=0)

    def _connect(self) -> None:
        self._session += 1
        self.attempts.append(self.now)
        self._spend(self._size_of(ATTEMPT_BYTES, self.budget.connect))
        if self.mode == "tls-fails":
            self._later(250, UplinkLost(UPLINK, "no session: its certificate is refused"))
            return
        self._later(300, UplinkConnected(UPLINK))
        if self.mode == "flaps":
            self._later(self.random.randrange(400, 90_000), UplinkLost(UPLINK, "reset by peer"))

    def _size_of(self, really: tuple[int, int], reckoned: int) -> int:
        return self.random.randint(*really) if self._told else reckoned

    def _spend(self, size: int) -> None:
        """By the SIM in use; the kernel's count is told at times."""
        self.spent.append(Spent(self.now, self.sim, size))
        self._pending += size
        if self.now - self._told_at >= TELL_MS and self._session:
            self._told_at = self.now
            self._later(0, TrafficCounted(UPLINK, self._take_pending()))

    def _take_pending(self) -> int:
        size, self._pending = self._pending, 0
        return size

    def _tell_bytes(self) -> None:
        if self._told and self._pending:
            self.tell(TrafficCounted(UPLINK, self._take_pending()))

    def _later(self, delay_ms: int, event: FailoverEvent) -> None:
        if isinstance(event, TrafficCounted) and not self._told:
            return
        heappush(self._coming, (self.now + delay_ms, next(self._numbers), self._session, event))

    def _journal(self, fact: Fact) -> None:
        self.facts.append(fact)
        self.traffic.apply(fact)
