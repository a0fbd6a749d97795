"""What goes over the air, remembered: from one life of the kit to the next, and month by month for people.

The journal tells of every ``note_bytes`` that a SIM spent, so that flash is spared; what the last lines of a life did
not tell any more is reckoned, from when it began and whether polls were open. So a kit that starts over and over keeps
its budget, too.
"""

from dataclasses import dataclass
from typing import Final

from crypto import rfc3339
from failover.budget import DataBudget
from failover.events import Instant
from failover.machine import Failover
from failover.timing import Timing
from kit.day.phases import POLLS_PHASES
from kit.facts import BootRecorded, DataNoted, Fact, PhaseEntered
from kit.wall import Wall

BOOT_PROBES: Final = 2  # of each uplink, that a life costs which ends at once
NOTE_MIN_MS: Final = 600_000  # between two lines of one SIM; more than it spends in the critical window needs
_MONTH: Final = len("2026-11")  # characters


@dataclass(slots=True)
class _Account:
    """One SIM (or line). ``uplink``: the first that it carries; ``sim``: its slot, from 1."""

    uplink: str
    sim: int
    budget: DataBudget
    solid: int
    """The level up to where the journal tells, ..."""
    since_ms: int = 0
    """... and for how long it has not told since."""
    tried_ms: int | None = None
    """Wall time of the last attempt that is known, or must be supposed."""
    noted: int = 0
    """Bytes of this life that are in the journal."""
    noted_at: Instant | None = None
    month: str = ""
    month_bytes: int = 0
    """What the journal tells of that month."""

    @property
    def unnoted(self) -> int:
        """Bytes of this life that are not in the journal."""
        return self.budget.spent - self.noted


class Traffic:
    """A fold over all lives. Budgets are those of ``failover``."""

    def __init__(self, failover: Failover, timing: Timing) -> None:
        self._failover, self._timing = failover, timing
        self._accounts: dict[int, _Account] = {}
        for name in failover.states():
            for sim, budget in enumerate(failover.uplink(name).spending.budgets, 1):
                self._accounts.setdefault(id(budget), _Account(name, sim, budget, budget.keep()))
        self._at_ms: int | None = None
        """Wall time up to which all is reckoned, since 1970-01-01 UTC; it never goes back."""
        self._life_ms = 0
        """As the clock of the life has it that is folded, which may be wrong."""
        self._wall = Wall()
        self._polls_open = False
        self._over = False

    def apply(self, fact: Fact) -> None:
        """Fold. What earlier lives spent lowers budgets; this one's bytes are counted as they go."""
        if not self._over:
            self._reckon(rfc3339.to_ms(fact.at), booted=isinstance(fact, BootRecorded))
        if isinstance(fact, PhaseEntered):
            self._polls_open = fact.phase in POLLS_PHASES
        elif isinstance(fact, DataNoted):
            self._fold(fact)

    def boot(self, wall: Wall) -> None:
        """This life begins; ``wall`` tells the time from now on."""
        self._wall = wall
        if self._at_ms is not None:
            self._pass(self._since(wall.boot_wall_ms, begins=True))
        self._over = True
        for name in self._failover.states():
            spending = self._failover.uplink(name).spending
            tried_ms = self._accounts[id(spending.budget)].tried_ms
            if tried_ms is not None and self._at_ms is not None:
                spending.begin(self._at_ms - tried_ms, wall.boot_now)

    def look(self, now: Instant) -> list[DataNoted]:
        """What is to be journaled. Once a turn."""
        return [self._note(account, now) for account in self._accounts.values() if _is_due(account, now)]

    def used(self, budget: DataBudget, now: Instant) -> int:
        """Bytes of this calendar month (UTC). A clock that goes back a month counts on in the later one."""
        account, month = self._accounts[id(budget)], self._wall.text(now)[:_MONTH]
        return account.unnoted + (account.month_bytes if month <= account.month else 0)

    def _note(self, account: _Account, now: Instant) -> DataNoted:
        size = account.unnoted
        account.noted += size
        account.noted_at = now
        return DataNoted(at=self._wall.text(now), uplink=account.uplink, sim=account.sim, size=size)

    def _fold(self, fact: DataNoted) -> None:
        """An uplink or SIM that the configuration no longer has is of no account."""
        for account in self._accounts.values():
            if (account.uplink, account.sim) != (fact.uplink, fact.sim):
                continue
            month = fact.at[:_MONTH]
            if month > account.month:
                account.month, account.month_bytes = month, 0
            account.month_bytes += fact.size
            if not self._over:
                account.budget.put_back(account.solid)
                account.budget.recall_spent(account.since_ms, fact.size)
                account.solid, account.since_ms = account.budget.keep(), 0
                self._suppose(account)

    def _suppose(self, account: _Account) -> None:
        """That the SIM which spent last is still the one in use."""
        for name in self._failover.states():
            spending = self._failover.uplink(name).spending
            if len(spending.budgets) > 1 and account.budget in spending.budgets:
                spending.suppose(account.sim)

    def _reckon(self, at_ms: int, *, booted: bool) -> None:
        self._pass(self._since(at_ms, begins=booted))
        for account in self._accounts.values() if booted else ():
            _begin_life(account, self._at_ms or 0)

    def _since(self, at_ms: int, *, begins: bool) -> int:
        """Milliseconds that passed. Within a life its clock is believed; between two, one set back earns nothing."""
        if self._at_ms is None:
            self._at_ms = self._life_ms = at_ms
            return 0
        passed_ms = max(0, at_ms - (self._at_ms if begins else self._life_ms))
        self._at_ms += passed_ms
        self._life_ms = at_ms if begins else max(at_ms, self._life_ms)
        return passed_ms

    def _pass(self, passed_ms: int) -> None:
        every_ms = self._timing.polls_probe_ms if self._polls_open else self._timing.probe_ms
        for account in self._accounts.values():
            account.budget.recall(passed_ms, every_ms)
            account.since_ms += passed_ms


def _begin_life(account: _Account, at_ms: int) -> None:
    """What a life costs that ends at once: an attempt, where it was one's turn."""
    budget = account.budget
    account.solid, account.since_ms = budget.keep(), 0
    pause_ms = budget.pause_ms(budget.connect, None)
    if account.tried_ms is None or at_ms - account.tried_ms >= pause_ms:
        probes = 0 if budget.state(None) == "used-up" else BOOT_PROBES
        budget.recall_spent(0, budget.connect + probes * budget.each)
        account.tried_ms = at_ms


def _is_due(account: _Account, now: Instant) -> bool:
    rested = account.noted_at is None or now - account.noted_at >= NOTE_MIN_MS
    return rested and account.unnoted >= account.budget.note_bytes
