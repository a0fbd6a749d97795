"""What one uplink spends, from the budget of which SIM, and how soon it may try again where that runs low."""

from collections.abc import Sequence

from failover.budget import DataBudget
from failover.events import Instant


class Spending:
    """``budgets``: of the SIMs in slots 1 and up that may carry the uplink; of a line without SIMs, one.

    Attributes:
        budgets: as given.
        sim: the slot of the SIM that carries it, as far as anybody said.
        not_before: outside the critical window no attempt is made before this.
    """

    def __init__(self, budgets: Sequence[DataBudget]) -> None:
        self.budgets = tuple(budgets)
        self.sim: int | None = None
        self.not_before: Instant = 0
        self._told = False
        """Whether a modem said in this life which SIM it uses."""
        self._payer = self.budget
        """Who pays for the session, or the attempt, that was begun last: what is told of it late is its own."""
        self._cost = 0
        """Bytes of the last attempt, by the kernel's word; 0 where it has said nothing."""
        self._tried_at: Instant | None = None
        self._attempting = False

    @property
    def budget(self) -> DataBudget:
        """That of the SIM in use."""
        return self.budgets[min(self.sim or 1, len(self.budgets)) - 1]

    def use(self, slot: int) -> None:
        """The modem uses the SIM in this slot, counted from 1. What was held back for want of data is held no more."""
        before, first = self.budget, not self._told
        self.sim, self._told = slot, True
        if self.budget is not before:
            self.not_before = 0
            if first:
                self._payer = self.budget

    def suppose(self, slot: int) -> None:
        """As an earlier life has it, until somebody says so."""
        self.sim, self._payer = slot, self.budgets[min(slot, len(self.budgets)) - 1]

    def try_session(self, now: Instant) -> None:
        """An attempt begins."""
        self._payer = self.budget
        self._payer.reckon(self._payer.connect, now)
        self._tried_at, self._cost, self._attempting = now, 0, True

    def stand(self) -> None:
        """The session stands: what comes now is no longer the price of an attempt."""
        self._attempting = False

    def end(self, now: Instant, *, told: bool) -> None:
        """The session or attempt ended. ``told``: all that the kernel would say of it was said before.

        What it says nothing of stays as it was reckoned.
        """
        self._attempting = False
        if told:
            self._payer.settle()
        if self._tried_at is not None:
            cost = self._cost or self.budget.connect
            self.not_before = self._tried_at + self.budget.pause_ms(cost, now)

    def probe(self, now: Instant) -> None:
        """A probe goes out."""
        self._payer.reckon(self._payer.each, now)

    def count(self, size: int, now: Instant) -> None:
        """The kernel says what really went over the air, since its last word."""
        self._payer.count(size, now)
        if self._attempting:
            self._cost += size

    def saves(self, now: Instant) -> bool:
        """Whether so little is left that it is saved on: no probe goes out then but those on which promises rest."""
        return self.budget.state(now) != "enough"

    def used_up(self, now: Instant) -> bool:
        """Whether what is left is for envelopes, receipts and commands alone."""
        return self.budget.state(now) == "used-up"

    def begin(self, tried_ms_ago: int, now: Instant) -> None:
        """A life begins, and the one before tried so long ago: where little is left, this one waits its turn."""
        self.not_before = now - tried_ms_ago + self.budget.pause_ms(self.budget.connect, now)
